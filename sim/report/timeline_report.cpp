#include "sim/report/timeline_report.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

namespace lockstep {

namespace {

// Hands every slice to several sinks.
class Both final : public SliceSink {
 public:
  Both(SliceSink& first, SliceSink& second) : first_(first), second_(second) {}
  void add(const Slice& slice) override {
    first_.add(slice);
    second_.add(slice);
  }

 private:
  SliceSink& first_;
  SliceSink& second_;
};

// Adds up what the stages do. Memory O(stages).
class Totals final : public SliceSink {
 public:
  explicit Totals(const TimelineReport& timeline)
      : release_(timeline.splits_backward ? SliceKind::weight_gradient : SliceKind::backward),
        held_(static_cast<std::size_t>(timeline.stages), 0),
        first_start_(held_.size(), -1),
        last_end_(held_.size(), 0) {
    summary_.micro_batches = timeline.micro_batches;
    summary_.stages.resize(held_.size());
    summary_.first_pass_s = std::numeric_limits<double>::infinity();
  }

  void add(const Slice& slice) override {
    summary_.end_s = std::max(summary_.end_s, slice.end);
    if (slice.end > slice.start) summary_.kinds.at(static_cast<std::size_t>(slice.kind)) = true;
    if (slice.kind > SliceKind::weight_gradient) return;
    const auto stage = static_cast<std::size_t>(slice.stage);
    StageSummary& totals = summary_.stages[stage];
    totals.busy_s += slice.end - slice.start;
    summary_.first_pass_s = std::min(summary_.first_pass_s, slice.start);
    summary_.last_pass_s = std::max(summary_.last_pass_s, slice.end);
    if (first_start_[stage] < 0) first_start_[stage] = slice.start;
    last_end_[stage] = std::max(last_end_[stage], slice.end);
    const auto kind = static_cast<std::size_t>(slice.kind);
    time_[kind] += slice.end - slice.start;
    passes_[kind] += 1;
    if (slice.kind == SliceKind::forward) {
      totals.most_passes_held = std::max(totals.most_passes_held, ++held_[stage]);
    }
    if (slice.kind == release_) --held_[stage];
    if (stage > 0) return;
    if (slice.kind == SliceKind::forward) {
      summary_.last_forward_start_s = slice.start;
    } else if (summary_.first_backward_end_s == 0) {
      summary_.first_backward_end_s = slice.end;
    }
  }

  TimelineSummary take() {
    if (summary_.last_pass_s == 0) summary_.first_pass_s = 0;
    const double window = summary_.last_pass_s - summary_.first_pass_s;
    for (std::size_t i = 0; i < held_.size(); ++i) {
      StageSummary& stage = summary_.stages[i];
      stage.bubble_s = std::max(0.0, window - stage.busy_s);
      stage.idle_between_s = std::max(0.0, last_end_[i] - first_start_[i] - stage.busy_s);
      stage.bubble_fraction = window > 0 ? stage.bubble_s / window : 0;
    }
    const auto mean = [this](SliceKind kind) {
      const auto i = static_cast<std::size_t>(kind);
      return passes_[i] > 0 ? time_[i] / passes_[i] : 0.0;
    };
    summary_.forward_s = mean(SliceKind::forward);
    summary_.backward_s = mean(SliceKind::backward);
    summary_.weight_gradient_s = mean(SliceKind::weight_gradient);
    return std::move(summary_);
  }

 private:
  SliceKind release_;
  TimelineSummary summary_;
  std::vector<std::int64_t> held_;
  std::vector<double> first_start_, last_end_;
  std::array<double, 3> time_{};
  std::array<double, 3> passes_{};
};

}  // namespace

std::int64_t most_slices(const TimelineReport& timeline) {
  const std::int64_t virtual_stages = timeline.stages * timeline.interleave;
  const std::int64_t passes = timeline.splits_backward ? 3 : 2;
  return timeline.micro_batches * (passes * virtual_stages + 2 * (virtual_stages - 1));
}

TimelineSummary summarize(const TimelineReport& timeline, std::size_t most_points) {
  Totals totals(timeline);
  MemoryCurves curves(timeline.memory, timeline.splits_backward, most_points);
  Both both(totals, curves);
  timeline.play(both);
  TimelineSummary summary = totals.take();
  summary.memory = curves.take();
  for (std::size_t i = 0; i < std::min(summary.memory.size(), summary.stages.size()); ++i) {
    summary.stages[i].peak_allocated_bytes = summary.memory[i].peak.bytes;
    if (summary.memory[i].peak.bytes > summary.memory[summary.worst_stage].peak.bytes) {
      summary.worst_stage = i;
    }
  }
  return summary;
}

std::string instant_name(const MemoryPeak& peak, const TimelineReport& timeline) {
  if (!peak.in_pass) return "before the first pass";
  if (peak.kind == SliceKind::optimizer) return "at the optimizer step";
  const char* pass = "forward pass";
  if (peak.loss) pass = "loss";
  if (peak.kind == SliceKind::backward) pass = "backward pass";
  if (peak.pass_end) pass = "end of the backward pass";
  if (peak.kind == SliceKind::weight_gradient) pass = "weight gradients";
  std::string name = fmt::format("at the {} of micro-batch {}", pass, peak.micro_batch + 1);
  if (timeline.interleave > 1) name += fmt::format(" through chunk {}", peak.chunk + 1);
  return name;
}

}  // namespace lockstep
