// The sweep that finds a step's total and the bound below it, against the timeline engine on random
// steps.
#include <algorithm>
#include <map>
#include <string>

#include "sim/engine/pass_sweep.hpp"
#include "sim/engine/pipeline_time.hpp"
#include "sim/engine/pipeline_work.hpp"
#include "tests/catch.hpp"
#include "tests/support/random_steps.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

// Sums of the same doubles in different order.
constexpr double rounding = 1e-9;

// Any micro-batches, also those that interleaved plans never have; two stages in five draws or so
// like the one before.
PipelineWork random_work(RandomSteps& draws, std::int64_t most_micro_batches) {
  const Schedule& schedule = draws.schedule();
  StepWork step = draws.step(schedule, most_micro_batches);
  if (draws.between(0, 4) == 0) step.micro_batches = draws.between(1, most_micro_batches);
  if (draws.between(0, 4) > 0) draws.make_uneven(step);
  if (draws.coin()) draws.add_transfers(step, draws.coin() ? 0.4 : 3.0);
  if (draws.coin()) draws.add_ends(step);
  PipelineWork work;
  work.schedule = step.schedule;
  work.interleave = step.interleave;
  work.micro_batches = step.micro_batches;
  work.host = step.host;
  for (const StageWork& stage : step.stages) {
    if (work.kinds.empty() || draws.between(0, 4) > 1) work.kinds.push_back(stage);
    work.kind_of.push_back(static_cast<std::uint16_t>(work.kinds.size() - 1));
    work.sends.push_back({stage.forward_send_blocking.value(), stage.forward_send_hidden.value(),
                          stage.backward_send_blocking.value(),
                          stage.backward_send_hidden.value()});
  }
  return work;
}

std::string name_of(const PipelineWork& work) {
  return std::string(work.schedule->name) + (work.interleave > 1 ? " interleaved" : "");
}

std::string text_of(const PipelineWork& work) {
  return name_of(work) + ": " + std::to_string(work.kind_of.size()) + " stages, " +
         std::to_string(work.interleave) + " chunks, " + std::to_string(work.micro_batches) +
         " micro-batches";
}

}  // namespace

TEST_CASE("pipeline work: the total is the engine's and never below the bound") {
  RandomSteps draws(11);
  PipelineDurations durations;
  std::map<std::string, int> steps;
  for (int i = 0; i < 4000; ++i) {
    const PipelineWork work = random_work(draws, 60);
    const StepWork step = expanded(work);
    INFO(text_of(work));
    const double placed = run_step(step).total.value();
    const double total = durations.total(work).value();
    CHECK(total == Approx(placed).epsilon(rounding));
    CHECK(durations.total(step).value() == total);
    const double least = durations.least(work).value();
    CHECK(least <= placed * (1 + rounding));
    CHECK(least > 0.4 * placed);
    ++steps[name_of(work)];
  }
  for (const char* name : {"1f1b", "1f1b interleaved", "gpipe", "zb-h1", "zb-v interleaved"}) {
    INFO(name);
    CHECK(steps[name] > 100);
  }
}

TEST_CASE("pipeline work: closed forms and the sweep agree") {
  RandomSteps draws(12);
  PassTables tables(10'000'000);
  PassSweep sweep;
  PipelineView view;
  int both = 0;
  for (int i = 0; i < 2000; ++i) {
    const PipelineWork work = random_work(draws, 40);
    view.look_at(work);
    const std::optional<Seconds> closed = closed_form(view);
    if (!closed) continue;
    const auto table = tables.get({work.schedule, static_cast<std::int64_t>(work.kind_of.size()),
                                   work.interleave, work.micro_batches});
    REQUIRE(table != nullptr);
    INFO(text_of(work));
    const Seconds swept = Seconds{sweep.end_of_reductions(view, *table)} + ends_of_step(view);
    CHECK(swept.value() == Approx(closed->value()).epsilon(rounding));
    ++both;
  }
  CHECK(both > 300);
}

TEST_CASE("pipeline work: skipping rounds loses nothing") {
  RandomSteps draws(13);
  PassTables tables(10'000'000);
  PassSweep sweep;
  PipelineView view;
  std::map<std::string, int> skipped;
  for (int i = 0; i < 250; ++i) {
    PipelineWork work = random_work(draws, 1);
    const auto stages = static_cast<std::int64_t>(work.kind_of.size());
    work.micro_batches = stages * draws.between(30, 150);
    view.look_at(work);
    const auto table = tables.get({work.schedule, stages, work.interleave, work.micro_batches});
    REQUIRE(table != nullptr);
    INFO(text_of(work));
    const Seconds swept = Seconds{sweep.end_of_reductions(view, *table)} + ends_of_step(view);
    CHECK(swept.value() == Approx(run_step(expanded(work)).total.value()).epsilon(rounding));
    if (table->round_micro_batches == 0) continue;
    const std::int64_t rounds =
        (work.micro_batches - table->micro_batches) / table->round_micro_batches;
    CHECK(sweep.rounds_run() <= rounds);
    if (2 * sweep.rounds_run() < rounds) ++skipped[name_of(work)];
  }
  CHECK(tables.bytes() <= 10'000'000);
  for (const char* name : {"1f1b", "1f1b interleaved", "zb-h1", "zb-v interleaved"}) {
    INFO(name);
    CHECK(skipped[name] > 10);
  }
}

TEST_CASE("pipeline work: the bound grows with every duration") {
  RandomSteps draws(14);
  PipelineDurations durations;
  for (int i = 0; i < 500; ++i) {
    const PipelineWork work = random_work(draws, 40);
    PipelineWork slower = work;
    for (StageWork& kind : slower.kinds) {
      for (PassCost& chunk : kind.chunks) chunk.backward *= draws.factor(1, 1.2);
    }
    INFO(text_of(work));
    CHECK(durations.least(slower) >= (1 - rounding) * durations.least(work));
    CHECK(durations.total(slower) >= (1 - rounding) * durations.total(work));
  }
}
