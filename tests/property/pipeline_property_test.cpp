// The step's timeline on random legal steps: closed form against engine, one body for both, and
// what holds for every step.
#include <algorithm>
#include <map>
#include <utility>

#include "sim/engine/pipeline_time.hpp"
#include "tests/catch.hpp"
#include "tests/support/random_steps.hpp"
#include "tests/support/step_work.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

// Sums of the same doubles in different order.
constexpr double rounding = 1e-9;

// 1F1B's closed form wants its slowest stage last.
void slow_down_last(StepWork& work) {
  PassCost& last = work.stages.back().chunks.front();
  Seconds most;
  for (const StageWork& stage : work.stages) {
    most = std::max(most, stage.chunks.front().forward + stage.chunks.front().backward +
                              stage.forward_send_blocking + stage.backward_send_blocking);
  }
  last.backward = std::max(last.backward, most - last.forward);
}

StepWork with_micro_batches(StepWork work, std::int64_t micro_batches) {
  work.micro_batches = micro_batches;
  return work;
}

// Idle share of the pipeline, all stages together.
double bubble_fraction(const StepWork& work) {
  const StepResult result = run_step(work);
  double busy = 0;
  for (const StageResult& stage : result.stages) busy += stage.busy.value();
  return 1 - busy / (result.passes.value() * static_cast<double>(work.stages.size()));
}

}  // namespace

TEST_CASE("step timeline: the closed form is the engine's total wherever there is one") {
  RandomSteps draws(1);
  std::map<std::pair<std::string, bool>, int> exact;
  for (int i = 0; i < 8000; ++i) {
    StepWork work = draws.step(draws.schedule(), 40);
    const bool one_chunk = work.interleave == 1 && !work.schedule->splits_backward && draws.coin();
    if (one_chunk) {
      draws.make_uneven(work);
      draws.add_transfers(work, draws.coin() ? 0.5 : 1.5);
      if (draws.coin()) draws.add_ends(work);
      if (draws.coin()) slow_down_last(work);
    }
    if (work.schedule->layout == ChunkLayout::v_shape && draws.coin()) {
      work = equal_step("zb-v", static_cast<std::int64_t>(work.stages.size()), 2,
                        work.micro_batches, passes(1.5, 1.5, 1.5));
    }
    const std::optional<Seconds> closed = step_closed_form(work);
    if (!closed) continue;
    const StepResult result = run_step(work);
    INFO(work.schedule->name << " " << work.stages.size() << " stages " << work.interleave
                             << " chunks " << work.micro_batches << " micro-batches");
    CHECK(closed->value() == Approx(result.total.value()).epsilon(rounding));
    ++exact[{work.schedule->name + std::string(work.interleave > 1 ? " interleaved" : ""),
             one_chunk}];
  }
  CHECK(exact[{"gpipe", false}] > 500);
  CHECK(exact[{"gpipe", true}] > 500);
  CHECK(exact[{"1f1b", false}] > 100);
  CHECK(exact[{"1f1b", true}] > 100);
  CHECK(exact[{"1f1b interleaved", false}] > 500);
  CHECK(exact[{"zb-h1", false}] > 500);
  CHECK(exact[{"zb-v interleaved", false}] > 300);
}

TEST_CASE("step timeline: the bubble is the schedule's equation wherever there is one") {
  RandomSteps draws(2);
  int held = 0;
  for (int i = 0; i < 2000; ++i) {
    const StepWork work = draws.step(draws.schedule(), 60);
    const PassCost& chunk = work.stages.front().chunks.front();
    const std::optional<Seconds> bubble = work.schedule->bubble(
        {0, static_cast<std::int64_t>(work.stages.size()), work.interleave, work.micro_batches},
        chunk);
    if (!bubble) continue;
    ++held;
    Seconds longest;
    for (const StageResult& stage : run_step(work).stages) {
      longest = std::max(longest, stage.waiting);
    }
    CHECK(longest.value() == Approx(bubble->value()).epsilon(rounding).margin(rounding));
  }
  CHECK(held > 1000);
}

TEST_CASE("step timeline: path, streams and stages add up on every step") {
  RandomSteps draws(4);
  for (int i = 0; i < 600; ++i) {
    StepWork work = draws.step(draws.schedule(), 30);
    draws.make_uneven(work);
    draws.add_transfers(work, 3.0);
    if (i % 3 > 0) draws.add_ends(work);
    Slices slices;
    const StepResult result = run_step(work, &slices);
    const double total = result.total.value();
    INFO(work.schedule->name << " " << work.stages.size() << " " << work.micro_batches);
    CHECK(result.path.total().value() == Approx(total).epsilon(rounding));
    CHECK(run_step(work).total.value() == total);
    CHECK(run_step(work).tasks == result.tasks);

    std::map<std::pair<std::int32_t, Stream>, double> free;
    std::vector<double> busy(work.stages.size(), 0);
    double end = 0;
    int overlaps = 0;
    for (const Slice& slice : slices.all) {
      double& before = free[{slice.stage, slice.stream}];
      if (slice.start < before - rounding * total || slice.end < slice.start) ++overlaps;
      before = slice.end;
      end = std::max(end, slice.end);
      if (slice.kind <= SliceKind::weight_gradient) {
        busy[static_cast<std::size_t>(slice.stage)] += slice.end - slice.start;
      }
    }
    CHECK(overlaps == 0);
    CHECK(end == Approx(total).epsilon(rounding));
    for (std::size_t s = 0; s < busy.size(); ++s) {
      const StageResult& stage = result.stages[s];
      CHECK((stage.busy + stage.idle).value() == Approx(total).epsilon(rounding));
      CHECK((stage.first_start + stage.busy + stage.sending + stage.waiting).value() ==
            Approx(stage.end_of_passes.value()).epsilon(rounding));
      // A first forward that stalls for its gather is drawn with its stalls.
      if (i % 3 == 0) CHECK(busy[s] == Approx(stage.busy.value()).epsilon(rounding));
      CHECK(static_cast<double>(stage.most_in_flight_chunks) ==
            work.schedule->in_flight({static_cast<std::int64_t>(s),
                                      static_cast<std::int64_t>(work.stages.size()),
                                      work.interleave, work.micro_batches}) *
                static_cast<double>(work.interleave));
    }
  }
}

TEST_CASE("step timeline: more micro-batches never raise the bubble fraction") {
  RandomSteps draws(5);
  for (int i = 0; i < 600; ++i) {
    StepWork work = draws.step(draws.schedule(), 40);
    if (draws.coin()) draws.make_uneven(work);
    const auto stages = static_cast<std::int64_t>(work.stages.size());
    const std::int64_t step = work.interleave > 1 ? stages : 1;
    if (work.interleave > 1) work.micro_batches = stages * draws.between(1, 5);
    double before = bubble_fraction(work);
    for (int k = 0; k < 3; ++k) {
      work = with_micro_batches(work, work.micro_batches + step);
      const double after = bubble_fraction(work);
      INFO(work.schedule->name << " " << work.stages.size() << " " << work.micro_batches);
      CHECK(after <= before + rounding);
      before = after;
    }
  }
}

TEST_CASE("step timeline: free transfers leave none exposed, and cost never saves time") {
  RandomSteps draws(6);
  for (int i = 0; i < 500; ++i) {
    StepWork work = draws.step(draws.schedule(), 30);
    draws.make_uneven(work);
    const StepResult free = run_step(work);
    CHECK(free.path.of(SliceKind::transfer).value() == 0);
    for (const StageResult& stage : free.stages) CHECK(stage.sending.value() == 0);
    StepWork paid = work;
    draws.add_transfers(paid, 3.0);
    const StepResult slower = run_step(paid);
    CHECK(slower.total.value() >= free.total.value() * (1 - rounding));
    draws.add_ends(paid);
    CHECK(run_step(paid).total.value() >= slower.total.value() * (1 - rounding));
  }
}

TEST_CASE("step timeline: no step is faster than its busiest stage or than one micro-batch alone") {
  RandomSteps draws(7);
  for (int i = 0; i < 1000; ++i) {
    StepWork work = draws.step(draws.schedule(), 30);
    draws.make_uneven(work);
    const StepResult result = run_step(work);
    double there_and_back = 0;
    for (const StageWork& stage : work.stages) {
      for (const PassCost& chunk : stage.chunks) {
        there_and_back += (chunk.forward + chunk.backward).value();
      }
    }
    CHECK(result.total.value() >= there_and_back * (1 - rounding));
    for (const StageResult& stage : result.stages) {
      CHECK(result.total.value() >= stage.busy.value() * (1 - rounding));
    }
  }
}
