// How many micro-batches' activations the chunks of a stage hold while it works in its schedule's
// order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "strategies/pipeline/schedule.hpp"

namespace lockstep::memory {

// Micro-batches beyond which a stage's passes repeat: warm-up fills the pipeline at most twice
// over.
constexpr std::int64_t settled_rounds = 4;

inline std::int64_t settled_micro_batches(std::int64_t micro_batches, std::int64_t stages) {
  return std::min(micro_batches, settled_rounds * stages);
}

// Calls visit(chunk, change) after every pass that begins (+1) or ends (-1) a micro-batch's stay in
// a chunk. `held` counts them by chunk; zeros, one for each chunk, to begin with.
template <class Visit>
void follow_passes(const Schedule& schedule, PipelinePosition at, std::vector<double>& held,
                   const Visit& visit) {
  at.micro_batches = settled_micro_batches(at.micro_batches, at.stages);
  const PassKind last = schedule.splits_backward ? PassKind::weight_gradient : PassKind::backward;
  const auto order = schedule.order(at);
  for (ChunkPass pass; order->next(pass);) {
    if (pass.kind != PassKind::forward && pass.kind != last) continue;
    const double change = pass.kind == PassKind::forward ? 1.0 : -1.0;
    const auto chunk = static_cast<std::size_t>(pass.chunk);
    held[chunk] += change;
    visit(chunk, change);
  }
}

// Vectors of one length, none of which is at least another one in every place.
class MaximalVectors {
 public:
  explicit MaximalVectors(std::size_t length) : length_(length) {}

  void insert(std::span<const double> candidate);

  // The largest product with `weights`, none negative; 0 without vectors.
  [[nodiscard]] double largest_product(std::span<const double> weights) const;

  [[nodiscard]] std::size_t length() const { return length_; }
  [[nodiscard]] std::size_t size() const { return values_.size() / length_; }
  [[nodiscard]] std::size_t bytes() const {
    return sizeof(MaximalVectors) + values_.capacity() * sizeof(double);
  }
  [[nodiscard]] std::span<const double> operator[](std::size_t i) const {
    return {values_.data() + i * length_, length_};
  }

 private:
  std::size_t length_;
  std::size_t guess_ = 0;  // place of the vector that the last candidate did not beat
  std::vector<double> values_;
};

// All that a stage's chunks ever hold at once: every vector of held micro-batches by chunk that is
// the worst one for some bytes of the chunks is among them.
MaximalVectors most_held(const Schedule& schedule, const PipelinePosition& at);

}  // namespace lockstep::memory
