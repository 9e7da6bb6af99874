#include "sim/search/refusal.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "strategies/parallel/parallel.hpp"
#include "strategies/pipeline/schedule.hpp"
#include "strategies/rank_order.hpp"

namespace lockstep {

namespace {

// Rules of violations() by their code, in words without values.
struct RuleWords {
  const char* code;
  const char* words;
};
constexpr RuleWords rule_words[] = {
    {"E401", degrees_do_not_divide},
    {"E402", "attention heads not divisible by tensor"},
    {"E403", "key/value heads not divisible by tensor"},
    {"E404", "layer widths not divisible by tensor"},
    {"E405", "layers not divisible over stages and chunks"},
    {"E406", "batch not divisible by data x micro-batch"},
    {"E408", "sequence parallelism without tensor parallelism"},
    {"E409", "shard group that does not divide the replicas"},
    {"E410", "shard group without sharding"},
    {"E412", "sequence not divisible by tensor"},
    {"E413", "interleave without a pipeline"},
    {"E414", "interleave that the schedule does not have"},
    {"E415", "micro-batches not divisible by stages (interleave)"},
    {"E416", "layers to recompute without recompute"},
    {"E417", "two ways to choose the layers that recompute"},
    {"E419", "groups that would lie unevenly over the GPUs"},
    {"E420", "sequence not divisible by context"},
    {"E421", "heads not divisible by context (Ulysses)"},
    {"E422", "experts in a model without experts"},
    {"E423", "experts not divisible by expert parallelism"},
    {"E424", "expert groups that do not divide the ranks of a stage"},
    {"E425", "expert width not divisible by expert tensor"},
    {"E427", "weights offloaded without FSDP"},
    {"E429", "parts to recompute without selective recompute"},
    {"E430", "experts under tensor without sequence parallelism"},
    {"E432", "ring attention without a flash kernel"},
    {"E435", "parts to recompute that the model does not have"},
    {"E436", "tensor overlap without tensor parallelism"},
    {"E437", "FSDP's switches without FSDP"},
};

const char* words_of(std::string_view code) {
  for (const RuleWords& rule : rule_words) {
    if (code == rule.code) return rule.words;
  }
  return "another rule of plans";
}

bool there(const Plan& plan, RankDimension dimension) {
  switch (dimension) {
    case RankDimension::tensor:
      return plan.tensor > 1;
    case RankDimension::context:
      return plan.context.degree > 1;
    case RankDimension::data:
      return plan.data > 1;
    case RankDimension::pipeline:
      return plan.pipeline.stages > 1;
  }
  return false;
}

// Dimensions of one rank may stand anywhere.
bool same_order(const Plan& plan, const std::string& a, const std::string& b) {
  const std::optional<RankOrder> first = rank_order(a);
  const std::optional<RankOrder> second = rank_order(b);
  if (!first || !second) return false;
  std::size_t j = 0;
  for (const RankDimension dimension : *first) {
    if (!there(plan, dimension)) continue;
    while (!there(plan, (*second)[j])) ++j;
    if ((*second)[j++] != dimension) return false;
  }
  return true;
}

// Whether FSDP gathers and frees units: else its switches change nothing.
bool gathers_units(const Plan& plan) {
  return plan.sharding == Sharding::fsdp && plan.shard_ranks() > 1 &&
         !fsdp_keeps_stage_gathered(plan);
}

bool prefetches_as_software(const Plan& plan, double ahead) {
  const Software& software = plan.software;
  const double whole = software.fsdp_prefetch ? software.fsdp_units_in_flight - 1.0 : 0.0;
  return ahead == whole && (software.fsdp_prefetch || software.fsdp_units_in_flight == 1.0);
}

// Whether the value does what another, earlier one of this axis or of one before it does.
bool same_as_earlier(const AxisValues& values, Axis axis, std::size_t index, const Plan& plan) {
  const std::vector<AxisValue>& own = values[index_of(axis)];
  const AxisValue& first = own.front();
  const AxisValue& value = own[index];
  switch (axis) {
    case Axis::expert_tensor:
      return first.number == 0 && value.number == static_cast<double>(plan.tensor);
    case Axis::shard_group:
      return first.number == 0 && value.number == static_cast<double>(plan.replicas());
    case Axis::reshard_after_forward: {
      if (index == 0 || first.name != "software") return false;
      return (value.name == "always") == plan.software.reshard_after_forward;
    }
    case Axis::prefetch:
      return index > 0 && first.number < 0 && prefetches_as_software(plan, value.number);
    case Axis::offload_weights: {
      // Weights on the host are updated there, whatever else is.
      const AxisValue& least = values[index_of(Axis::offload_optimizer)].front();
      return plan.offload.optimizer > least.number && value.number >= plan.offload.optimizer;
    }
    case Axis::placement:
      for (std::size_t i = 0; i < index; ++i) {
        if (same_order(plan, own[i].name, value.name)) return true;
      }
      return false;
    default:
      return false;
  }
}

// Rules that are cheap to check where they are decided.
const char* broken_at_once(Axis axis, const Plan& plan, std::int64_t gpus) {
  if (axis == Axis::tensor || axis == Axis::stages || axis == Axis::context) {
    const double ranks = static_cast<double>(plan.tensor) *
                         static_cast<double>(plan.pipeline.stages) *
                         static_cast<double>(plan.context.degree);
    const bool fit = ranks <= static_cast<double>(gpus);
    if (!fit || gpus % static_cast<std::int64_t>(ranks) != 0) return words_of("E401");
  }
  if (axis != Axis::interleave) return nullptr;
  const Schedule* schedule = find_schedule(plan.pipeline.schedule);
  return accepts_interleave(*schedule, plan.pipeline.interleave) ? nullptr : words_of("E414");
}

// Axes behind which every rule about them and those before is decided.
bool decides(Axis axis) {
  return axis != Axis::nodes && axis != Axis::tensor && axis != Axis::stages &&
         axis != Axis::expert && axis != Axis::schedule;
}

}  // namespace

bool changes_something(Axis axis, const Plan& plan) {
  switch (axis) {
    case Axis::context_method:
      return plan.context.degree > 1;
    case Axis::sequence_parallel:
    case Axis::tensor_overlap:
      return plan.tensor > 1;
    case Axis::recompute_every:
      return plan.recompute != Recompute::none;
    case Axis::recompute_parts:
      return plan.recompute == Recompute::selective;
    case Axis::schedule:
    case Axis::interleave:
      return plan.pipeline.stages > 1;
    case Axis::sharding:
      return plan.replicas() > 1;
    case Axis::shard_group:
      return plan.sharding != Sharding::none;
    case Axis::reshard_after_forward:
    case Axis::prefetch:
      return gathers_units(plan);
    case Axis::offload_weights:
      return plan.sharding == Sharding::fsdp;
    default:
      return true;
  }
}

const char* refusal_of(const Model& model, const Training& training, const AxisValues& values,
                       Axis axis, std::size_t index, const Plan& plan, std::int64_t gpus) {
  const bool same =
      changes_something(axis, plan) ? same_as_earlier(values, axis, index, plan) : index > 0;
  if (same) return same_as_another;
  if (const char* words = broken_at_once(axis, plan, gpus)) return words;
  if (!decides(axis)) return nullptr;
  const char* code = first_violation(model, training, plan, gpus);
  return code == nullptr ? nullptr : words_of(code);
}

}  // namespace lockstep
