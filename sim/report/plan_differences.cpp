#include "sim/report/plan_differences.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "scenarios/utf8.hpp"
#include "sim/report/names.hpp"

namespace lockstep {

namespace {

// How the values of a key are put into words.
enum class Wording {
  name_first,   // "pp 4 instead of 2"
  value_first,  // "50 % of the optimizer on the host instead of 0 %"
  feature       // "with sequence parallelism"
};

// Nothing where the plan has no use for the key.
using Value = std::optional<std::string>;

struct Aspect {
  const char* key;
  const char* name;
  Wording wording;
  Value (*value)(const PlanReport&);
};

Value text(std::int64_t value) {
  return std::to_string(value);
}
Value text(const char* value) {
  return std::string(value);
}
Value yes_no(bool value) {
  return std::string(value ? "yes" : "no");
}
Value share(double value) {
  return fmt::format("{:.4g} %", 100 * value);
}

bool shards_weights(const Plan& plan) {
  return plan.sharding == Sharding::fsdp;
}

Value overlap(const PlanReport& r) {
  if (r.plan.tensor == 1) return std::nullopt;
  return text(to_string(r.plan.tensor_overlap));
}

Value context_method(const PlanReport& r) {
  if (r.plan.context.degree == 1) return std::nullopt;
  return text(to_string(r.plan.context.method));
}

Value context_balanced(const PlanReport& r) {
  if (r.plan.context.degree == 1) return std::nullopt;
  return yes_no(r.plan.context.balanced);
}

Value expert_tensor(const PlanReport& r) {
  if (r.plan.expert.degree == 1) return std::nullopt;
  return text(r.plan.expert_tensor());
}

Value schedule(const PlanReport& r) {
  if (r.plan.pipeline.stages == 1) return std::nullopt;
  return printable(r.plan.pipeline.schedule);
}

// Ranks that share one sharded copy.
Value shard_group(const PlanReport& r) {
  const Plan& plan = r.plan;
  if (plan.sharding == Sharding::none) return std::nullopt;
  const bool hybrid = plan.shard_group > 0 && plan.shard_group < plan.replicas();
  return hybrid ? text(plan.shard_group) : text("all");
}

Value freed_weights(const PlanReport& r) {
  if (!shards_weights(r.plan)) return std::nullopt;
  return yes_no(r.plan.reshards_after_forward());
}

Value prefetch(const PlanReport& r) {
  if (!shards_weights(r.plan)) return std::nullopt;
  return fmt::format("{:g}", r.plan.units_in_flight() - 1);
}

Value recompute(const PlanReport& r) {
  const Plan& plan = r.plan;
  std::string words = to_string(plan.recompute);
  if (plan.recompute == Recompute::none) return words;
  if (!plan.recompute_parts.empty()) words += fmt::format(" ({})", printable(plan.recompute_parts));
  if (plan.recompute_layers > 0) {
    words += fmt::format(" of {} layers a stage", plan.recompute_layers);
  }
  if (plan.recompute_every > 1) words += fmt::format(" of 1 layer in {}", plan.recompute_every);
  return words;
}

constexpr Wording name_first = Wording::name_first;
constexpr Wording value_first = Wording::value_first;
constexpr Wording feature = Wording::feature;

constexpr std::array aspects{
    Aspect{"nodes", "nodes", name_first, [](const PlanReport& r) { return text(r.cluster.nodes); }},
    Aspect{"tensor", "tp", name_first, [](const PlanReport& r) { return text(r.plan.tensor); }},
    Aspect{"sequence_parallel", "sequence parallelism", feature,
           [](const PlanReport& r) { return yes_no(r.plan.sequence_parallel); }},
    Aspect{"tensor_overlap", "tensor-parallel overlap", name_first, overlap},
    Aspect{"context", "cp", name_first,
           [](const PlanReport& r) { return text(r.plan.context.degree); }},
    Aspect{"context_method", "context method", name_first, context_method},
    Aspect{"context_balanced", "balanced context", feature, context_balanced},
    Aspect{"expert", "ep", name_first,
           [](const PlanReport& r) { return text(r.plan.expert.degree); }},
    Aspect{"expert_tensor", "expert tensor", name_first, expert_tensor},
    Aspect{"pipeline_stages", "pp", name_first,
           [](const PlanReport& r) { return text(r.plan.pipeline.stages); }},
    Aspect{"pipeline_interleave", "interleave", name_first,
           [](const PlanReport& r) { return text(r.plan.pipeline.interleave); }},
    Aspect{"pipeline_schedule", "schedule", name_first, schedule},
    Aspect{"data", "dp", name_first, [](const PlanReport& r) { return text(r.plan.data); }},
    Aspect{"sharding", "sharding", name_first,
           [](const PlanReport& r) { return text(to_string(r.plan.sharding)); }},
    Aspect{"shard_group", "shard group", name_first, shard_group},
    Aspect{"reshard_after_forward", "weights freed after forward", feature, freed_weights},
    Aspect{"prefetch_units", "units prefetched", name_first, prefetch},
    Aspect{"micro_batch", "micro-batch", name_first,
           [](const PlanReport& r) { return text(r.plan.micro_batch); }},
    Aspect{"recompute", "recompute", name_first, recompute},
    Aspect{"offload_optimizer", "the optimizer on the host", value_first,
           [](const PlanReport& r) { return share(r.plan.offload.optimizer); }},
    Aspect{"offload_weights", "the weights on the host", value_first,
           [](const PlanReport& r) { return share(r.plan.offload.weights); }},
    Aspect{"offload_activations", "the activations on the host", value_first,
           [](const PlanReport& r) { return share(r.plan.offload.activations); }},
    Aspect{"placement", "placement", name_first,
           [](const PlanReport& r) { return Value(printable(r.plan.placement)); }}};

std::string words_of(const Aspect& aspect, const std::string& value, const std::string& other) {
  switch (aspect.wording) {
    case Wording::name_first:
      return fmt::format("{} {} instead of {}", aspect.name, value, other);
    case Wording::value_first:
      return fmt::format("{} of {} instead of {}", value, aspect.name, other);
    case Wording::feature:
      break;
  }
  return fmt::format("{} {}", value == "yes" ? "with" : "without", aspect.name);
}

}  // namespace

std::vector<PlanDifference> plan_differences(const PlanReport& plan, const PlanReport& other) {
  std::vector<PlanDifference> differences;
  for (const Aspect& aspect : aspects) {
    const Value value = aspect.value(plan);
    const Value others = aspect.value(other);
    if (!value || !others || *value == *others) continue;
    differences.push_back({aspect.key, aspect.name, words_of(aspect, *value, *others)});
  }
  return differences;
}

std::string differences_text(const std::vector<PlanDifference>& differences) {
  std::string words;
  for (const PlanDifference& difference : differences) {
    words += (words.empty() ? "" : ", ") + difference.words;
  }
  return words;
}

}  // namespace lockstep
