// Orders, bubbles and activations of the pipeline schedules, each worked out by hand or from the
// equation of its paper.
#include <string>

#include "sim/engine/pipeline_time.hpp"
#include "tests/catch.hpp"
#include "tests/support/step_work.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

// "F0" is the forward pass of micro-batch 0, "B" backward, "W" weight gradient; the model chunk in
// front where there are several: "1F0".
std::string order_of(const char* name, PipelinePosition at) {
  const auto order = find_schedule(name)->order(at);
  std::string text;
  ChunkPass pass;
  while (order->next(pass)) {
    if (!text.empty()) text += ' ';
    if (at.interleave > 1) text += std::to_string(pass.chunk);
    text += "FBW"[static_cast<int>(pass.kind)];
    text += std::to_string(pass.micro_batch);
  }
  return text;
}

double in_flight(const char* name, PipelinePosition at) {
  return find_schedule(name)->in_flight(at);
}

// What the step takes beyond one stage's work.
double bubble(const StepWork& work) {
  const StepResult result = run_step(work);
  return (result.passes - result.stages.front().busy).value();
}

// The longest wait of a stage between its first and last pass.
double longest_wait(const StepWork& work) {
  Seconds longest;
  for (const StageResult& stage : run_step(work).stages) longest = std::max(longest, stage.waiting);
  return longest.value();
}

}  // namespace

TEST_CASE("schedules: the orders as the papers draw them") {
  // Two stages, three micro-batches.
  CHECK(order_of("gpipe", {0, 2, 1, 3}) == "F0 F1 F2 B0 B1 B2");
  CHECK(order_of("1f1b", {0, 2, 1, 3}) == "F0 F1 B0 F2 B1 B2");
  CHECK(order_of("1f1b", {1, 2, 1, 3}) == "F0 B0 F1 B1 F2 B2");
  // Stage 1 puts weight gradients off by one micro-batch.
  CHECK(order_of("zb-h1", {0, 2, 1, 3}) == "F0 F1 B0 W0 F2 B1 W1 B2 W2");
  CHECK(order_of("zb-h1", {1, 2, 1, 3}) == "F0 B0 F1 B1 W0 F2 B2 W1 W2");
}

TEST_CASE("schedules: interleaved 1F1B goes through the chunks in groups of p micro-batches") {
  // p = 2, v = 2, m = 4: warm-up 2 (p - i - 1) + (v - 1) p = 4 on stage 0, 2 on stage 1. Forward
  // passes come as 0F0 0F1 1F0 1F1 0F2 0F3 1F2 1F3, backward ones with the chunks swapped.
  CHECK(order_of("1f1b", {0, 2, 2, 4}) ==
        "0F0 0F1 1F0 1F1 0F2 1B0 0F3 1B1 1F2 0B0 1F3 0B1 1B2 1B3 0B2 0B3");
  CHECK(order_of("1f1b", {1, 2, 2, 4}) ==
        "0F0 0F1 1F0 1B0 1F1 1B1 0F2 0B0 0F3 0B1 1F2 1B2 1F3 1B3 0B2 0B3");
  // m = 3 is one group of three: warm-up (v - 1) 3 = 3 on stage 1.
  CHECK(order_of("1f1b", {1, 2, 2, 3}) == "0F0 0F1 0F2 1F0 1B0 1F1 1B1 1F2 1B2 0B0 0B1 0B2");
}

TEST_CASE("schedules: ZB-V as PyTorch publishes it") {
  // p = 2, m = 3 = 2 p - 1. Stage 0: 2 (p - i) - 1 = 3 forwards of chunk 0, then p - i = 2 of chunk
  // 1 with their backward and weight gradient; one round of everything is left, forwards of chunk 0
  // excepted; then the two backwards of chunk 0.
  CHECK(order_of("zb-v", {0, 2, 2, 3}) ==
        "0F0 0F1 0F2 1F0 1B0 1W0 1F1 1B1 1W1 0B0 0W0 1F2 1B2 1W2 0B1 0W1 0B2 0W2");
  // Stage 1: 1 forward of chunk 0; 1 pair of chunk 1 and chunk 0; 1 turn; 1 round; in the end
  // weight gradients lag by i = 1.
  CHECK(order_of("zb-v", {1, 2, 2, 3}) ==
        "0F0 1F0 0F1 1F1 1B0 1W0 0F2 0B0 0W0 1F2 1B1 1W1 0B1 1B2 0B2 0W1 1W2 0W2");
  // Fewer micro-batches than 2 p - 1: the same order without those that don't exist.
  CHECK(order_of("zb-v", {1, 2, 2, 1}) == "0F0 1F0 1B0 1W0 0B0 0W0");
}

TEST_CASE("schedules: bubbles are the papers'") {
  // p = 4, m = 8, f = 1, b = 2 of a stage. GPipe (Huang et al. 2019, section 2) and 1F1B (Narayanan
  // et al. 2021, section 2.2): (p - 1)(f + b) = 9 beside 8 x 3 = 24 s of work; of the step's 33 s
  // that is (p - 1)/(m + p - 1) = 3/11.
  for (const char* name : {"gpipe", "1f1b"}) {
    const StepWork work = equal_step(name, 4, 1, 8, passes(1, 2));
    CHECK(bubble(work) == Approx(9));
    CHECK(bubble(work) / run_step(work).passes.value() == Approx(3.0 / 11));
    CHECK(work.schedule->bubble({0, 4, 1, 8}, passes(1, 2))->value() == Approx(9));
  }
  // Two chunks of half a stage: (p - 1)/(v m) of the work (Narayanan et al. 2021, section 2.2):
  // 3/16 of 24 s.
  const StepWork interleaved = equal_step("1f1b", 4, 2, 8, passes(0.5, 1));
  CHECK(bubble(interleaved) == Approx(24 * 3.0 / 16));
  CHECK(interleaved.schedule->bubble({0, 4, 2, 8}, passes(0.5, 1))->value() == Approx(4.5));
  // No equation where micro-batches don't fill the groups.
  CHECK_FALSE(interleaved.schedule->bubble({0, 4, 2, 9}, passes(0.5, 1)).has_value());
}

TEST_CASE("schedules: the bubbles of the zero-bubble paper") {
  // Qi et al. 2023, table 1: ZB-H1 (p - 1)(f + b - w). p = 4, f = 1, b = 1.25, w = 0.75: 3 x 1.5.
  const StepWork h1 = equal_step("zb-h1", 4, 1, 8, passes(1, 1.25, 0.75));
  CHECK(bubble(h1) == Approx(4.5));
  CHECK(h1.schedule->bubble({0, 4, 1, 8}, passes(1, 1.25, 0.75))->value() == Approx(4.5));
  // f = b = w: a third of 1F1B's, whose backward is b + w: 3 against 9.
  CHECK(bubble(equal_step("zb-h1", 4, 1, 8, passes(1, 1, 1))) == Approx(3));
  CHECK(bubble(equal_step("1f1b", 4, 1, 8, passes(1, 2))) == Approx(9));
  // w = 2 > f = 1 fills f's place only: (p - 1)(f + b - f) = 3 x 2.
  CHECK(bubble(equal_step("zb-h1", 4, 1, 8, passes(1, 2, 2))) == Approx(6));
  CHECK_FALSE(h1.schedule->bubble({0, 4, 1, 3}, passes(1, 1, 1)).has_value());

  // ZB-V: no stage ever waits once it has begun, from m = 2 p - 1 = 7 on. Stage 3 begins 3 f after
  // stage 0, so all together take 3 s longer than one stage's 7 x 2 x 3 s.
  const StepWork v = equal_step("zb-v", 4, 2, 7, passes(1, 1, 1));
  CHECK(longest_wait(v) == Approx(0).margin(1e-12));
  CHECK(run_step(v).passes.value() == Approx(42 + 3));
  CHECK(v.schedule->bubble({0, 4, 2, 7}, passes(1, 1, 1))->value() == 0);
  CHECK(longest_wait(equal_step("zb-v", 4, 2, 6, passes(1, 1, 1))) > 0.5);
  CHECK_FALSE(v.schedule->bubble({0, 4, 2, 6}, passes(1, 1, 1)).has_value());
  CHECK_FALSE(v.schedule->bubble({0, 4, 2, 7}, passes(1, 1, 2)).has_value());
}

TEST_CASE("schedules: micro-batches in flight are the papers'") {
  // 16 micro-batches on 4 stages. GPipe holds them all, 1F1B p - i.
  for (std::int64_t i = 0; i < 4; ++i) {
    CHECK(in_flight("gpipe", {i, 4, 1, 16}) == 16);
    CHECK(in_flight("1f1b", {i, 4, 1, 16}) == static_cast<double>(4 - i));
    // ZB-H1 and ZB-V (2 p half stages) hold p everywhere: Qi et al. 2023, table 1 and section 6.
    CHECK(in_flight("zb-h1", {i, 4, 1, 16}) == 4);
    CHECK(in_flight("zb-v", {i, 4, 2, 16}) == 4);
  }
  // Interleaved, stage 0: p (1 + (p - 1)/(p v)), Korthikanti et al. 2022, section 4.2.
  CHECK(in_flight("1f1b", {0, 4, 2, 16}) == 4 * (1 + 3.0 / 8));
  CHECK(in_flight("1f1b", {0, 8, 5, 16}) == Approx(8 * (1 + 7.0 / 40)));
  // No more than there are.
  CHECK(in_flight("1f1b", {0, 4, 1, 2}) == 2);
  CHECK(in_flight("zb-h1", {0, 4, 1, 3}) == 3);
  // p = 4, m = 2: on stage 3 two of chunk 0 and two of chunk 1, on stage 0 two and one.
  CHECK(in_flight("zb-v", {3, 4, 2, 2}) == 2);
  CHECK(in_flight("zb-v", {0, 4, 2, 2}) == 1.5);
}

TEST_CASE("schedules: chunks per stage that have a meaning") {
  CHECK(accepts_interleave(*find_schedule("1f1b"), 5));
  CHECK_FALSE(accepts_interleave(*find_schedule("1f1b"), 0));
  CHECK_FALSE(accepts_interleave(*find_schedule("gpipe"), 2));
  CHECK_FALSE(accepts_interleave(*find_schedule("zb-v"), 1));
  CHECK(accepts_interleave(*find_schedule("zb-v"), 2));
  CHECK_FALSE(accepts_interleave(*find_schedule("zb-v"), 3));
}

TEST_CASE("schedules: where the chunks lie") {
  // Three stages: round robin 0 1 2 0 1 2, V 0 1 2 2 1 0.
  const auto stages_of = [](ChunkLayout layout) {
    std::string text;
    for (std::int64_t n = 0; n < 6; ++n) {
      const ChunkPlace place = chunk_place(layout, 3, n);
      CHECK(place.chunk == n / 3);
      CHECK(virtual_stage(layout, 3, place) == n);
      text += std::to_string(place.stage);
    }
    return text;
  };
  CHECK(stages_of(ChunkLayout::round_robin) == "012012");
  CHECK(stages_of(ChunkLayout::v_shape) == "012210");
}

TEST_CASE("pipeline: a slow first stage fills its waiting with work") {
  // Stage 0 takes 2 s + 2 s, stage 1 takes 1 s + 1 s, 3 micro-batches. Stage 0: F0 0-2, F1 2-4 (B0
  // is ready at 4), B0 4-6, F2 6-8, B1 8-10, B2 after stage 1's F2 8-9 and B2 9-10: 10-12. The
  // closed form of a slowest last stage would say 3 x 4 + 2 = 14.
  StepWork work = equal_step("1f1b", 2, 1, 3, passes(1, 1));
  work.stages[0].chunks[0] = passes(2, 2);
  CHECK_FALSE(step_closed_form(work).has_value());
  CHECK(step_total(work).value() == Approx(12));
}
