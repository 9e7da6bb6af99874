// The step's timeline, small ones worked out by hand.
#include "sim/engine/step_timeline.hpp"
#include "tests/catch.hpp"
#include "tests/support/step_work.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

void check_slice(const Slice& slice, SliceKind kind, double start, double end) {
  CHECK(slice.kind == kind);
  CHECK(slice.start == Approx(start).margin(1e-12));
  CHECK(slice.end == Approx(end));
}

void check_path(const CriticalPath& path, SliceKind kind, double time) {
  CHECK(path.of(kind).value() == Approx(time).margin(1e-12));
}

}  // namespace

TEST_CASE("step timeline: a transfer that blocks holds sender and receiver") {
  // One micro-batch, two stages, 1 s forward, 2 s backward, 0.5 s forward transfer, 0.25 s back.
  // F 0-1, transfer 1-1.5, F 1.5-2.5, B 2.5-4.5, transfer 4.5-4.75, B 4.75-6.75.
  StepWork work = equal_step("1f1b", 2, 1, 1, passes(1, 2));
  for (StageWork& stage : work.stages) {
    stage.forward_send_blocking = Seconds{0.5};
    stage.backward_send_blocking = Seconds{0.25};
  }
  Slices slices;
  const StepResult result = run_step(work, &slices);
  CHECK(result.total.value() == Approx(6.75));
  CHECK(result.passes.value() == Approx(6.75));
  check_slice(slices.of(0, Stream::send_forward).at(0), SliceKind::transfer, 1, 1.5);
  check_slice(slices.of(1, Stream::send_backward).at(0), SliceKind::transfer, 4.5, 4.75);
  CHECK(slices.of(0, Stream::send_backward).empty());
  CHECK(slices.of(1, Stream::send_forward).empty());
  check_slice(slices.of(1, Stream::compute).at(1), SliceKind::backward, 2.5, 4.5);
  CHECK(result.tasks == 6);  // 4 passes, 2 transfers
  CHECK(result.stages[0].sending.value() == Approx(0.5));
  CHECK(result.stages[1].sending.value() == Approx(0.25));
  CHECK(result.stages[0].busy.value() == Approx(3));
  CHECK(result.stages[0].idle.value() == Approx(3.75));
  CHECK(result.stages[0].waiting.value() == Approx(3.25));  // 1.5 to 4.75
  CHECK(result.stages[1].first_start.value() == Approx(1.5));
  CHECK(result.stages[1].end_of_passes.value() == Approx(4.75));
  check_path(result.path, SliceKind::forward, 2);
  check_path(result.path, SliceKind::backward, 4);
  check_path(result.path, SliceKind::transfer, 0.75);
}

TEST_CASE("step timeline: a hidden transfer is drawn and costs nothing while its stream keeps up") {
  // F 0-1, then 0.25 s that block; 0.5 s ran beside F: the transfer is 0.5-1.25.
  StepWork work = equal_step("gpipe", 2, 1, 2, passes(1, 1));
  work.stages[0].forward_send_blocking = Seconds{0.25};
  work.stages[0].forward_send_hidden = Seconds{0.5};
  Slices slices;
  // Stage 1: F 1.25-2.25, 2.5-3.5, B 3.5-4.5, 4.5-5.5; stage 0: B 4.5-5.5, 5.5-6.5.
  CHECK(run_step(work, &slices).total.value() == Approx(6.5));
  const std::vector<Slice> sends = slices.of(0, Stream::send_forward);
  REQUIRE(sends.size() == 2);
  check_slice(sends[0], SliceKind::transfer, 0.5, 1.25);
  check_slice(sends[1], SliceKind::transfer, 1.75, 2.5);
}

TEST_CASE("step timeline: transfers slower than the passes beside them hold up the receiver") {
  // 3 s transfers beside passes of 1 s. None starts before its pass does: the first one is there at
  // 3, the others at 6 and 9. Stage 1: F 3-4, 6-7, 9-10, B 10-13; stage 0: B 11-14.
  StepWork work = equal_step("gpipe", 2, 1, 3, passes(1, 1));
  work.stages[0].forward_send_hidden = Seconds{3};
  Slices slices;
  const StepResult result = run_step(work, &slices);
  CHECK(result.total.value() == Approx(14));
  const std::vector<Slice> sends = slices.of(0, Stream::send_forward);
  REQUIRE(sends.size() == 3);
  check_slice(sends[0], SliceKind::transfer, 0, 3);
  check_slice(sends[1], SliceKind::transfer, 3, 6);
  check_slice(sends[2], SliceKind::transfer, 6, 9);
  // F0, the rest of three transfers, F2, three backwards and stage 0's last.
  check_path(result.path, SliceKind::forward, 2);
  check_path(result.path, SliceKind::transfer, 8);
  check_path(result.path, SliceKind::backward, 4);
}

TEST_CASE("step timeline: interleaved chunks wrap around") {
  // Two stages, two chunks, one micro-batch: virtual stages 0 to 3, 4 forward passes of 1 s and
  // three transfers of 0.5 s, 4 backward passes and three transfers of 0.25 s.
  StepWork work = equal_step("1f1b", 2, 2, 1, passes(1, 1));
  for (StageWork& stage : work.stages) {
    stage.forward_send_blocking = Seconds{0.5};
    stage.backward_send_blocking = Seconds{0.25};
  }
  Slices slices;
  CHECK(run_step(work, &slices).total.value() == Approx(8 + 1.5 + 0.75));
  // Chunk 0 of stage 1 (1.5-2.5) sends on to chunk 1 of stage 0.
  check_slice(slices.of(1, Stream::send_forward).at(0), SliceKind::transfer, 2.5, 3);
}

TEST_CASE("step timeline: a V turns on the last stage and goes back over the same links") {
  // Three stages, one micro-batch, all passes 1 s. Six forward and six backward passes; on stage 2
  // chunk 1's weight gradient comes before chunk 0's backward; stage 0 ends in a weight gradient:
  // 14 s. Transfers to the next stage 0.5 s, to the one before 0.25 s: two each there (activations)
  // and two each back (gradients); the turn and the ends cost nothing: 3 s.
  StepWork work = equal_step("zb-v", 3, 2, 1, passes(1, 1, 1));
  CHECK(run_step(work).total.value() == Approx(14));
  for (StageWork& stage : work.stages) {
    stage.forward_send_blocking = Seconds{0.5};
    stage.backward_send_blocking = Seconds{0.25};
  }
  Slices slices;
  const StepResult result = run_step(work, &slices);
  CHECK(result.total.value() == Approx(17));
  check_path(result.path, SliceKind::transfer, 3);
  check_path(result.path, SliceKind::weight_gradient, 2);
  // Stage 2: F 3-4 and 4-5, then to stage 1 on the stream towards the stage before.
  CHECK(slices.of(2, Stream::send_forward).empty());
  check_slice(slices.of(2, Stream::send_backward).at(0), SliceKind::transfer, 5, 5.25);
}

TEST_CASE("step timeline: the first forward waits for the gather's late share and its pieces") {
  // One stage, forward 4 s, backward 8 s, 2 micro-batches: 24 s of work. Gather of 6 s, a third of
  // it late: 2 s, then two pieces of 2 s, there at 4 and 6. The pass starts with the first piece,
  // 4-8, and is half done when it needs the second: 4 s later than without.
  StepWork work = equal_step("1f1b", 1, 1, 2, passes(4, 8));
  work.stages[0].gather = {sync(6, 1.0 / 3, 2)};
  Slices slices;
  StepResult result = run_step(work, &slices);
  CHECK(result.total.value() == Approx(28));
  CHECK(result.stages[0].gather_exposed.value() == Approx(4));
  CHECK(result.stages[0].first_start.value() == Approx(4));
  check_path(result.path, SliceKind::parameter_gather, 4);
  check_slice(slices.of(0, Stream::compute).at(0), SliceKind::forward, 4, 8);
  const std::vector<Slice> data = slices.of(0, Stream::data);
  REQUIRE(data.size() == 3);
  check_slice(data[0], SliceKind::parameter_gather, 0, 2);
  check_slice(data[1], SliceKind::parameter_gather, 2, 4);
  check_slice(data[2], SliceKind::parameter_gather, 4, 6);
  CHECK(result.tasks == 7);

  // Four pieces of 1 s: the first is there at 3, the others as they are needed: 3-7.
  work.stages[0].gather = {sync(6, 1.0 / 3, 4)};
  CHECK(run_step(work).stages[0].gather_exposed.value() == Approx(3));
  // Pieces of 3 s, there at 5, 8, 11, 14: the pass stalls before each quarter and ends at 15. The
  // gather takes 14 s of that, and only the last quarter comes after it.
  work.stages[0].gather = {sync(14, 1.0 / 7, 4)};
  result = run_step(work);
  CHECK(result.stages[0].gather_exposed.value() == Approx(11));
  check_path(result.path, SliceKind::parameter_gather, 14);
  check_path(result.path, SliceKind::forward, 1 + 4);
  // All of it late.
  work.stages[0].gather = {sync(6, 1, 4)};
  CHECK(run_step(work).stages[0].gather_exposed.value() == Approx(6));
}

TEST_CASE("step timeline: a later stage gathers while the pipeline fills") {
  // Stage 1 has nothing to do before 4 s, and its gather of 3 s is there by then.
  StepWork work = equal_step("1f1b", 2, 1, 2, passes(4, 8));
  work.stages[1].gather = {sync(3, 1, 1)};
  const StepResult result = run_step(work);
  CHECK(result.stages[1].gather_exposed.value() == 0);
  CHECK(result.total.value() == Approx(36));
}

TEST_CASE("step timeline: reductions run beside the last backward and after it") {
  // F 0-4, B 4-12. Reduction of 6 s, a third late, in two pieces of 2 s: ready at 8 and 12, so 8-10
  // and 12-14; the late 2 s 14-16; then 1 s for the tied embedding 16-17, the optimizer 17-20, the
  // host 20-22.
  StepWork work = equal_step("1f1b", 1, 1, 1, passes(4, 8));
  StageWork& stage = work.stages[0];
  stage.reduce = {sync(6, 1.0 / 3, 2)};
  stage.after_reduce = Seconds{1};
  stage.optimizer = Seconds{3};
  work.host = Seconds{2};
  Slices slices;
  StepResult result = run_step(work, &slices);
  CHECK(result.total.value() == Approx(22));
  CHECK(result.passes.value() == Approx(12));
  CHECK(result.stages[0].reduce_exposed.value() == Approx(4));
  check_path(result.path, SliceKind::gradient_reduce, 5);
  check_path(result.path, SliceKind::optimizer, 3);
  check_path(result.path, SliceKind::host, 2);
  const std::vector<Slice> data = slices.of(0, Stream::data);
  REQUIRE(data.size() == 4);
  check_slice(data[0], SliceKind::gradient_reduce, 8, 10);
  check_slice(data[1], SliceKind::gradient_reduce, 12, 14);
  check_slice(data[2], SliceKind::gradient_reduce, 14, 16);
  check_slice(data[3], SliceKind::gradient_reduce, 16, 17);
  const std::vector<Slice> compute = slices.of(0, Stream::compute);
  REQUIRE(compute.size() == 4);
  check_slice(compute[2], SliceKind::optimizer, 17, 20);
  check_slice(compute[3], SliceKind::host, 20, 22);

  // Four pieces of 6 s, slower than the pass: the first is ready at 6, then one after the other to
  // 30. The path: F, a quarter of B, the reduction.
  stage.reduce = {sync(24, 0, 4)};
  stage.after_reduce = Seconds{};
  result = run_step(work);
  CHECK(result.stages[0].reduce_exposed.value() == Approx(18));
  check_path(result.path, SliceKind::backward, 2);
  check_path(result.path, SliceKind::gradient_reduce, 24);
}

TEST_CASE("step timeline: with the backward split, reductions wait for the weight gradient") {
  // F 0-1, B 1-3, W 3-5; one piece of 1 s is ready at 5.
  StepWork work = equal_step("zb-h1", 1, 1, 1, passes(1, 2, 2));
  work.stages[0].reduce = {sync(1, 0, 1)};
  Slices slices;
  const StepResult result = run_step(work, &slices);
  check_slice(slices.of(0, Stream::data).at(0), SliceKind::gradient_reduce, 5, 6);
  check_path(result.path, SliceKind::weight_gradient, 2);
}

TEST_CASE("step timeline: each chunk reduces beside its own last backward") {
  // One micro-batch, two stages of two chunks, all passes 1 s: backward 4-5 on stage 1 chunk 1, 5-6
  // stage 0 chunk 1, 6-7 stage 1 chunk 0, 7-8 stage 0 chunk 0. Pieces of 1.5 s: stage 0's chunk 1
  // 6-7.5, chunk 0 8-9.5.
  StepWork work = equal_step("1f1b", 2, 2, 1, passes(1, 1));
  work.stages[0].reduce = {sync(1.5, 0, 1), sync(1.5, 0, 1)};
  Slices slices;
  CHECK(run_step(work, &slices).total.value() == Approx(9.5));
  const std::vector<Slice> data = slices.of(0, Stream::data);
  REQUIRE(data.size() == 2);
  CHECK(data[0].chunk == 1);
  check_slice(data[0], SliceKind::gradient_reduce, 6, 7.5);
  CHECK(data[1].chunk == 0);
  check_slice(data[1], SliceKind::gradient_reduce, 8, 9.5);
}

TEST_CASE("step timeline: every optimizer waits for the slowest stage's reductions") {
  // Stage 1 ends at 3 and has 5 s left: all start at 8; the slower optimizer takes 2 s.
  StepWork work = equal_step("1f1b", 2, 1, 1, passes(1, 1));
  work.stages[1].after_reduce = Seconds{5};
  work.stages[0].optimizer = Seconds{1};
  work.stages[1].optimizer = Seconds{2};
  Slices slices;
  CHECK(run_step(work, &slices).total.value() == Approx(10));
  check_slice(slices.of(0, Stream::compute).back(), SliceKind::optimizer, 8, 9);
  check_slice(slices.of(1, Stream::compute).back(), SliceKind::optimizer, 8, 10);
}

TEST_CASE("step timeline: what waits between stages does not grow with the micro-batches") {
  // 1F1B has no more than one transfer under way per stage and direction once it runs.
  const auto most = [](std::int64_t micro_batches) {
    return run_step(equal_step("1f1b", 4, 1, micro_batches, passes(1, 2))).most_arrived;
  };
  CHECK(most(4000) == most(40));
  CHECK(most(40) <= 8);
}

TEST_CASE("step timeline: work that contradicts itself is a bug of the caller") {
  const auto message = [](const StepWork& work) {
    try {
      run_step(work);
    } catch (const std::logic_error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const StepWork good = equal_step("1f1b", 2, 2, 2, passes(1, 1));
  CHECK(message(good).empty());
  StepWork bad = good;
  bad.schedule = nullptr;
  CHECK(message(bad) == "step timeline: no schedule or no stages");
  bad = good;
  bad.micro_batches = 0;
  CHECK(message(bad) == "step timeline: no micro-batches");
  bad.micro_batches = std::int64_t{1} << 40;
  CHECK(message(bad) == "step timeline: more micro-batches than it can count");
  bad = good;
  bad.schedule = find_schedule("gpipe");
  CHECK(message(bad) == "step timeline: interleave without meaning");
  bad = good;
  bad.stages[1].chunks.pop_back();
  CHECK(message(bad) == "step timeline: a stage's chunks are not as many as interleave says");
  bad = good;
  bad.stages[1].gather = {sync(1, 0, 1)};
  CHECK(message(bad) == "step timeline: collectives not one per chunk");
  bad = good;
  bad.stages[1].reduce.assign(2, sync(1, 0, 0));
  CHECK(message(bad) == "step timeline: a collective without buckets");
}
