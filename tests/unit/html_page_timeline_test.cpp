// Are the slices and memory curves of a page those of the step, and does it say what it leaves out?
#include "sim/report/html/page_timeline.hpp"

#include <map>
#include <numeric>

#include "sim/engine/memory_curve.hpp"
#include "tests/catch.hpp"
#include "tests/support/hand_timeline.hpp"

using namespace lockstep;
using namespace lockstep::test;

namespace {

using Json = nlohmann::ordered_json;

// Forward 1 s, backward 2 s; transfers of half a second.
TimelineReport stages_of(int stages, int micro_batches) {
  HandTimes times;
  times.transfer = 0.5;
  TimelineReport timeline =
      hand_timeline(one_forward_one_backward(stages, micro_batches), 1, micro_batches, times);
  for (int stage = 0; stage < stages; ++stage) {
    StageMemoryProfile profile;
    profile.always = {{"weights", 100}};
    profile.activations = {10};
    profile.forward = {{"workspace", 5}};
    timeline.memory.push_back(profile);
  }
  return timeline;
}

}  // namespace

TEST_CASE("page: all slices of a small step", "[unit][page]") {
  const TimelineReport timeline = stages_of(2, 4);
  const Json page = page_timeline(timeline, 100);
  // 2 stages × 4 micro-batches × forward and backward, and as many transfers of either kind.
  CHECK(page["slices_of_the_step"] == 24);
  CHECK(page["slices_shown"] == 24);
  CHECK(page["slices_left_out"] == 0);
  CHECK(page["transfers_shown"] == true);
  CHECK(page["left_out"].is_null());
  for (const char* column : {"stage", "stream", "kind", "chunk", "micro_batch", "start_s", "seconds"}) {
    CHECK(page["slices"][column].size() == 24);
  }
  double busy = 0;
  for (std::size_t i = 0; i < 24; ++i) {
    if (page["slices"]["stream"][i] == 0) busy += page["slices"]["seconds"][i].get<double>();
  }
  CHECK(busy == 24.0);  // 8 forward passes of 1 s, 8 backward passes of 2 s
}

TEST_CASE("page: of a larger step transfers go first", "[unit][page]") {
  const Json page = page_timeline(stages_of(2, 4), 20);
  CHECK(page["slices_shown"] == 16);
  CHECK(page["slices_left_out"] == 8);
  CHECK(page["transfers_shown"] == false);
  CHECK(page["left_out"].is_null());
}

TEST_CASE("page: of a long step the middle goes, and nothing else", "[unit][page]") {
  const TimelineReport timeline = stages_of(2, 400);
  const Json page = page_timeline(timeline, 100);
  CHECK(page["slices_of_the_step"] == 2400);
  CHECK(page["transfers_shown"] == false);
  REQUIRE(page["left_out"].is_object());
  const double from = page["left_out"]["from_s"];
  const double to = page["left_out"]["to_s"];
  CHECK(from > 0);
  CHECK(to > from);
  const std::size_t shown = page["slices_shown"];
  CHECK(shown > 90);
  CHECK(shown < 120);
  // What is not inside the gap is there, a pass that reaches into it whole.
  std::size_t outside = 0;
  struct Outside final : SliceSink {
    double from = 0, to = 0;
    std::size_t count = 0;
    void add(const Slice& slice) override {
      const bool transfer = slice.kind == SliceKind::transfer;
      if (!transfer && (slice.start < from || slice.end > to)) ++count;
    }
  } sink;
  sink.from = from;
  sink.to = to;
  timeline.play(sink);
  outside = sink.count;
  CHECK(shown == outside);
}

TEST_CASE("page: the classes of a memory curve sum to it", "[unit][page]") {
  const Json page = page_memory(stages_of(2, 4), 1000);
  CHECK(page["stages_left_out"] == 0);
  REQUIRE(page["stages"].size() == 2);
  CHECK(page["worst_stage"] == 0);  // holds two micro-batches: 100 + 20 + 5
  CHECK(page["stages"][0]["peak"]["bytes"] == 125.0);
  for (const Json& stage : page["stages"]) {
    for (std::size_t i = 0; i < stage["time_s"].size(); ++i) {
      double sum = 0;
      for (const Json& one : stage["classes"]) {
        sum += one["bytes"].is_array() ? one["bytes"][i].get<double>() : one["bytes"].get<double>();
      }
      CHECK(sum == stage["bytes"][i].get<double>());
    }
  }
}

TEST_CASE("page: of many stages the curves of the first, the last and the worst", "[unit][page]") {
  const Json page = page_memory(stages_of(8, 400), 400);
  CHECK(page["stages"].size() == 2);  // the first is the worst
  CHECK(page["stages_left_out"] == 6);
  for (const Json& stage : page["stages"]) {
    CHECK(stage["time_s"].size() <= 134);  // 400 points over three stages
    CHECK(stage["time_s"].size() > 60);
    // Thinning keeps the highest level, and no stretch is longer than some of the others.
    double most = 0;
    for (const Json& bytes : stage["bytes"]) most = std::max(most, bytes.get<double>());
    CHECK(most == stage["peak"]["bytes"].get<double>());
    double longest = 0;
    for (std::size_t i = 1; i < stage["time_s"].size(); ++i) {
      longest = std::max(longest, stage["time_s"][i].get<double>() - stage["time_s"][i - 1].get<double>());
    }
    CHECK(longest < 0.05 * page["end_s"].get<double>());
  }
}

TEST_CASE("page: no memory, no curves", "[unit][page]") {
  TimelineReport timeline = stages_of(2, 4);
  timeline.memory.clear();
  CHECK(page_memory(timeline, 1000).is_null());
}
