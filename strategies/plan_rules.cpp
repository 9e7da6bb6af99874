// Pipeline, batch, sharding, recompute and offload; and every rule in its turn.
#include "strategies/plan_rules.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "strategies/pipeline/partition.hpp"
#include "strategies/recompute.hpp"

namespace lockstep {

void PlanRules::check_pipeline() {
  const Pipeline& pipeline = plan_.pipeline;
  const Schedule* schedule = find_schedule(pipeline.schedule);
  if (schedule == nullptr) {
    report("E407", "pipeline.schedule", [&] {
      std::string names;
      for (const Schedule& known : schedules())
        names += (names.empty() ? "" : ", ") + std::string(known.name);
      return Words{fmt::format("unknown schedule '{}'", pipeline.schedule), "one of: " + names};
    });
  } else if (!accepts_interleave(*schedule, pipeline.interleave)) {
    report("E414", "pipeline.interleave", [&] {
      return Words{fmt::format("schedule {} has {} per stage", pipeline.schedule,
                               schedule->chunks == ChunkRule::two ? "two chunks" : "one chunk"),
                   interleave_hint(*schedule)};
    });
  }
  if (pipeline.interleave > 1 && pipeline.stages == 1) {
    report("E413", "pipeline.interleave", [&] {
      return Words{"interleave needs more than one pipeline stage",
                   schedule != nullptr && schedule->chunks == ChunkRule::two
                       ? "set stages above 1, or interleave: 1 and schedule: 1f1b"
                       : "set interleave: 1 or stages above 1"};
    });
  }
  const StagePartition partition = plan_.software.stage_partition;
  if (!partition_fits(model_, partition, pipeline.stages, pipeline.interleave)) {
    report("E405", "pipeline.stages", [&] {
      return Words{partition_problem(model_, partition, pipeline.stages, pipeline.interleave),
                   layer_hint()};
    });
  }
}

std::string PlanRules::interleave_hint(const Schedule& schedule) const {
  if (schedule.chunks == ChunkRule::one) return "set interleave: 1 or schedule: 1f1b";
  if (plan_.pipeline.stages == 1) return "set stages above 1 and interleave: 2, or schedule: 1f1b";
  return "set interleave: 2 or schedule: 1f1b";
}

std::string PlanRules::layer_hint() const {
  std::string fitting;
  for (std::int64_t p = 1; p <= std::min<std::int64_t>(model_.layers, 128); ++p) {
    if (model_.layers % (p * plan_.pipeline.interleave) == 0) {
      fitting += fmt::format("{}{}", fitting.empty() ? "" : ", ", p);
    }
  }
  if (fitting.empty()) return "lower interleave";
  return fmt::format("with interleave {} these stage counts divide {} layers: {}",
                     plan_.pipeline.interleave, model_.layers, fitting);
}

void PlanRules::check_batch() {
  if (plan_.data > training_.global_batch || plan_.micro_batch > training_.global_batch ||
      training_.global_batch % (plan_.data * plan_.micro_batch) != 0) {
    report("E406", "micro_batch", [&] {
      return Words{fmt::format("global batch {} does not divide by data {} x micro_batch {}",
                               training_.global_batch, plan_.data, plan_.micro_batch),
                   "data x micro_batch must divide training.global_batch"};
    });
    return;
  }
  const std::int64_t micro_batches = training_.global_batch / (plan_.data * plan_.micro_batch);
  const Schedule* schedule = find_schedule(plan_.pipeline.schedule);
  const bool in_groups = schedule == nullptr || schedule->chunks == ChunkRule::any;
  if (in_groups && plan_.pipeline.interleave > 1 && micro_batches % plan_.pipeline.stages != 0) {
    report("E415", "pipeline.interleave", [&] {
      return Words{
          fmt::format("the interleaved schedule needs micro-batches per replica ({}) divisible "
                      "by stages ({})",
                      micro_batches, plan_.pipeline.stages),
          "change global_batch, micro_batch or interleave"};
    });
  }
}

void PlanRules::check_sharding() {
  if (plan_.shard_group == 0) return;
  if (plan_.sharding == Sharding::none) {
    report("E410", "shard_group", "shard_group has no meaning with sharding: none",
           "choose sharding: fsdp (or optimizer, gradients), or remove shard_group");
  }
  if (plan_.data > gpus_ || plan_.context.degree > gpus_) return;  // E401 says so; no overflow
  const std::int64_t replicas = plan_.replicas();
  if (plan_.data > 0 && replicas % plan_.shard_group != 0) {
    report("E409", "shard_group", [&] {
      return Words{
          fmt::format("shard_group {} does not divide data {}", plan_.shard_group, replicas),
          fmt::format("shard_group must divide {}", replicas)};
    });
  }
}

void PlanRules::check_recompute() {
  const bool limited = plan_.recompute_layers > 0 || plan_.recompute_every > 1;
  if (limited && plan_.recompute == Recompute::none) {
    report("E416", plan_.recompute_layers > 0 ? "recompute_layers" : "recompute_every",
           "which layers recompute is set, but recompute is none",
           "set recompute: full or selective");
  }
  if (plan_.recompute_layers > 0 && plan_.recompute_every > 1) {
    report("E417", "recompute_every", "recompute_layers and recompute_every exclude each other",
           "keep one of them");
  }
  check_recompute_parts();
}

void PlanRules::check_recompute_parts() {
  if (plan_.recompute_parts.empty()) return;
  if (plan_.recompute != Recompute::selective) {
    report("E429", "recompute_parts", [&] {
      return Words{fmt::format("parts to recompute are named, but recompute is {}",
                               plan_.recompute == Recompute::full ? "full" : "none"),
                   "set recompute: selective, or remove recompute_parts"};
    });
  }
  if (const auto parts = parse_recompute_parts(plan_.recompute_parts, nullptr)) {
    if (!model_has_one_of(model_, *parts)) {
      report("E435", "recompute_parts", [&] {
        return Words{fmt::format("no layer of this model has '{}'", plan_.recompute_parts),
                     model_.has_experts()
                         ? "with experts: moe, router, shared-experts, attention, ..."
                         : "of a dense model: mlp, activation, norms, attention, ..."};
      });
    }
    return;
  }
  report("E428", "recompute_parts", [&] {
    std::string unknown;
    (void)parse_recompute_parts(plan_.recompute_parts, &unknown);
    std::string names;
    for (const RecomputePart& part : recompute_parts()) {
      names += (names.empty() ? "" : ", ") + std::string(part.name);
    }
    return Words{fmt::format("'{}' is no part of a layer that can be recomputed", unknown),
                 "one or more of: " + names};
  });
}

// Keys that mean nothing beside the others of this plan.
void PlanRules::check_idle_keys() {
  if (plan_.tensor == 1 && plan_.tensor_overlap != Override::software) {
    report("E436", "tensor_overlap",
           "there are no tensor-parallel collectives to overlap, and tensor is 1",
           "set tensor above 1, or remove tensor_overlap");
  }
  const bool units = plan_.sharding == Sharding::fsdp;
  if (!units &&
      (plan_.sync.prefetch >= 0 || plan_.sync.reshard_after_forward != Override::software)) {
    report("E437", "sync",
           "prefetch and reshard_after_forward are FSDP's, and sharding is not fsdp",
           "set sharding: fsdp, or remove them");
  }
}

void PlanRules::check_offload() {
  const Offload& offload = plan_.offload;
  if (offload.weights > 0 && plan_.sharding != Sharding::fsdp) {
    report("E427", "offload.weights",
           "only FSDP brings weights back layer by layer, and sharding is not fsdp",
           "set sharding: fsdp, or offload the optimizer or activations");
  }
}

// Later ones read what earlier ones found out.
const PlanRules::Check PlanRules::checks[] = {
    &PlanRules::check_degrees, &PlanRules::check_placement, &PlanRules::check_tensor,
    &PlanRules::check_context, &PlanRules::check_experts,   &PlanRules::check_pipeline,
    &PlanRules::check_batch,   &PlanRules::check_sharding,  &PlanRules::check_recompute,
    &PlanRules::check_offload, &PlanRules::check_idle_keys};

std::vector<Violation> PlanRules::all() {
  std::vector<Violation> found;
  found_ = &found;
  for (const Check check : checks) (this->*check)();
  return found;
}

const char* PlanRules::first() {
  for (const Check check : checks) {
    (this->*check)();
    if (first_ != nullptr) break;
  }
  return first_;
}

std::vector<Violation> violations(const Model& model, const Training& training, const Plan& plan,
                                  std::int64_t gpus) {
  return PlanRules(model, training, plan, gpus).all();
}

const char* first_violation(const Model& model, const Training& training, const Plan& plan,
                            std::int64_t gpus) {
  return PlanRules(model, training, plan, gpus).first();
}

}  // namespace lockstep
