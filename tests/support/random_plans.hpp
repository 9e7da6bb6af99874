// Random legal plans over every dimension that a plan has, on round hardware.
#pragma once

#include <random>

#include "strategies/pipeline/schedule.hpp"
#include "tests/support/round_numbers.hpp"

namespace lockstep::testing {

struct RandomCase {
  Model model;
  Training training;
  Plan plan;
  Cluster cluster;
};

class RandomPlans {
 public:
  explicit RandomPlans(unsigned seed) : engine_(seed) {}

  // A legal plan of 64 GPUs or fewer; draws until one is.
  RandomCase next() {
    for (;;) {
      RandomCase drawn = draw();
      if (violations(drawn.model, drawn.training, drawn.plan, drawn.cluster.gpus).empty())
        return drawn;
    }
  }

  std::int64_t one_of(std::initializer_list<std::int64_t> values) {
    const auto index = std::uniform_int_distribution<std::size_t>(0, values.size() - 1)(engine_);
    return *(values.begin() + index);
  }
  bool coin() { return one_of({0, 1}) == 1; }

 private:
  Model model() {
    Model model = small_gpt();
    model.layers = one_of({8, 16, 17, 32});
    model.kv_heads = one_of({0, 2, 8});
    model.tied_embeddings = coin();
    if (coin()) model.activation = Activation::swiglu;
    if (coin()) model.positions = Positions::rope;
    if (coin()) {
      model.experts.count = 8;
      model.experts.top_k = one_of({1, 2});
      model.experts.shared = one_of({0, 1});
      model.experts.dense_layers = one_of({0, 1});
    }
    if (one_of({0, 0, 1}) == 1) {
      model.latent.query_rank = 256;
      model.latent.key_value_rank = 128;
    }
    if (one_of({0, 0, 1}) == 1) model.attention_window = 256;
    return model;
  }

  RandomCase draw() {
    RandomCase drawn;
    drawn.model = model();
    drawn.training = small_training(one_of({32, 64, 128}));
    Plan& plan = drawn.plan;
    const std::int64_t tensor = one_of({1, 1, 2, 4});
    const std::int64_t stages = one_of({1, 1, 2, 4, 8});
    plan = plain_plan(one_of({1, 2, 4, 8}), tensor, stages);
    plan.software.stage_partition = StagePartition::ends_lighter;
    plan.software.data_exposed = Constant(coin() ? 0.3 : 1.0);
    plan.software.pipeline_exposed = Constant(coin() ? 0.25 : 1.0);
    plan.software.gradient_bucket_bytes = coin() ? 1e6 : 1e9;
    plan.software.reshard_after_forward = coin();
    plan.software.fsdp_prefetch = coin();
    plan.sequence_parallel = tensor > 1 && coin();
    plan.context.degree = one_of({1, 1, 2, 4});
    plan.context.method = static_cast<ContextMethod>(one_of({0, 1, 2}));
    plan.context.balanced = coin();
    if (stages > 1) pick_schedule(plan);
    if (drawn.model.has_experts()) {
      plan.expert.degree = one_of({1, 2, 4, 8});
      plan.expert.tensor = one_of({0, 0, 1, 2});
      const std::int64_t uneven = one_of({0, 1, 2});
      if (uneven == 1) plan.expert.capacity_factor = 1.25;
      if (uneven == 2 && plan.expert.degree > 1) plan.expert.imbalance = 1.5;
    }
    plan.sharding = static_cast<Sharding>(one_of({0, 1, 2, 3}));
    if (plan.sharding != Sharding::none && coin()) plan.shard_group = 2;
    plan.recompute = static_cast<Recompute>(one_of({0, 1, 2}));
    if (plan.recompute != Recompute::none && coin()) plan.recompute_every = 2;
    if (one_of({0, 0, 0, 1}) == 1) plan.offload.optimizer = 0.5;
    if (one_of({0, 0, 0, 1}) == 1) plan.offload.activations = 0.5;
    drawn.cluster = round_cluster(1);
    const std::int64_t gpus = tensor * plan.context.degree * stages * plan.data;
    drawn.cluster.nodes = (gpus + 7) / 8;
    drawn.cluster.gpus = gpus;
    drawn.cluster.system.gpu.overlap_slowdown = Constant(coin() ? 0.25 : 0.0);
    return drawn;
  }

  void pick_schedule(Plan& plan) {
    const auto all = schedules();
    const auto& schedule =
        all[std::uniform_int_distribution<std::size_t>(0, all.size() - 1)(engine_)];
    plan.pipeline.schedule = schedule.name;
    for (const std::int64_t chunks : {one_of({1, 2}), std::int64_t{1}, std::int64_t{2}}) {
      plan.pipeline.interleave = chunks;
      if (accepts_interleave(schedule, chunks)) return;
    }
  }

  std::mt19937 engine_;
};

}  // namespace lockstep::testing
