#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "sim/search/space.hpp"

namespace lockstep {

namespace {

const char* sharding_name(Sharding sharding) {
  constexpr std::array names{"", "zero1", "zero2", "fsdp"};
  return names[static_cast<std::size_t>(sharding)];
}

std::string pipeline_name(const Pipeline& pipeline) {
  if (pipeline.stages == 1) return {};
  const std::string chunks = pipeline.interleave > 1 ? fmt::format("x{}", pipeline.interleave) : "";
  const std::string schedule = pipeline.schedule == "1f1b" ? "" : "-" + pipeline.schedule;
  return fmt::format("-pp{}{}{}", pipeline.stages, chunks, schedule);
}

std::string context_name(const Context& context) {
  if (context.degree == 1) return {};
  constexpr std::array methods{"", "-gather", "-ulysses"};
  return fmt::format("-cp{}{}", context.degree, methods[static_cast<std::size_t>(context.method)]);
}

std::string expert_name(const ExpertParallel& expert) {
  std::string name = expert.degree > 1 ? fmt::format("-ep{}", expert.degree) : "";
  if (expert.tensor > 0) name += fmt::format("-etp{}", expert.tensor);
  return name;
}

std::string override_name(Override value, const char* yes, const char* no) {
  if (value == Override::software) return {};
  return std::string("-") + (value == Override::yes ? yes : no);
}

std::string sharding_names(const Plan& plan) {
  if (plan.sharding == Sharding::none) return {};
  std::string name = fmt::format("-{}", sharding_name(plan.sharding));
  if (plan.shard_group > 0) name += fmt::format("of{}", plan.shard_group);
  name += override_name(plan.sync.reshard_after_forward, "reshard", "keep");
  if (plan.sync.prefetch >= 0) name += fmt::format("-prefetch{}", plan.sync.prefetch);
  return name;
}

std::string recompute_name(const Plan& plan) {
  constexpr std::array modes{"", "-selective", "-full"};
  std::string name = modes[static_cast<std::size_t>(plan.recompute)];
  for (const char letter : plan.recompute_parts.empty() ? "" : "-" + plan.recompute_parts) {
    const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
    name += plain ? letter : '-';
  }
  if (plan.recompute_every > 1) name += fmt::format("-every{}", plan.recompute_every);
  return name;
}

// "50" of 0.5, "0_125" of what is no whole percentage: every share its own, and without the point,
// which names that --set addresses do not have.
std::string share_name(double share) {
  const double percent = std::round(100 * share);
  std::string name =
      percent / 100 == share ? fmt::format("{:.0f}", percent) : fmt::format("{}", share);
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

std::string offload_name(const Offload& offload) {
  std::string name;
  for (const auto& [letter, share] :
       {std::pair{'o', offload.optimizer}, std::pair{'w', offload.weights},
        std::pair{'a', offload.activations}}) {
    if (share == 1.0) name += letter;
    if (share > 0.0 && share < 1.0) name += letter + share_name(share);
  }
  return name.empty() ? name : "-host-" + name;
}

// Megatron's order goes without saying; of others the dimensions that the plan has.
std::string placement_name(const Plan& plan) {
  if (plan.placement == "tp-cp-dp-pp") return {};
  std::string name;
  constexpr std::size_t step = 3;
  for (std::size_t at = 0; at + 1 < plan.placement.size(); at += step) {
    const std::string dimension = plan.placement.substr(at, 2);
    const bool there =
        (dimension == "tp" && plan.tensor > 1) || (dimension == "cp" && plan.context.degree > 1) ||
        (dimension == "dp" && plan.data > 1) || (dimension == "pp" && plan.pipeline.stages > 1);
    if (there) name += (name.empty() ? "" : "-") + dimension;
  }
  return "-by-" + name;
}

}  // namespace

std::string plan_name(const Plan& plan) {
  return fmt::format(
      "tp{}{}{}{}{}-dp{}{}-mb{}{}{}{}{}", plan.tensor, plan.sequence_parallel ? "-sp" : "",
      context_name(plan.context), expert_name(plan.expert), pipeline_name(plan.pipeline), plan.data,
      sharding_names(plan), plan.micro_batch, recompute_name(plan), offload_name(plan.offload),
      override_name(plan.tensor_overlap, "overlap", "exposed"), placement_name(plan));
}

}  // namespace lockstep
