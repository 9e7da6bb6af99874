#include "sim/report/insight.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "sim/report/numbers.hpp"
#include "sim/run_cost.hpp"

namespace lockstep {

namespace {

// What a line of the partition leans on: words of its name (or of what bounds it) against constant paths. The
// first row that matches counts.
struct Leaning {
  std::string_view line;
  std::array<std::string_view, 3> paths;
};

constexpr std::array leanings{
    Leaning{"slowed", {"gpu.overlap_slowdown", "", ""}},
    Leaning{"bubble", {"", "", ""}},
    Leaning{"stragglers", {"software.straggler", "", ""}},
    Leaning{"host synchronisation", {"software.sync_", "", ""}},
    Leaning{"launches", {"software.host_", "", ""}},
    Leaning{"fixed work", {"software.host_per_step", "", ""}},
    Leaning{"linear", {"gpu.gemm_", "gpu.peak_", "software.selective_gemm_share"}},
    Leaning{"attention", {"gpu.attention_", "gpu.batched_gemm_", "software.softmax_"}},
    Leaning{"vocabulary", {"gpu.gemm_", "software.loss_bytes", "gpu.memory_"}},
    Leaning{"norms", {"gpu.memory_", "software.memory_traffic", "gpu.l2_"}},
    Leaning{"optimizer", {"software.optimizer_bytes", "gpu.memory_", "system.host_memory"}},
    Leaning{"tensor-parallel", {"software.tensor_", "system.link_", "system.network_"}},
    Leaning{"context-parallel", {"system.link_", "system.network_", "gpu.overlap_slowdown"}},
    Leaning{"expert all-to-all", {"software.expert_", "system.link_", "system.network_"}},
    Leaning{"host exposed", {"system.pcie_bandwidth", "system.host_memory", ""}},
    Leaning{"FSDP", {"software.fsdp_", "system.link_", "system.network_"}},
    Leaning{"pipeline transfers", {"software.pipeline_", "system.link_", "system.network_"}},
    Leaning{"sync exposed", {"software.data_exposed", "system.link_", "system.network_"}},
};

const Sensitivity* find(const PlanReport& plan, const std::string& path) {
  const auto found = std::find_if(plan.sensitivities.begin(), plan.sensitivities.end(),
                                  [&](const Sensitivity& s) { return s.path == path; });
  return found == plan.sensitivities.end() ? nullptr : &*found;
}

bool close(Bytes a, Bytes b) { return std::abs(a.value() - b.value()) <= 1e-3 * std::max(a.value(), b.value()); }

bool same_memory(const StageMemory& a, const StageMemory& b) {
  return close(a.reserved, b.reserved) && close(a.allocated, b.allocated) && a.instant == b.instant;
}

}  // namespace

bool is_tie(const PlanComparison& comparison) {
  return comparison.probability > tie_low && comparison.probability < tie_high;
}

std::vector<BoundShare> bound_shares(const PlanReport& plan) {
  std::vector<BoundShare> shares;
  for (const BoundCause& cause : plan.step.causes) {
    shares.push_back({cause.name, cause.time.value(), cause.time.value() / plan.step_time_s.value});
  }
  return shares;
}

const Sensitivity* certainty_of(const PlanReport& plan, const PartitionLine& line) {
  const auto leaning = std::find_if(leanings.begin(), leanings.end(), [&](const Leaning& row) {
    return line.name.find(row.line) != std::string::npos;
  });
  if (leaning == leanings.end()) return nullptr;
  // Sensitivities are sorted: the first that matches moves the step most.
  for (const Sensitivity& s : plan.sensitivities) {
    for (const std::string_view path : leaning->paths) {
      if (!path.empty() && s.path.rfind(path, 0) == 0) return &s;
    }
  }
  return nullptr;
}

const Sensitivity* deciding_constant(const Report& report, const PlanComparison& comparison) {
  if (comparison.decided_by.empty()) return nullptr;
  const Sensitivity* of_faster = find(report.plans.at(comparison.faster), comparison.decided_by);
  return of_faster != nullptr ? of_faster : find(report.plans.at(comparison.slower), comparison.decided_by);
}

// With effects e per standard deviation, z deviations change ln(t_slower / t_faster) by z (e_s - e_f); both
// take equally long at z = ln(t_slower / t_faster) / (e_f - e_s), where the constant is value exp(z spread).
std::optional<double> break_even(const Report& report, const PlanComparison& comparison,
                                 const ConstantTable& constants) {
  const PlanReport& fast = report.plans.at(comparison.faster);
  const PlanReport& slow = report.plans.at(comparison.slower);
  const Sensitivity* of_fast = find(fast, comparison.decided_by);
  const Sensitivity* of_slow = find(slow, comparison.decided_by);
  const Sensitivity* known = of_fast != nullptr ? of_fast : of_slow;
  if (known == nullptr) return std::nullopt;
  // Two values of one path (two GPUs, two fabrics) have no common break-even.
  if (of_fast != nullptr && of_slow != nullptr && of_fast->value != of_slow->value) return std::nullopt;
  const double difference =
      (of_fast != nullptr ? of_fast->effect : 0.0) - (of_slow != nullptr ? of_slow->effect : 0.0);
  const double z = std::log(slow.step_time_s.value / fast.step_time_s.value) / difference;
  if (!std::isfinite(z) || std::abs(z) > 3) return std::nullopt;
  const double value = known->value * std::exp(z * known->spread);
  const auto info = constants.find(known->path);
  if (info != constants.end() && (value < info->second.range.low || value > info->second.range.high)) {
    return std::nullopt;
  }
  return value;
}

RunLength run_length(const Scenario& scenario, const PlanReport& plan) {
  const auto of_step = [&](double step_time_s) {
    return run_cost(scenario.training, scenario.price, static_cast<double>(plan.cluster.gpus), step_time_s);
  };
  const RunCost value = of_step(plan.step_time_s.value);
  const RunCost low = of_step(plan.step_time_s.low);
  const RunCost high = of_step(plan.step_time_s.high);
  const auto each = [&](double RunCost::*part, double factor) {
    return Predicted{value.*part * factor, low.*part * factor, high.*part * factor};
  };
  constexpr double hour = 3600;
  constexpr double day = 24 * hour;
  return {value.steps, each(&RunCost::days, day), each(&RunCost::gpu_hours, hour), each(&RunCost::cost, 1),
          each(&RunCost::cost_per_million_tokens, 1)};
}

namespace {

std::string host_note(const PlanReport& plan) {
  Bytes most;
  for (const Stage& stage : plan.workload.stages) most = std::max(most, stage.host_bytes);
  const double taken = plan.host_bytes_per_node;
  const double there = plan.host_memory_per_node;
  std::string note = fmt::format("offload takes {} of host memory a GPU, {} a node", memory(most.value()),
                                 memory(taken));
  if (there > 0) note += fmt::format(" of {:.4g} GiB", there / 0x1p30);
  if (there > 0 && taken > there) note += ": it does not fit the host";
  return note;
}

}  // namespace

std::vector<std::string> plan_notes(const PlanReport& plan) {
  std::vector<std::string> notes;
  const Software& software = plan.plan.software;
  const bool flash = software.attention != AttentionKernel::unfused && software.attention != AttentionKernel::fused_softmax;
  if (plan.legal && plan.plan.recompute == Recompute::selective && flash &&
      plan.plan.recompute_parts.empty() && software.selective_recompute == SelectiveRecompute::attention_core) {
    notes.emplace_back("selective recompute saves nothing here: flash attention keeps no scores");
  }
  const double capacity = plan.plan.expert.capacity_factor;
  if (plan.legal && capacity > 0 && capacity < 1) {
    notes.push_back(fmt::format("capacity {:g} drops at least {:.0f} % of what the router sends; MFU and tokens count "
                                "them all",
                                capacity, 100 * (1 - capacity)));
  }
  if (plan.legal && plan.host_bytes_per_node > 0) notes.push_back(host_note(plan));
  return notes;
}

std::string mfu_peak(const Training& training) {
  switch (training.linear_dtype()) {
    case Dtype::fp32: return "fp32";
    case Dtype::tf32: return "tf32";
    case Dtype::fp8:
    case Dtype::mxfp8: return "fp8";
    case Dtype::fp4: return "fp4";
    default: return {};
  }
}

std::vector<StageRange> equal_stages(const PlanReport& plan) {
  std::vector<StageRange> ranges;
  const std::vector<StageMemory>& stages = plan.memory.stages;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    if (!ranges.empty() && same_memory(stages[ranges.back().first], stages[i])) {
      ranges.back().last = i;
    } else {
      ranges.push_back({i, i});
    }
  }
  return ranges;
}

}  // namespace lockstep
