#include "sim/engine/parts.hpp"

namespace lockstep {

Part part_of(const Op& op, bool recompute) {
  switch (op.op_class) {
    case OpClass::linear:
      return recompute ? Part::linear_recompute : Part::linear;
    case OpClass::attention:
      return Part::attention;
    case OpClass::elementwise:
      return Part::elementwise;
    case OpClass::head_and_loss:
    case OpClass::embedding:
      return Part::ends;
    case OpClass::optimizer:
      return Part::optimizer;
  }
  return Part::elementwise;
}

Part part_of(CommRole role) {
  switch (role) {
    case CommRole::context_exchange:
      return Part::context_exposed;
    case CommRole::expert_exchange:
      return Part::expert_exposed;
    case CommRole::parameter_gather:
    case CommRole::gradient_reduce:
      return Part::fsdp_exposed;
    case CommRole::pipeline_transfer:
      return Part::pipeline_exposed;
    case CommRole::tied_embedding:
      return Part::data_exposed;
    case CommRole::tensor_forward:
    case CommRole::tensor_backward:
      break;
  }
  return Part::tensor_exposed;
}

Seconds Parts::total() const {
  Seconds sum;
  for (const Seconds value : values_) sum += value;
  return sum;
}

void Parts::add(const Parts& other, double times) {
  for (std::size_t i = 0; i < values_.size(); ++i) values_[i] += times * other.values_[i];
}

}  // namespace lockstep
