// Context parallelism: bytes, FLOPs and calls of the three methods against what is worked out by
// hand.
#include "strategies/parallel/context.hpp"

#include "sim/engine/step.hpp"
#include "strategies/workload.hpp"
#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

// Sequence 1024 over 4 ranks: 256 tokens each, queries 1024 wide, keys and values 2048 together.
constexpr double tokens = 256;
constexpr double query = 1024;
constexpr double mebibyte = 1024.0 * 1024.0;

Plan context_plan(ContextMethod method, std::int64_t degree = 4) {
  Plan plan = plain_plan(16 / degree);
  plan.context.degree = degree;
  plan.context.method = method;
  return plan;
}

Block layer(const Plan& plan, const Model& model = small_gpt()) {
  return lower(model, small_training(), plan).kinds[0].block;
}

Model grouped() {
  Model model = small_gpt();
  model.kv_heads = 2;
  return model;
}

double flops(const Pass& pass) {
  double sum = 0;
  for (const Op& op : pass.ops) {
    if (op.kind == OpKind::flash_attention) sum += op.flops.value();
  }
  return sum;
}

std::vector<const CollectiveCall*> named(const Pass& pass, const std::string& name) {
  std::vector<const CollectiveCall*> found;
  for (const CollectiveCall& call : pass.calls) {
    if (name == call.name) found.push_back(&call);
  }
  return found;
}

}  // namespace

TEST_CASE("ring attention: c - 1 transfers of a rank's keys and values, each beside a step") {
  const Block block = layer(context_plan(ContextMethod::ring));
  const auto steps = named(block.forward, "key and value ring step");
  REQUIRE(steps.size() == 3);
  for (const CollectiveCall* step : steps) {
    CHECK(step->collective == Collective::send_recv);
    CHECK(step->group == GroupKind::context);
    CHECK(step->bytes == Bytes{2 * tokens * query * 2});  // keys and values, 2 B: 1 MiB
    CHECK(step->before == step->after + 1);
    CHECK(block.forward.ops[step->after].kind == OpKind::flash_attention);
  }
  CHECK(block.forward.calls.size() == 3);
  // 2 T s q, whatever the number of steps.
  CHECK(flops(block.forward) == 2 * tokens * 1024 * query);
  CHECK(flops(block.backward) == 5 * tokens * 1024 * query);
}

TEST_CASE("ring attention: backward sends keys and values c - 1 times, their gradients c times") {
  const Block block = layer(context_plan(ContextMethod::ring));
  CHECK(named(block.backward, "key and value ring step").size() == 3);
  const auto gradients = named(block.backward, "key and value gradient ring step");
  REQUIRE(gradients.size() == 4);
  for (const CollectiveCall* step : gradients) CHECK(step->bytes == Bytes{mebibyte});
  // The last hop home stands after the core.
  CHECK(gradients.back()->after == gradients.back()->before);
}

TEST_CASE("ring attention: grouped heads send the width of keys and values") {
  const Block block = layer(context_plan(ContextMethod::ring), grouped());
  CHECK(named(block.forward, "key and value ring step")[0]->bytes == Bytes{mebibyte / 4});
}

TEST_CASE("ring attention: a step runs at the efficiency of a rank's own length") {
  const Block block = layer(context_plan(ContextMethod::ring));
  for (const Op& op : block.forward.ops) {
    if (op.kind == OpKind::flash_attention) CHECK(op.sequence == 256);
  }
}

TEST_CASE("context parallelism: without a piece from each end the last rank has (2 c - 1) / c") {
  // Causal pairs of the last quarter of 16 blocks: 3 whole and one half of 4 x 4, mean 2: 7 / 4.
  for (const ContextMethod method : {ContextMethod::ring, ContextMethod::all_gather}) {
    Plan plan = context_plan(method);
    plan.context.balanced = false;
    CHECK(flops(layer(plan).forward) == Approx(7.0 / 4 * 2 * tokens * 1024 * query));
  }
  Plan plan = context_plan(ContextMethod::ulysses);
  plan.context.balanced = false;  // heads are split, not the sequence
  CHECK(flops(layer(plan).forward) == 2 * tokens * 1024 * query);
}

TEST_CASE("context all-gather: gathered once forward, again backward, and gradients scattered") {
  const Block block = layer(context_plan(ContextMethod::all_gather));
  const auto forward = named(block.forward, "key and value all-gather");
  REQUIRE(forward.size() == 1);
  CHECK(forward[0]->bytes == Bytes{4 * mebibyte});  // 4 ranks of 1 MiB
  CHECK(forward[0]->after == forward[0]->before);
  CHECK(block.forward.ops[forward[0]->after].kind == OpKind::flash_attention);
  REQUIRE(block.backward.calls.size() == 2);
  // Gathered before the core's backward op, scattered after it.
  const CollectiveCall& gather = block.backward.calls[0];
  const CollectiveCall& scatter = block.backward.calls[1];
  CHECK(gather.collective == Collective::all_gather);
  CHECK(block.backward.ops[gather.after].kind == OpKind::flash_attention);
  CHECK(scatter.collective == Collective::reduce_scatter);
  CHECK(scatter.bytes == Bytes{4 * mebibyte});
  CHECK(scatter.after == gather.after + 1);
}

TEST_CASE("Ulysses: queries, keys and values out, the output back, and the same backward") {
  const Block block = layer(context_plan(ContextMethod::ulysses));
  for (const Pass* pass : {&block.forward, &block.backward}) {
    REQUIRE(pass->calls.size() == 2);
    CHECK(pass->calls[0].collective == Collective::all_to_all);
  }
  CHECK(block.forward.calls[0].bytes == Bytes{1.5 * mebibyte});  // 256 x 3072 x 2 B
  CHECK(block.forward.calls[1].bytes == Bytes{0.5 * mebibyte});
  CHECK(block.backward.calls[0].bytes == Bytes{0.5 * mebibyte});
  CHECK(block.backward.calls[1].bytes == Bytes{1.5 * mebibyte});
}

TEST_CASE("Ulysses: every rank needs a key/value head, so two heads for four ranks go twice") {
  // Keys and values of 4 heads of 128, twice: 1024 wide beside 1024 of queries.
  const Block block = layer(context_plan(ContextMethod::ulysses), grouped());
  CHECK(block.forward.calls[0].bytes == Bytes{mebibyte});
}

TEST_CASE("context parallelism: a degree of one adds nothing, by any method") {
  for (const ContextExchange& exchange : context_exchanges()) {
    const Block block = layer(context_plan(exchange.method, 1));
    CHECK(block.forward.calls.empty());
    CHECK(block.backward.calls.empty());
    CHECK(block.forward.ops.size() == layer(plain_plan(16)).forward.ops.size());
    CHECK(block.exchange_forward == Bytes{});
  }
}

TEST_CASE("context parallelism: what it holds while a pass runs") {
  const auto held = [](ContextMethod method) {
    return layer(context_plan(method)).exchange_forward.value() / mebibyte;
  };
  CHECK(held(ContextMethod::ring) == 2);        // the block in use, and the one on its way
  CHECK(held(ContextMethod::all_gather) == 4);  // all blocks
  CHECK(held(ContextMethod::ulysses) == 3);     // 1.5 MiB sent and received
}

TEST_CASE("context parallelism: the ring is slower by its merges alone where links take no time") {
  // Merges: 3 steps after the first, 3 tensors of 256 x 1024 x 2 B, forward and backward, 4 layers,
  // at 1 TB/s.
  Cluster cluster = round_cluster(2);
  cluster.system.link_share.value = cluster.system.network_share.value = 1e30;
  // Tensor cores this slow bound every product alone: reading queries again for each step takes none.
  cluster.system.gpu.peak_bf16.value *= 1e-4;
  const auto total = [&](const Plan& plan) {
    return step_time(cluster, plan, lower(small_gpt(), small_training(), plan)).total.value();
  };
  const double merges = 2 * 4 * 3 * 3 * tokens * query * 2 / 1e12;
  const double micro_batches = 4;
  CHECK(total(context_plan(ContextMethod::ring)) - total(context_plan(ContextMethod::all_gather)) ==
        Approx(micro_batches * merges).epsilon(1e-6));
}

TEST_CASE("plan: ring attention needs a flash kernel") {
  Plan plan = context_plan(ContextMethod::ring);
  plan.software.attention = AttentionKernel::fused_softmax;
  const auto broken = violations(small_gpt(), small_training(), plan, 16);
  REQUIRE(broken.size() == 1);
  CHECK(broken[0].code == "E432");
  CHECK(broken[0].field == "context.method");
  CHECK(broken[0].message ==
        "ring attention merges partial softmaxes, which only flash kernels hand out");
  CHECK(broken[0].hint ==
        "use method: all-gather or ulysses, or software with attention: flash2 or flash3");
}
