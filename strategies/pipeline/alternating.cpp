#include "strategies/pipeline/alternating.hpp"

#include <algorithm>

namespace lockstep {

namespace {

std::int64_t group_count(const PipelinePosition& at) {
  return std::max<std::int64_t>(1, at.micro_batches / at.stages);
}

// Walks over the passes of one direction.
class GroupCursor {
 public:
  explicit GroupCursor(const PipelinePosition& at)
      : chunks_(static_cast<std::int32_t>(at.interleave)),
        smaller_(static_cast<std::int32_t>(at.micro_batches / group_count(at))),
        larger_left_(at.micro_batches % group_count(at)) {
    open_group();
  }

  [[nodiscard]] std::int32_t chunk() const { return chunk_; }
  [[nodiscard]] std::int32_t micro_batch() const { return micro_batch_; }

  void advance() {
    if (++micro_batch_ < end_) return;
    micro_batch_ = first_;
    if (++chunk_ < chunks_) return;
    chunk_ = 0;
    first_ = end_;
    micro_batch_ = first_;
    open_group();
  }

 private:
  void open_group() {
    end_ = first_ + smaller_ + (larger_left_ > 0 ? 1 : 0);
    --larger_left_;
  }

  std::int32_t chunks_;
  std::int32_t smaller_;  // micro-batches of the smaller groups
  std::int64_t larger_left_;
  std::int32_t first_ = 0;  // of the group
  std::int32_t end_ = 0;
  std::int32_t chunk_ = 0;
  std::int32_t micro_batch_ = 0;
};

class AlternatingOrder : public PassOrder {
 public:
  AlternatingOrder(const PipelinePosition& at, std::int64_t warmup)
      : passes_(at.micro_batches * at.interleave),
        last_chunk_(static_cast<std::int32_t>(at.interleave - 1)),
        allowed_(std::min(warmup + 1, passes_)),
        forward_(at),
        backward_(at) {}

  bool next(ChunkPass& pass) override {
    if (forwards_ < allowed_) {
      pass = {forward_.chunk(), forward_.micro_batch(), PassKind::forward};
      forward_.advance();
      ++forwards_;
      return true;
    }
    if (backwards_ == passes_) return false;
    pass = {last_chunk_ - backward_.chunk(), backward_.micro_batch(), PassKind::backward};
    backward_.advance();
    ++backwards_;
    allowed_ = std::min(allowed_ + 1, passes_);
    return true;
  }

 private:
  std::int64_t passes_;  // of each direction
  std::int32_t last_chunk_;
  std::int64_t allowed_;  // forward passes before the next backward pass
  std::int64_t forwards_ = 0;
  std::int64_t backwards_ = 0;
  GroupCursor forward_;
  GroupCursor backward_;
};

}  // namespace

std::unique_ptr<PassOrder> alternating_order(const PipelinePosition& at, std::int64_t warmup) {
  return std::make_unique<AlternatingOrder>(at, warmup);
}

std::int64_t first_group(const PipelinePosition& at) {
  const std::int64_t groups = group_count(at);
  return at.micro_batches / groups + (at.micro_batches % groups > 0 ? 1 : 0);
}

}  // namespace lockstep
