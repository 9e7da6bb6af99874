// PlanLowering gives what lower() and peak_memory() give, plan after plan, whatever it kept from
// the plans before.
#include "strategies/plan_lowering.hpp"

#include <map>
#include <random>
#include <tuple>

#include "scenarios/scenario.hpp"
#include "sim/engine/memory.hpp"
#include "strategies/pipeline/schedule.hpp"
#include "tests/catch.hpp"

using namespace lockstep;

namespace {

constexpr double rounding = 1e-12;  // sums of the same doubles in another order
constexpr int draws = 250;          // plans of each model
constexpr std::int64_t global_batch = 96;

// Plans of one model and software over every dimension.
class PlanStream {
 public:
  PlanStream(const Model& model, const Training& training, Software software, unsigned seed)
      : model_(model), training_(training), engine_(seed) {
    software.stage_partition = StagePartition::ends_lighter;
    last_.software = std::move(software);
    last_.data = 1;
  }

  // A legal plan: often like the one before but for one dimension, as a search's plans are.
  Plan next() {
    for (;;) {
      Plan plan = last_;
      const bool anew = one_of({0, 0, 0, 1}) == 1;
      const std::int64_t which = one_of({0, 1, 2, 3, 4, 5, 6, 7});
      if (anew || which == 0) draw_tensor(plan);
      if (anew || which == 1) draw_pipeline(plan);
      if (anew || which == 2) draw_context(plan);
      if (anew || which == 3) draw_experts(plan);
      if (anew || which == 4) draw_sharding(plan);
      if (anew || which == 5) draw_recompute(plan);
      if (anew || which == 6) draw_offload(plan);
      if (anew || which == 7) {
        plan.data = one_of({1, 2, 3, 4, 8});
        plan.micro_batch = one_of({1, 2, 4});
      }
      const std::int64_t gpus =
          plan.tensor * plan.context.degree * plan.pipeline.stages * plan.data;
      if (first_violation(model_, training_, plan, gpus) != nullptr) continue;
      last_ = plan;
      return plan;
    }
  }

 private:
  std::int64_t one_of(std::initializer_list<std::int64_t> values) {
    return *(values.begin() +
             std::uniform_int_distribution<std::size_t>(0, values.size() - 1)(engine_));
  }
  bool coin() { return one_of({0, 1}) == 1; }

  void draw_tensor(Plan& plan) {
    plan.tensor = one_of({1, 2, 4, 8});
    plan.sequence_parallel = plan.tensor > 1 && (model_.has_experts() || coin());
    plan.tensor_overlap =
        plan.tensor > 1 ? static_cast<Override>(one_of({0, 1, 2})) : Override::software;
  }
  void draw_pipeline(Plan& plan) {
    plan.pipeline = {one_of({1, 2, 4, 6, 8, 16}), one_of({1, 1, 2, 3}), "1f1b"};
    if (plan.pipeline.stages == 1) plan.pipeline.interleave = 1;
    const Schedule& schedule = schedules()[static_cast<std::size_t>(one_of({0, 0, 1, 2, 3}))];
    if (plan.pipeline.stages == 1 || schedule.chunks == ChunkRule::any) return;
    plan.pipeline.schedule = schedule.name;
    plan.pipeline.interleave = schedule.chunks == ChunkRule::two ? 2 : 1;
  }
  void draw_context(Plan& plan) {
    plan.context.degree = one_of({1, 1, 2, 4});
    plan.context.method = static_cast<ContextMethod>(one_of({0, 1, 2}));
    plan.context.balanced = coin();
  }
  void draw_experts(Plan& plan) {
    plan.expert = {};
    if (!model_.has_experts()) return;
    plan.expert.degree = one_of({1, 2, 4, 8});
    plan.expert.tensor = one_of({0, 1, 2});
    if (coin()) plan.expert.capacity_factor = 1.25;
  }
  void draw_sharding(Plan& plan) {
    plan.sharding = static_cast<Sharding>(one_of({0, 1, 2, 3, 3}));
    plan.shard_group = plan.sharding != Sharding::none ? one_of({0, 0, 2}) : 0;
    plan.sync = {};
    if (plan.sharding != Sharding::fsdp) {
      plan.offload.weights = 0;
      return;
    }
    plan.sync.reshard_after_forward = static_cast<Override>(one_of({0, 1, 2}));
    plan.sync.prefetch = one_of({-1, 0, 2});
  }
  void draw_recompute(Plan& plan) {
    plan.recompute = static_cast<Recompute>(one_of({0, 1, 2}));
    plan.recompute_layers = plan.recompute != Recompute::none ? one_of({0, 0, 1, 3}) : 0;
    plan.recompute_every =
        plan.recompute != Recompute::none && plan.recompute_layers == 0 ? one_of({1, 2}) : 1;
    const bool parts = plan.recompute == Recompute::selective && coin();
    plan.recompute_parts = !parts ? "" : coin() ? "norms, output-projection" : "attention";
  }
  void draw_offload(Plan& plan) {
    plan.offload.optimizer = coin() ? 0.0 : 0.5;
    plan.offload.activations = coin() ? 0.0 : 0.25;
    plan.offload.weights = plan.sharding == Sharding::fsdp && coin() ? 0.75 : 0.0;
  }

  const Model& model_;
  const Training& training_;
  std::mt19937 engine_;
  Plan last_;
};

auto fields(const Op& op) {
  return std::tuple(std::string(op.name), op.kind, op.op_class, op.flops, op.bytes, op.m, op.n,
                    op.k, op.batch, op.memory, op.launches, op.backward, op.part);
}
auto fields(const CollectiveCall& call) {
  return std::tuple(std::string(call.name), call.collective, call.bytes, call.group, call.role,
                    call.after, call.before, call.copies, call.part);
}
auto fields(const HostCopy& copy) {
  return std::tuple(std::string(copy.name), copy.bytes, copy.to_host);
}
auto fields(const SavedTensor& saved) {
  return std::tuple(std::string(saved.name), saved.bytes, saved.part, saved.part_input);
}
auto fields(const Chunk& chunk) {
  return std::tuple(chunk.layers, chunk.recomputed, chunk.has_embedding, chunk.has_head);
}

template <class Item>
bool same(const std::vector<Item>& a, const std::vector<Item>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Item& one, const Item& other) {
    return fields(one) == fields(other);
  });
}

bool same(const Pass& a, const Pass& b) {
  return same(a.ops, b.ops) && same(a.calls, b.calls);
}

bool same(const Block& a, const Block& b) {
  return same(a.forward, b.forward) && same(a.backward, b.backward) &&
         same(a.recompute, b.recompute) && same(a.saved, b.saved) && a.parameters == b.parameters &&
         a.expert_parameters == b.expert_parameters &&
         a.trained_parameters == b.trained_parameters &&
         a.quantized_parameters == b.quantized_parameters && a.launches == b.launches;
}

bool same(const LayerKind& a, const LayerKind& b) {
  return std::string(a.name) == b.name && same(a.block, b.block) &&
         same(a.fsdp_forward, b.fsdp_forward) && same(a.fsdp_backward, b.fsdp_backward) &&
         a.table_parameters == b.table_parameters && same(a.copies_forward, b.copies_forward) &&
         same(a.copies_backward, b.copies_backward);
}

// Whatever a stage does and has, but for what depends on where it stands in the pipeline.
bool same(const Stage& a, const Stage& b) {
  return same(a.chunks, b.chunks) && a.layers == b.layers &&
         a.recomputed_layers == b.recomputed_layers && a.has_embedding == b.has_embedding &&
         a.has_head == b.has_head && a.parameters == b.parameters &&
         a.expert_parameters == b.expert_parameters &&
         a.trained_parameters == b.trained_parameters &&
         a.quantized_parameters == b.quantized_parameters &&
         a.trained_expert_parameters == b.trained_expert_parameters &&
         same(a.data_calls, b.data_calls) && same(a.repeated_calls, b.repeated_calls) &&
         same(a.optimizer_ops, b.optimizer_ops) && same(a.optimizer_copies, b.optimizer_copies) &&
         a.host_update == b.host_update;
}

void check_blocks(const Workload& distinct, const Workload& whole) {
  REQUIRE(distinct.kinds.size() == whole.kinds.size());
  for (std::size_t i = 0; i < whole.kinds.size(); ++i) {
    CHECK(same(distinct.kinds[i], whole.kinds[i]));
  }
  CHECK(same(distinct.embedding, whole.embedding));
  CHECK(same(distinct.head, whole.head));
  CHECK(same(distinct.fsdp_embedding, whole.fsdp_embedding));
  CHECK(same(distinct.fsdp_head, whole.fsdp_head));
}

void check_stages(const DistinctWorkload& distinct, const Workload& whole) {
  const std::vector<Stage>& kinds = distinct.workload.stages;
  REQUIRE(distinct.kind_of.size() == whole.stages.size());
  std::vector<double> in_flight(kinds.size(), 0);
  std::vector<Bytes> on_host(kinds.size());
  std::vector<std::int64_t> first(kinds.size(), -1);
  for (std::size_t i = 0; i < whole.stages.size(); ++i) {
    const std::size_t kind = distinct.kind_of[i];
    REQUIRE(kind < kinds.size());
    const Stage& stage = whole.stages[i];
    CHECK(same(kinds[kind], stage));
    in_flight[kind] = std::max(in_flight[kind], stage.micro_batches_in_flight);
    on_host[kind] = std::max(on_host[kind], stage.host_bytes);
    if (first[kind] < 0) first[kind] = stage.index;
  }
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    CHECK(kinds[kind].micro_batches_in_flight == in_flight[kind]);
    CHECK(kinds[kind].host_bytes == on_host[kind]);
    CHECK(kinds[kind].index == first[kind]);
    for (std::size_t other = 0; other < kind; ++other) {
      CHECK_FALSE(same(kinds[kind].chunks, kinds[other].chunks));  // else they were one kind
    }
  }
}

void check_whole(const Workload& distinct, const Workload& whole) {
  CHECK(fields(distinct.boundary) == fields(whole.boundary));
  CHECK(distinct.micro_batches == whole.micro_batches);
  CHECK(distinct.interleave == whole.interleave);
  CHECK(distinct.schedule == whole.schedule);
  CHECK(distinct.model_flops == whole.model_flops);
  CHECK(distinct.hardware_flops == whole.hardware_flops);
  CHECK(distinct.total_parameters == whole.total_parameters);
}

Training training_of(const Model& model) {
  Training training;
  training.sequence_length = 2048;
  training.global_batch = global_batch;
  // A mask of the embedding's dropout makes the first chunk of a stage hold more than the others.
  if (model.positions == Positions::learned) training.dropout = 0.1;
  return training;
}

void check_stream(const Model& model, const Training& training, const Software& software,
                  unsigned seed) {
  PlanStream stream(model, training, software, seed);
  PlanLowering lowering(model, training);
  std::map<std::uint64_t, Block> first_layers;  // by number of blocks
  for (int i = 0; i < draws; ++i) {
    const Plan plan = stream.next();
    INFO(model.name << ", draw " << i << ": tensor " << plan.tensor << ", " << plan.pipeline.stages
                    << " stages x " << plan.pipeline.interleave << ", " << plan.pipeline.schedule
                    << ", micro-batch " << plan.micro_batch);
    const Workload whole = lower(model, training, plan);
    const double peak = peak_memory(plan, whole).worst().allocated.value();
    if (i % 3 == 0) {
      CHECK(lowering.peak_allocated(plan).value() == Approx(peak).epsilon(rounding));
    }
    const DistinctWorkload& distinct = lowering.lower(plan);
    check_blocks(distinct.workload, whole);
    check_stages(distinct, whole);
    check_whole(distinct.workload, whole);
    CHECK(distinct.peak_allocated.value() == Approx(peak).epsilon(rounding));
    const auto known = first_layers.emplace(distinct.blocks, whole.kinds.front().block);
    CHECK(same(known.first->second, whole.kinds.front().block));
    if (i % 2 == 0) CHECK(lowering.peak_allocated(plan) == distinct.peak_allocated);
  }
  CHECK(lowering.kept_bytes() < std::size_t{6'000'000});
}

const Catalog& catalog() {
  static const Catalog bundled(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios");
  return bundled;
}

}  // namespace

TEST_CASE("property: plan lowering of dense models equals lower() and peak_memory()") {
  // Tied table and learned positions; grouped queries; an embedding norm; windowed layers.
  for (const char* name : {"gpt3-175b", "llama3.1-405b", "bloom-176b", "qwen2.5-7b"}) {
    const Model model = catalog().model(name);
    check_stream(model, training_of(model), catalog().software("megatron-core"), 1);
  }
}

TEST_CASE("property: plan lowering of models with experts equals lower() and peak_memory()") {
  // Latent attention, dense first layers and a prediction module; windows in turn; plain.
  for (const char* name : {"deepseek-v3", "gpt-oss-20b", "mixtral-8x7b"}) {
    const Model model = catalog().model(name);
    check_stream(model, training_of(model), catalog().software("megatron-core"), 2);
  }
}

TEST_CASE("property: plan lowering under other software equals lower() and peak_memory()") {
  const Model model = catalog().model("gpt3-13b");
  for (const char* name : {"torchtitan", "deepspeed", "nanotron", "megatron-lm-2021"}) {
    check_stream(model, training_of(model), catalog().software(name), 3);
  }
}

TEST_CASE("property: plan lowering of adapters equals lower() and peak_memory()") {
  const Model model = catalog().model("llama2-7b");
  for (const AdapterKind kind : {AdapterKind::lora, AdapterKind::prompt, AdapterKind::adapter_v2}) {
    Training training = training_of(model);
    training.adapter.kind = kind;
    if (kind == AdapterKind::lora) training.adapter.frozen = FrozenWeights::nf4;
    check_stream(model, training, catalog().software("litgpt"), 4);
  }
}
