// ZB-H1: 1F1B whose backward pass is split. The next stage waits only for the input gradient;
// weight gradients are put off, on stage i by i micro-batches, and fill the bubble at the end.
//
//   bubble    = (p - 1)(f + b - min(f, w)): the paper's (p - 1)(f + b - w) where w <= f
//   in flight = min(m, p) on every stage: 1F1B's first stage, everywhere
//
// Qi et al. 2023 (arXiv:2401.10241), section 2.1 and table 1. Holds for equal stages, m >= p and
// w <= b. The paper states it for f, b, w nearly alike; that a weight gradient longer than a
// forward pass fills no more than that pass's place is seen from the order. A micro-batch counts as
// in flight until its weight gradient is done; what the input gradient alone frees is ignored.
#include <algorithm>

#include "strategies/pipeline/registered.hpp"

namespace lockstep {

namespace {

class ZbH1Order : public PassOrder {
 public:
  explicit ZbH1Order(const PipelinePosition& at)
      : micro_batches_(static_cast<std::int32_t>(at.micro_batches)),
        lag_(static_cast<std::int32_t>(at.stage)),
        warmup_(static_cast<std::int32_t>(at.stages - at.stage - 1)) {}

  bool next(ChunkPass& pass) override {
    if (weights_ < backwards_ - lag_) {
      pass = {0, weights_++, PassKind::weight_gradient};
    } else if (forwards_ < std::min(micro_batches_, warmup_ + backwards_ + 1)) {
      pass = {0, forwards_++, PassKind::forward};
    } else if (backwards_ < micro_batches_) {
      pass = {0, backwards_++, PassKind::backward};
    } else if (weights_ < micro_batches_) {
      pass = {0, weights_++, PassKind::weight_gradient};
    } else {
      return false;
    }
    return true;
  }

 private:
  std::int32_t micro_batches_;
  std::int32_t lag_;     // micro-batches by which weight gradients come after backward passes
  std::int32_t warmup_;  // forward passes before the first pair
  std::int32_t forwards_ = 0;
  std::int32_t backwards_ = 0;
  std::int32_t weights_ = 0;
};

std::unique_ptr<PassOrder> order(const PipelinePosition& at) {
  return std::make_unique<ZbH1Order>(at);
}

double in_flight(const PipelinePosition& at) {
  return static_cast<double>(std::min(at.stages, at.micro_batches));
}

std::optional<Seconds> bubble(const PipelinePosition& at, const PassCost& chunk) {
  if (at.micro_batches < at.stages || chunk.weight_gradient > chunk.backward) return std::nullopt;
  const Seconds filled = std::min(chunk.forward, chunk.weight_gradient);
  return static_cast<double>(at.stages - 1) * (chunk.forward + chunk.backward - filled);
}

}  // namespace

const Schedule zb_h1{"zb-h1",
                     "zero bubble H1: 1f1b with weight gradients put off into the bubble; every "
                     "stage may hold as many micro-batches as the first one of 1f1b",
                     "Qi et al. 2023 (arXiv:2401.10241) section 2.1",
                     ChunkRule::one,
                     ChunkLayout::round_robin,
                     true,
                     &order,
                     &in_flight,
                     &bubble,
                     "(p − 1)(F + B − min(F, W))"};

}  // namespace lockstep
