#include "sim/engine/memory_profile.hpp"

#include <string>

namespace lockstep {

namespace {

bool has_all(const Lifetime& lifetime) {
  return lifetime.has(Moment::forward) && lifetime.has(Moment::loss) &&
         lifetime.has(Moment::backward) && lifetime.has(Moment::backward_end) &&
         lifetime.has(Moment::optimizer_step);
}

// What backward passes leave for the optimizer. Buffers with this lifetime are there only while the
// passes end.
bool grows_in_backward(const Tensor& tensor) {
  const Lifetime& lifetime = tensor.lifetime;
  return tensor.tensor_class == TensorClass::gradients && !lifetime.has(Moment::forward) &&
         !lifetime.has(Moment::backward) && lifetime.has(Moment::backward_end) &&
         lifetime.has(Moment::optimizer_step);
}

void add_tensor(StageMemoryProfile& profile, const Tensor& tensor) {
  const std::string name = class_name(tensor.tensor_class);
  const double bytes = tensor.bytes.value();
  if (tensor.chunk >= 0) {
    profile.activations[static_cast<std::size_t>(tensor.chunk)] += bytes;
  } else if (has_all(tensor.lifetime)) {
    add_share(profile.always, name, bytes);
  } else if (grows_in_backward(tensor)) {
    add_share(profile.gradients, name, bytes);
  } else {
    const auto during = [&](Moment moment, std::vector<MemoryShare>& shares) {
      if (tensor.lifetime.has(moment)) add_share(shares, name, bytes);
    };
    during(Moment::forward, profile.forward);
    during(Moment::loss, profile.loss);
    during(Moment::backward, profile.backward);
    during(Moment::backward_end, profile.backward_end);
    during(Moment::optimizer_step, profile.optimizer);
  }
}

}  // namespace

StageMemoryProfile memory_profile(const Stage& stage) {
  StageMemoryProfile profile;
  profile.activations.assign(stage.chunks.size(), 0.0);
  for (const Tensor& tensor : stage.tensors) add_tensor(profile, tensor);
  for (std::size_t i = 0; i < stage.chunks.size(); ++i) {
    if (stage.chunks[i].has_head) profile.loss_chunk = static_cast<std::int32_t>(i);
  }
  return profile;
}

}  // namespace lockstep
