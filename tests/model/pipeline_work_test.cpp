// The total of a step without its timeline, on steps worked out by hand.
#include <stdexcept>
#include <string>

#include "sim/engine/pass_sweep.hpp"
#include "sim/engine/pipeline_work.hpp"
#include "tests/catch.hpp"
#include "tests/support/step_work.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

// Stages that each do what `costs` says with their one chunk.
PipelineWork one_chunk(const char* schedule, std::int64_t micro_batches,
                       const std::vector<PassCost>& costs) {
  PipelineWork work;
  work.schedule = find_schedule(schedule);
  work.micro_batches = micro_batches;
  for (const PassCost& cost : costs) {
    StageWork kind;
    kind.chunks = {cost};
    work.kind_of.push_back(static_cast<std::uint16_t>(work.kinds.size()));
    work.kinds.push_back(kind);
  }
  work.sends.resize(costs.size());
  return work;
}

double total_of(const PipelineWork& work) {
  return PipelineDurations().total(work).value();
}

double least_of(const PipelineWork& work) {
  return PipelineDurations().least(work).value();
}

// What `durations` does without a closed form.
double swept(const PipelineWork& work, PassSweep& sweep) {
  PassTables tables(1'000'000);
  PipelineView view;
  view.look_at(work);
  const auto table = tables.get({work.schedule, static_cast<std::int64_t>(work.kind_of.size()),
                                 work.interleave, work.micro_batches});
  REQUIRE(table != nullptr);
  return sweep.end_of_reductions(view, *table);
}

}  // namespace

TEST_CASE("pipeline work: a slow first stage") {
  // Stage 0 takes 2 s + 2 s, stage 1 1 s + 1 s. F0 0-2, F1 2-4, B0 4-6 (its gradient is there at
  // 2 + 1 + 1 = 4), F2 6-8, B1 8-10, and B2, there at 8 + 2 = 10, 10-12. Each micro-batch more is
  // 4 s more.
  PipelineWork work = one_chunk("1f1b", 3, {passes(2, 2), passes(1, 1)});
  CHECK(total_of(work) == Approx(12));
  // The bound is as long: stage 0 leads with two forward passes, 4 s, and never waits after.
  CHECK(least_of(work) == Approx(12));
  work.micro_batches = 1000;
  CHECK(total_of(work) == Approx(12 + 997 * 4));
  CHECK(least_of(work) == Approx(12 + 997 * 4));
}

TEST_CASE("pipeline work: rounds that are all alike are not run") {
  // As above: from the first round on stage 0 never waits, so one round tells.
  PassSweep sweep;
  CHECK(swept(one_chunk("1f1b", 1002, {passes(2, 2), passes(1, 1)}), sweep) ==
        Approx(12 + 999 * 4));
  CHECK(sweep.rounds_run() == 1);
}

TEST_CASE("pipeline work: a slow link goes round once in two micro-batches") {
  // Two stages of 1 s + 1 s whose transfers take 3 s beside the passes. Stage 0 may be two
  // micro-batches ahead: F0 0-1, F1 1-2, F0's result is there at 3 (from the start of its pass),
  // F1's at 6. Stage 1: F0 3-4, B0 4-5, its gradient is there at 7; F1 6-7, B1 7-8, there at 10.
  // Stage 0: B0 7-8, F2 8-9 (there at 11), B1 10-11, F3 11-12 (there at 14): 8 s later than two
  // micro-batches before, while its passes take 4 s. Stage 1: F2 11-12, B2 12-13, F3 14-15,
  // B3 15-16, there at 18: stage 0's B3 ends at 19.
  PipelineWork work = one_chunk("1f1b", 4, {passes(1, 1), passes(1, 1)});
  work.sends[0] = {0, 3, 0, 0};
  work.sends[1] = {0, 0, 0, 3};
  CHECK(total_of(work) == Approx(19));
  work.micro_batches = 1004;
  CHECK(total_of(work) == Approx(19 + 500 * 8));
}

TEST_CASE("pipeline work: a transfer that blocks holds its sender") {
  // GPipe, two stages of 1 s + 2 s, 2 micro-batches, 0.5 s forward and 0.25 s back. Stage 0: F0
  // 0-1, sends to 1.5, F1 1.5-2.5, sends to 3. Stage 1: F0 1.5-2.5, F1 3-4, B0 4-6, sends to 6.25,
  // B1 6.25-8.25, sends to 8.5. Stage 0: B0 6.25-8.25, B1 8.5-10.5.
  PipelineWork work = one_chunk("gpipe", 2, {passes(1, 2), passes(1, 2)});
  work.sends[0] = {0.5, 0, 0, 0};
  work.sends[1] = {0, 0, 0.25, 0};
  CHECK(total_of(work) == Approx(10.5));
  PassSweep sweep;
  CHECK(swept(work, sweep) == Approx(10.5));
}

TEST_CASE("pipeline work: GPipe with a link slower than its passes") {
  // As above, but the forward transfer takes 3 s beside the passes: results are there at 3 and, the
  // stream being free again, at 6. Stage 1: F0 3-4, F1 6-7, B0 7-9, B1 9-11. Stage 0: B0 9-11,
  // B1 11-13.
  PipelineWork work = one_chunk("gpipe", 2, {passes(1, 2), passes(1, 2)});
  work.sends[0] = {0, 3, 0, 0};
  CHECK(total_of(work) == Approx(13));
  PassSweep sweep;
  CHECK(swept(work, sweep) == Approx(13));
}

TEST_CASE("pipeline work: weight gradients fill what they can") {
  // ZB-H1, two stages of 1 s each for f, b and w, stage 0's f 2 s, 2 micro-batches. Stage 0: F0
  // 0-2, F1 2-4, B0 4-5 (there at 4), W0 5-6, B1 6-7, W1 7-8. Stage 1: F0 2-3, B0 3-4, F1 4-5, B1
  // 5-6, W0 6-7, W1 7-8.
  const PipelineWork work = one_chunk("zb-h1", 2, {passes(2, 1, 1), passes(1, 1, 1)});
  CHECK(total_of(work) == Approx(8));
  CHECK(least_of(work) == Approx(8));
}

TEST_CASE("pipeline work: there and back through a V") {
  // ZB-V, two stages, 1 micro-batch; f 1 s, b 2 s, w 1 s. Stage 0 F0 0-1, stage 1 F0 1-2, F1 2-3,
  // stage 0 F1 3-4, B1 4-6, then W1 6-7 while stage 1 does B1 6-8, B0 (after W1 8-9) 9-11, stage 0
  // B0 11-13, W0 13-14. A transfer of 0.5 s that blocks is paid from stage 0 to 1, back, and by
  // both gradients: four times.
  PipelineWork work = one_chunk("1f1b", 1, {passes(1, 2, 1), passes(1, 2, 1)});
  work.schedule = find_schedule("zb-v");
  work.interleave = 2;
  for (StageWork& kind : work.kinds) kind.chunks.push_back(kind.chunks.front());
  CHECK(total_of(work) == Approx(14));
  for (PipelineWork::Sends& sends : work.sends) sends = {0.5, 0, 0.5, 0};
  CHECK(total_of(work) == Approx(16));
  CHECK(least_of(work) <= 16);
}

TEST_CASE("pipeline work: gathers before, reductions after") {
  // One slow stage and a fast one, 2 micro-batches. Stage 0 (2 s + 2 s) gathers for 3 s, all of it
  // late: F0 3-5, F1 5-7, B0 7-9, B1 9-11. Its reduction of 4 s in two pieces of 2 s: the first is
  // ready at 10 and takes till 12, the second till 14, then 1 s of tied embeddings, 2 s of
  // optimizer and 0.5 s of the host.
  PipelineWork work = one_chunk("1f1b", 2, {passes(2, 2), passes(1, 1)});
  work.kinds[0].gather = {sync(3, 1, 1)};
  work.kinds[0].reduce = {sync(4, 0, 2)};
  work.kinds[0].after_reduce = Seconds{1};
  work.kinds[1].optimizer = Seconds{2};
  work.host = Seconds{0.5};
  CHECK(total_of(work) == Approx(17.5));
  CHECK(least_of(work) == Approx(17.5));
}

TEST_CASE("pipeline work: stages that do the same are written once") {
  PipelineWork work = one_chunk("1f1b", 5, {passes(2, 3)});
  work.kind_of = {0, 0, 0};
  work.sends.resize(3);
  work.sends[1] = {0.25, 0.5, 0.125, 0.0625};
  const StepWork step = expanded(work);
  REQUIRE(step.stages.size() == 3);
  CHECK(step.stages[1].chunks.front().backward.value() == 3);
  CHECK(step.stages[0].forward_send_blocking.value() == 0);
  CHECK(step.stages[1].forward_send_blocking.value() == 0.25);
  CHECK(step.stages[1].forward_send_hidden.value() == 0.5);
  CHECK(step.stages[1].backward_send_blocking.value() == 0.125);
  CHECK(step.stages[1].backward_send_hidden.value() == 0.0625);
  CHECK(step.micro_batches == 5);
}

TEST_CASE("pipeline work: what contradicts itself is refused") {
  const auto refusal = [](const PipelineWork& work) -> std::string {
    try {
      total_of(work);
    } catch (const std::logic_error& error) {
      return error.what();
    }
    return "";
  };
  const PipelineWork good = one_chunk("1f1b", 5, {passes(2, 3), passes(2, 3)});
  PipelineWork work = good;
  work.schedule = nullptr;
  CHECK(refusal(work) == "step timeline: no schedule or no stages");
  work = good;
  work.micro_batches = 0;
  CHECK(refusal(work) == "step timeline: no micro-batches");
  work = good;
  work.interleave = 2;
  CHECK(refusal(work) == "step timeline: a stage's chunks are not as many as interleave says");
  work = good;
  work.kind_of[1] = 2;
  CHECK(refusal(work) == "step timeline: a stage of no kind");
  work = good;
  work.sends.pop_back();
  CHECK(refusal(work) == "step timeline: transfers not one per stage");
}

TEST_CASE("pass tables: what a table leaves out comes back as rounds") {
  // 1F1B on two stages: rounds of two micro-batches, eight passes.
  PassTables tables(1'000'000);
  const auto table = tables.get({find_schedule("1f1b"), 2, 1, 100});
  REQUIRE(table != nullptr);
  CHECK(table->round_micro_batches == 2);
  CHECK(table->micro_batches % 2 == 0);
  CHECK(table->round.size() == 8);
  CHECK(static_cast<std::int64_t>(table->opening.size() + table->closing.size()) ==
        4 * table->micro_batches);
  // The same for every even number, another for odd ones.
  CHECK(tables.get({find_schedule("1f1b"), 2, 1, 2000}) == table);
  CHECK(tables.get({find_schedule("1f1b"), 2, 1, 101}) != table);
}

TEST_CASE("pass tables: groups of different size have no rounds") {
  PassTables tables(1'000'000);
  const auto table = tables.get({find_schedule("1f1b"), 4, 2, 50});
  REQUIRE(table != nullptr);
  CHECK(table->round_micro_batches == 0);
  CHECK(table->opening.size() == 2 * 4 * 2 * 50);
  CHECK(table->closing.empty());
}

TEST_CASE("pass tables: what is too long is left to the engine") {
  PassTables tables(1'000'000);
  CHECK(tables.get({find_schedule("1f1b"), 4, 2, 50'001}) == nullptr);
  PipelineWork work = one_chunk("1f1b", 50'001, {passes(1, 1)});
  work.interleave = 2;
  work.kinds[0].chunks.push_back(work.kinds[0].chunks[0]);
  work.kind_of = {0, 0, 0, 0};
  work.sends.resize(4);
  work.sends[0] = {0.5, 0, 0, 0};
  CHECK(total_of(work) == Approx(run_step(expanded(work)).total.value()));
}

TEST_CASE("pass tables: the ones used last are kept") {
  PassTables tables(6'000);
  const auto get = [&](std::int64_t stages) {
    return tables.get({find_schedule("1f1b"), stages, 1, 64});
  };
  const auto first = get(2);
  CHECK(get(2) == first);
  for (std::int64_t stages = 3; stages < 12; ++stages) get(stages);
  CHECK(tables.bytes() <= 6'000);
  // Made anew; who still uses the one from before is not disturbed.
  CHECK(get(2) != first);
  CHECK(first->round.size() == 8);
}
