#include "sim/explain/against.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "sim/certainty.hpp"

namespace lockstep {

namespace {

template <class Lines, class Value>
void add_terms(std::vector<DifferenceTerm>& terms, const Lines& lines, bool of_plan, Value value) {
  for (const auto& line : lines) {
    auto term = std::find_if(terms.begin(), terms.end(),
                             [&](const DifferenceTerm& one) { return one.name == line.name; });
    if (term == terms.end()) {
      terms.push_back({line.name, 0, 0});
      term = terms.end() - 1;
    }
    (of_plan ? term->value : term->against_value) += value(line);
  }
}

void sort(std::vector<DifferenceTerm>& terms) {
  std::stable_sort(terms.begin(), terms.end(), [](const DifferenceTerm& a, const DifferenceTerm& b) {
    return std::abs(a.difference()) > std::abs(b.difference());
  });
}

// What a key of the JSON's plan object means in a plan.
struct Transfer {
  const char* key;
  void (*copy)(Plan& plan, const Plan& other);
};

constexpr std::array transfers{
    Transfer{"tensor", [](Plan& p, const Plan& o) {
               p.tensor = o.tensor;
               if (p.tensor == 1) p.sequence_parallel = false;
               if (p.tensor == 1) p.tensor_overlap = Override::software;
             }},
    Transfer{"sequence_parallel", [](Plan& p, const Plan& o) { p.sequence_parallel = o.sequence_parallel; }},
    Transfer{"tensor_overlap", [](Plan& p, const Plan& o) { p.tensor_overlap = o.tensor_overlap; }},
    Transfer{"context", [](Plan& p, const Plan& o) { p.context = o.context; }},
    Transfer{"context_method", [](Plan& p, const Plan& o) { p.context.method = o.context.method; }},
    Transfer{"context_balanced", [](Plan& p, const Plan& o) { p.context.balanced = o.context.balanced; }},
    Transfer{"expert", [](Plan& p, const Plan& o) { p.expert.degree = o.expert.degree; }},
    Transfer{"expert_tensor", [](Plan& p, const Plan& o) { p.expert.tensor = o.expert.tensor; }},
    Transfer{"placement", [](Plan& p, const Plan& o) { p.placement = o.placement; }},
    Transfer{"reshard_after_forward",
             [](Plan& p, const Plan& o) { p.sync.reshard_after_forward = o.sync.reshard_after_forward; }},
    Transfer{"prefetch_units", [](Plan& p, const Plan& o) { p.sync.prefetch = o.sync.prefetch; }},
    Transfer{"pipeline_stages", [](Plan& p, const Plan& o) { p.pipeline = o.pipeline; }},
    Transfer{"pipeline_interleave",
             [](Plan& p, const Plan& o) { p.pipeline.interleave = o.pipeline.interleave; }},
    Transfer{"pipeline_schedule", [](Plan& p, const Plan& o) {
               p.pipeline.schedule = o.pipeline.schedule;
               p.pipeline.interleave = o.pipeline.interleave;
             }},
    Transfer{"sharding", [](Plan& p, const Plan& o) {
               p.sharding = o.sharding;
               p.shard_group = o.shard_group;
             }},
    Transfer{"shard_group", [](Plan& p, const Plan& o) { p.shard_group = o.shard_group; }},
    Transfer{"micro_batch", [](Plan& p, const Plan& o) { p.micro_batch = o.micro_batch; }},
    Transfer{"recompute", [](Plan& p, const Plan& o) {
               p.recompute = o.recompute;
               p.recompute_layers = o.recompute_layers;
               p.recompute_every = o.recompute_every;
               p.recompute_parts = o.recompute_parts;
             }},
    Transfer{"offload_optimizer", [](Plan& p, const Plan& o) { p.offload.optimizer = o.offload.optimizer; }},
    Transfer{"offload_weights", [](Plan& p, const Plan& o) { p.offload.weights = o.offload.weights; }},
    Transfer{"offload_activations",
             [](Plan& p, const Plan& o) { p.offload.activations = o.offload.activations; }},
};

std::vector<SingleChange> single_changes(const Question& question, const PlanReport& plan,
                                         const PlanReport& other) {
  std::vector<SingleChange> changes;
  const auto add = [&](const PlanDifference& difference, Question changed) {
    SingleChange change;
    change.difference = difference;
    change.answer = answer(std::move(changed));
    if (change.answer.legal) change.seconds = change.answer.step_time_s - plan.step_time_s.value;
    changes.push_back(std::move(change));
  };
  for (const PlanDifference& difference : plan_differences(other, plan)) {
    const auto transfer =
        std::find_if(transfers.begin(), transfers.end(),
                     [&](const Transfer& one) { return difference.key == one.key; });
    if (transfer == transfers.end()) continue;
    Question changed = question;
    transfer->copy(changed.plan, other.plan);
    add(difference, std::move(changed));
  }
  const auto named = [](const char* key, const std::string& theirs, const std::string& ours) {
    return PlanDifference{key, key, fmt::format("{} instead of {}", theirs, ours)};
  };
  if (plan.plan.software.name != other.plan.software.name) {
    Question changed = question;
    changed.plan.software = other.plan.software;
    add(named("software", other.plan.software.name, plan.plan.software.name), std::move(changed));
  }
  const std::string theirs = summarize(other.cluster);
  const std::string ours = summarize(plan.cluster);
  if (theirs != ours) {
    Question changed = question;
    changed.cluster = other.cluster;
    add(named("cluster", theirs, ours), std::move(changed));
  }
  std::stable_sort(changes.begin(), changes.end(), [](const SingleChange& a, const SingleChange& b) {
    return std::abs(a.seconds) > std::abs(b.seconds);
  });
  return changes;
}

}  // namespace

Against against(const Question& question, const PlanReport& plan, const PlanReport& other) {
  Against result;
  result.plan = plan.plan.name;
  result.against = other.plan.name;
  result.step_time_s = plan.step_time_s.value;
  result.against_step_time_s = other.step_time_s.value;
  result.peak_memory_bytes = plan.peak_memory_bytes.value;
  result.probability = compare_plans(plan, other).probability;
  const auto seconds = [](const PartitionLine& line) { return line.time.value(); };
  add_terms(result.terms, plan.step.partition, true, seconds);
  add_terms(result.terms, other.step.partition, false, seconds);
  sort(result.terms);
  const auto bytes = [](const MemoryLine& line) { return line.bytes.value(); };
  add_terms(result.memory, plan.memory.worst().lines, true, bytes);
  add_terms(result.memory, other.memory.worst().lines, false, bytes);
  sort(result.memory);
  result.changes = single_changes(question, plan, other);
  return result;
}

}  // namespace lockstep
