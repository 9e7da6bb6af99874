#include "sim/report/html/page_timeline.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace lockstep {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t bins = 4096;

constexpr std::array<const char*, static_cast<std::size_t>(Stream::count)> stream_names{
    "compute", "send activations", "send gradients", "data parallel"};

constexpr std::array<const char*, static_cast<std::size_t>(SliceKind::count)> kind_names{
    "forward",          "backward",           "weight gradient", "transfer",
    "parameter gather", "gradient reduction", "optimizer",       "host and stragglers"};

// To a nanosecond: half the digits, and nothing that a picture shows.
double rounded(double seconds) {
  return std::round(seconds * 1e9) / 1e9;
}

// A part of the step whose slices are all shown.
struct Span {
  double from = 0;
  double to = 0;
};

// How many slices start when, transfers apart from the rest.
class Census final : public SliceSink {
 public:
  explicit Census(double end) : end_(end) {}

  void add(const Slice& slice) override {
    if (slice.end <= slice.start) return;
    last_ = std::max(last_, slice.end);
    const bool transfer = slice.kind == SliceKind::transfer;
    ++(transfer ? transfers_ : others_).at(bin_of(slice.start));
    ++(transfer ? transfer_count_ : other_count_);
  }

  [[nodiscard]] std::int64_t all() const { return transfer_count_ + other_count_; }
  [[nodiscard]] std::int64_t without_transfers() const { return other_count_; }
  [[nodiscard]] double last() const { return last_; }

  // Where, from the start or from the end, so many slices other than transfers have been passed.
  [[nodiscard]] double reach(std::int64_t slices, bool from_start) const {
    std::int64_t passed = 0;
    for (std::size_t i = 0; i < bins; ++i) {
      passed += others_.at(from_start ? i : bins - 1 - i);
      if (passed <= slices) continue;
      return end_ * static_cast<double>(from_start ? i : bins - i) / static_cast<double>(bins);
    }
    return from_start ? end_ : 0;
  }

 private:
  [[nodiscard]] std::size_t bin_of(double time) const {
    const double share = end_ > 0 ? time / end_ : 0;
    return std::min(static_cast<std::size_t>(std::max(share, 0.0) * static_cast<double>(bins)),
                    bins - 1);
  }

  double end_;
  double last_ = 0;
  std::int64_t transfer_count_ = 0;
  std::int64_t other_count_ = 0;
  std::array<std::int64_t, bins> transfers_{};
  std::array<std::int64_t, bins> others_{};
};

class Columns final : public SliceSink {
 public:
  Columns(bool transfers, Span left_out) : transfers_(transfers), left_out_(left_out) {}

  void add(const Slice& slice) override {
    if (slice.end <= slice.start) return;
    if (!transfers_ && slice.kind == SliceKind::transfer) return;
    const bool inside = slice.start >= left_out_.from && slice.end <= left_out_.to;
    if (inside && left_out_.to > left_out_.from) return;
    stage_.push_back(slice.stage);
    stream_.push_back(static_cast<int>(slice.stream));
    kind_.push_back(static_cast<int>(slice.kind));
    chunk_.push_back(slice.chunk);
    micro_batch_.push_back(slice.micro_batch);
    start_.push_back(rounded(slice.start));
    seconds_.push_back(rounded(slice.end - slice.start));
  }

  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(stage_.size()); }

  Json take() {
    return {{"stage", std::move(stage_)}, {"stream", std::move(stream_)},
            {"kind", std::move(kind_)},   {"chunk", std::move(chunk_)},
            {"micro_batch", std::move(micro_batch_)},
            {"start_s", std::move(start_)}, {"seconds", std::move(seconds_)}};
  }

 private:
  bool transfers_;
  Span left_out_;
  std::vector<std::int32_t> stage_, stream_, kind_, chunk_, micro_batch_;
  std::vector<double> start_, seconds_;
};

}  // namespace

Json page_timeline(const TimelineReport& timeline, std::int64_t most) {
  Census census(timeline.step_s);
  timeline.play(census);
  const bool transfers = census.all() <= most;
  Span left_out;
  if (census.without_transfers() > most) {
    left_out = {census.reach(most / 2, true), census.reach(most / 2, false)};
    if (left_out.to <= left_out.from) left_out = {};
  }
  Columns columns(transfers, left_out);
  timeline.play(columns);
  const bool gap = left_out.to > left_out.from;
  Json json{{"schedule", timeline.schedule},
            {"stages", timeline.stages},
            {"interleave", timeline.interleave},
            {"micro_batches", timeline.micro_batches},
            {"step_s", timeline.step_s},
            {"end_s", std::max(timeline.step_s, rounded(census.last()))},
            {"slices_of_the_step", census.all()},
            {"slices_shown", columns.count()},
            {"slices_left_out", census.all() - columns.count()},
            {"transfers_shown", transfers},
            {"left_out", gap ? Json{{"from_s", left_out.from}, {"to_s", left_out.to}}
                             : Json(nullptr)},
            {"streams", stream_names},
            {"kinds", kind_names}};
  json["slices"] = columns.take();
  return json;
}

}  // namespace lockstep
