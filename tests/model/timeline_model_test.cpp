// The timeline of one rank against times worked out by hand.
#include "sim/engine/timeline.hpp"

#include "sim/engine/layer_time.hpp"
#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

Seconds s(double value) {
  return Seconds{value};
}

// 1e9 bytes over 1 TB/s: 1 ms of a memory-bound op.
Op one_millisecond() {
  Op op;
  op.name = "op";
  op.op_class = OpClass::elementwise;
  op.bytes = Bytes{1e9};
  return op;
}

}  // namespace

TEST_CASE("timeline: a stream runs one task after the other, and not before it is ready") {
  Timeline timeline(2, 0.25);
  CHECK(timeline.communicate(0, s(3), s(1)).end == s(4));
  CHECK(timeline.communicate(0, s(1), s(0)).start == s(4));
  CHECK(timeline.communicate(1, s(1), s(0)).end == s(1));
}

TEST_CASE("timeline: compute without communication beside it keeps its pace") {
  Timeline timeline(1, 0.25);
  CHECK(timeline.compute(s(2), s(1)).end == s(3));
  CHECK(timeline.compute(s(2), s(0)).end == s(5));
  CHECK(timeline.lost() == s(0));
}

TEST_CASE("timeline: compute loses sigma seconds for each second of communication beside it") {
  // 10 s of compute beside 4 s of communication: 3 s done by t = 4, the other 7 by t = 11.
  Timeline timeline(1, 0.25);
  timeline.communicate(0, s(4), s(0));
  CHECK(timeline.compute(s(10), s(0)).end == s(11));
  CHECK(timeline.lost() == s(1));
}

TEST_CASE("timeline: compute that ends while communication runs advances at 1 - sigma throughout") {
  // 3 s of compute at 0.75 take 4 s.
  Timeline timeline(1, 0.25);
  timeline.communicate(0, s(100), s(0));
  CHECK(timeline.compute(s(3), s(0)).end == s(4));
}

TEST_CASE("timeline: communications that come and go slow compute only while they run") {
  // Busy in [1, 3] and [5, 7]: done 1 + 1.5 by 3, 2 more by 5, 1.5 more by 7: 6 of 10, the rest by
  // 11. Two at once slow no more than one.
  Timeline timeline(3, 0.25);
  timeline.communicate(0, s(2), s(1));
  timeline.communicate(1, s(2), s(5));
  timeline.communicate(2, s(1), s(5.5));
  CHECK(timeline.compute(s(10), s(0)).end == s(11));
  CHECK(timeline.lost() == s(1));
}

TEST_CASE("timeline: the closed form of one unit beside its prefetch is what the streams give") {
  for (const double communication : {0.0, 1.0, 3.9, 4.0, 4.5, 5.0, 6.0}) {
    Timeline timeline(1, 0.2);
    const Span gather = timeline.communicate(0, s(communication), s(0));
    const Span unit = timeline.compute(s(4), s(0));
    const Overlap closed = overlap(s(4), s(communication), 0.2);
    CHECK((unit.length() - s(4)).value() == Approx(closed.slowdown.value()).margin(1e-12));
    CHECK(std::max(s(0), gather.end - unit.end).value() ==
          Approx(closed.exposed.value()).margin(1e-12));
  }
}

TEST_CASE("layer timeline: a collective between ops is exposed by the profile's share") {
  // 1e9 bytes over a ring of 8 at 100 GB/s bus bandwidth: all-gather 7/8 of 10 ms; half exposed.
  Plan plan = plain_plan(2, 8);
  plan.software.tensor_forward_exposed = Constant(0.5);
  const Cluster cluster = round_cluster(2);
  const Communication communication(cluster, plan);
  Pass pass;
  pass.ops.push_back(one_millisecond());
  CollectiveCall call{"gather", Collective::all_gather, Bytes{1e9}, GroupKind::tensor,
                      CommRole::tensor_forward};
  pass.add(call);
  pass.ops.push_back(one_millisecond());
  const Seconds whole = communication.cost(call).time;
  const PassTime time = LayerTimer(cluster, plan, communication).time(pass, {});
  CHECK(time.parts[StepPart::elementwise].value() == Approx(2e-3));
  CHECK(time.parts[StepPart::tensor_exposed].value() == Approx(0.5 * whole.value()));
  CHECK(time.parts[StepPart::slowdown] == Seconds{});
}

TEST_CASE("layer timeline: a collective beside ops slows them and shows what outlasts them") {
  Plan plan = plain_plan(2, 8);
  Cluster cluster = round_cluster(2);
  cluster.system.gpu.overlap_slowdown = Constant(0.2);
  const Communication communication(cluster, plan);
  CollectiveCall call{"exchange", Collective::all_gather, Bytes{1e9}, GroupKind::tensor,
                      CommRole::context_exchange};
  Pass pass;
  pass.ops = {one_millisecond(), one_millisecond(), one_millisecond()};
  call.after = 1;  // starts after the first op, and the third waits for it
  call.before = 2;
  pass.calls.push_back(call);
  const Seconds whole = communication.cost(call).time;
  REQUIRE(whole > Seconds{2e-3});
  const PassTime time = LayerTimer(cluster, plan, communication).time(pass, {});
  // The second op takes 1 ms / 0.8; the rest of the exchange is waited for.
  CHECK(time.parts[StepPart::slowdown].value() == Approx(0.25e-3));
  CHECK(time.parts[StepPart::context_exposed].value() == Approx(whole.value() - 1.25e-3));
  CHECK(time.parts.total().value() == Approx(2e-3 + whole.value()));
}

TEST_CASE("layer timeline: weight gradients are a pass of their own where the schedule splits") {
  Plan plan = plain_plan(16);
  const Cluster cluster = round_cluster(2);
  const Communication communication(cluster, plan);
  Pass pass;
  pass.ops = {one_millisecond(), one_millisecond()};
  pass.ops[1].weight_gradient = true;
  const LayerTimer timer(cluster, plan, communication);
  CHECK(timer.time(pass, {}).parts.total().value() == Approx(2e-3));
  const PassTime split = timer.time(pass, {false, false, true});
  CHECK(split.parts.total().value() == Approx(1e-3));
  CHECK(split.weight_gradient.total().value() == Approx(1e-3));
}
