#include "sim/engine/parts.hpp"

namespace lockstep {

StepPart part_of(const Op& op, bool recompute) {
  switch (op.op_class) {
    case OpClass::linear:
      return recompute ? StepPart::linear_recompute : StepPart::linear;
    case OpClass::attention:
      return StepPart::attention;
    case OpClass::elementwise:
      return StepPart::elementwise;
    case OpClass::head_and_loss:
    case OpClass::embedding:
      return StepPart::ends;
    case OpClass::optimizer:
      return StepPart::optimizer;
  }
  return StepPart::elementwise;
}

StepPart part_of(CommRole role) {
  switch (role) {
    case CommRole::context_exchange:
      return StepPart::context_exposed;
    case CommRole::expert_exchange:
      return StepPart::expert_exposed;
    case CommRole::parameter_gather:
    case CommRole::gradient_reduce:
      return StepPart::fsdp_exposed;
    case CommRole::pipeline_transfer:
      return StepPart::pipeline_exposed;
    case CommRole::tied_embedding:
      return StepPart::data_exposed;
    case CommRole::tensor_forward:
    case CommRole::tensor_backward:
      break;
  }
  return StepPart::tensor_exposed;
}

Seconds Parts::total() const {
  Seconds sum;
  for (const Seconds value : values_) sum += value;
  return sum;
}

Seconds Parts::compute() const {
  const Parts& parts = *this;
  return parts[StepPart::linear] + parts[StepPart::linear_recompute] + parts[StepPart::attention] +
         parts[StepPart::elementwise] + parts[StepPart::ends];
}

void Parts::add(const Parts& other, double times) {
  for (std::size_t i = 0; i < values_.size(); ++i) values_[i] += times * other.values_[i];
}

}  // namespace lockstep
