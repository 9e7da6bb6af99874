#include "validate/search_limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "strategies/rank_order.hpp"

namespace lockstep {
namespace {

struct Numbers {
  const char* dimension;
  double (*of)(const Plan&);
};
struct Names {
  const char* dimension;
  std::string (*of)(const Plan&);
};
struct Feature {
  const char* name;
  bool (*in)(const Plan&);
};

double real(std::int64_t count) {
  return static_cast<double>(count);
}

const char* const sharding_names[] = {"none", "optimizer", "gradients", "fsdp"};
const char* const recompute_names[] = {"none", "selective", "full"};
const char* const method_names[] = {"ring", "all-gather", "ulysses"};

// What tables of runs vary.
constexpr std::array<Numbers, 11> numbers{{
    {"tensor", [](const Plan& p) { return real(p.tensor); }},
    {"context", [](const Plan& p) { return real(p.context.degree); }},
    {"expert", [](const Plan& p) { return real(p.expert.degree); }},
    {"expert_tensor", [](const Plan& p) { return real(p.expert.tensor); }},
    {"stages", [](const Plan& p) { return real(p.pipeline.stages); }},
    {"interleave", [](const Plan& p) { return real(p.pipeline.interleave); }},
    {"shard_group", [](const Plan& p) { return real(p.shard_group); }},
    {"micro_batch", [](const Plan& p) { return real(p.micro_batch); }},
    {"offload_optimizer", [](const Plan& p) { return p.offload.optimizer; }},
    {"offload_weights", [](const Plan& p) { return p.offload.weights; }},
    {"offload_activations", [](const Plan& p) { return p.offload.activations; }},
}};
constexpr std::array<Names, 3> names{{
    {"sequence_parallel",
     [](const Plan& p) { return std::string(p.sequence_parallel ? "true" : "false"); }},
    {"sharding",
     [](const Plan& p) {
       return std::string(sharding_names[static_cast<std::size_t>(p.sharding)]);
     }},
    {"recompute",
     [](const Plan& p) {
       return std::string(recompute_names[static_cast<std::size_t>(p.recompute)]);
     }},
}};

// What they do not vary, since the software does it its way.
constexpr std::array<Numbers, 1> kept_numbers{
    {{"recompute_every", [](const Plan& p) { return real(p.recompute_every); }}}};
constexpr std::array<Names, 6> kept_names{{
    {"recompute_parts",
     [](const Plan& p) { return p.recompute_parts.empty() ? "software" : p.recompute_parts; }},
    {"schedule", [](const Plan& p) { return p.pipeline.schedule; }},
    {"placement", [](const Plan& p) { return p.placement; }},
    {"context_method",
     [](const Plan& p) {
       return std::string(method_names[static_cast<std::size_t>(p.context.method)]);
     }},
    {"reshard_after_forward", [](const Plan&) { return std::string("software"); }},
    {"prefetch", [](const Plan&) { return std::string("software"); }},
}};

constexpr std::array<Feature, 10> features{{
    {"tensor", [](const Plan& p) { return p.tensor > 1; }},
    {"pipeline", [](const Plan& p) { return p.pipeline.stages > 1; }},
    {"interleave", [](const Plan& p) { return p.pipeline.interleave > 1; }},
    {"context", [](const Plan& p) { return p.context.degree > 1; }},
    {"expert", [](const Plan& p) { return p.expert.degree > 1; }},
    {"sharding", [](const Plan& p) { return p.sharding != Sharding::none; }},
    {"hsdp", [](const Plan& p) { return p.shard_group > 0; }},
    {"sequence-parallel", [](const Plan& p) { return p.sequence_parallel; }},
    {"recompute", [](const Plan& p) { return p.recompute != Recompute::none; }},
    {"offload",
     [](const Plan& p) {
       return p.offload.optimizer > 0 || p.offload.weights > 0 || p.offload.activations > 0;
     }},
}};

std::vector<Plan> all_as_found(const PlanPointers& plans) {
  std::vector<Plan> out;
  for (const Plan* plan : plans) out.push_back(as_found(*plan));
  return out;
}

DimensionLimit limit_of(const Numbers& dimension, const std::vector<Plan>& plans) {
  DimensionLimit limit;
  limit.dimension = dimension.dimension;
  for (const Plan& plan : plans) {
    const double value = dimension.of(plan);
    const bool known = std::any_of(limit.ranges.begin(), limit.ranges.end(),
                                   [&](const ValueRange& one) { return one.low == value; });
    if (!known) limit.ranges.push_back({value, value});
  }
  return limit;
}

DimensionLimit limit_of(const Names& dimension, const std::vector<Plan>& plans) {
  DimensionLimit limit;
  limit.dimension = dimension.dimension;
  for (const Plan& plan : plans) {
    const std::string name = dimension.of(plan);
    if (std::find(limit.names.begin(), limit.names.end(), name) == limit.names.end())
      limit.names.push_back(name);
  }
  return limit;
}

template <typename Dimensions>
void limit_all(const Dimensions& dimensions, const std::vector<Plan>& plans,
               SearchRequest& request) {
  for (const auto& one : dimensions) request.limits.push_back(limit_of(one, plans));
}

// The fastest plan, done as the plans' software does it.
SearchRequest request_of_software(const std::vector<Plan>& plans) {
  SearchRequest request;
  request.top = 1;
  request.forbidden.emplace_back("tensor-overlap");  // the software's profile has what it does
  limit_all(kept_numbers, plans, request);
  limit_all(kept_names, plans, request);
  return request;
}

}  // namespace

Plan as_found(Plan plan) {
  constexpr const char* usual = "tp-cp-dp-pp";
  if (rank_order(plan.placement) == rank_order(usual)) plan.placement = usual;
  if (plan.tensor == 1) plan.sequence_parallel = false;
  if (plan.replicas() == 1) plan.sharding = Sharding::none;
  if (plan.sharding == Sharding::none || plan.shard_group == plan.replicas()) plan.shard_group = 0;
  if (plan.sharding != Sharding::fsdp) plan.offload.weights = 0;
  if (plan.pipeline.stages == 1) plan.pipeline.interleave = 1;
  if (plan.expert.tensor == plan.tensor) plan.expert.tensor = 0;
  if (plan.recompute == Recompute::none) plan.recompute_every = 1;
  if (plan.recompute != Recompute::selective) plan.recompute_parts.clear();
  return plan;
}

SearchRequest request_of_values(const PlanPointers& plans) {
  const std::vector<Plan> found = all_as_found(plans);
  SearchRequest request = request_of_software(found);
  limit_all(numbers, found, request);
  limit_all(names, found, request);
  return request;
}

SearchRequest request_of_features(const PlanPointers& plans) {
  const std::vector<Plan> found = all_as_found(plans);
  SearchRequest request = request_of_software(found);
  for (const Feature& feature : features) {
    if (std::none_of(found.begin(), found.end(), feature.in))
      request.forbidden.emplace_back(feature.name);
  }
  return request;
}

std::vector<std::string> unmeasured_settings(const Plan& pick, const PlanPointers& plans) {
  const Plan own = as_found(pick);
  const std::vector<Plan> others = all_as_found(plans);
  std::vector<std::string> out;
  for (const Numbers& one : numbers) {
    const double value = one.of(own);
    if (std::none_of(others.begin(), others.end(),
                     [&](const Plan& other) { return one.of(other) == value; }))
      out.push_back(fmt::format("{} {:g}", one.dimension, value));
  }
  for (const Names& one : names) {
    const std::string name = one.of(own);
    if (std::none_of(others.begin(), others.end(),
                     [&](const Plan& other) { return one.of(other) == name; }))
      out.push_back(fmt::format("{} {}", one.dimension, name));
  }
  return out;
}

}  // namespace lockstep
