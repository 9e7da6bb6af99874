#include "sim/explain/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "scenarios/constant_table.hpp"
#include "sim/certainty.hpp"
#include "sim/moved_constants.hpp"

namespace lockstep {

namespace {

// Half a central 90 % interval of a normal distribution, in standard deviations.
constexpr double ninety_percent = 1.6448536269514722;

// What measures the constants whose paths begin so; the first row that fits counts. What is left out
// nothing here measures: attention kernels, power, overlaps and the host under a framework.
enum class Tool { links, network, kernels, step };
struct Measurement {
  const char* prefix;
  Tool tool;
};

constexpr std::array measurements{
    Measurement{"system.link_", Tool::links},
    Measurement{"system.network_", Tool::network},
    Measurement{"system.nic_", Tool::network},
    Measurement{"system.pcie_", Tool::kernels},
    Measurement{"gpu.gemm_", Tool::kernels},
    Measurement{"gpu.batched_gemm_", Tool::kernels},
    Measurement{"gpu.memory_", Tool::kernels},
    Measurement{"gpu.overlap_slowdown", Tool::kernels},
    Measurement{"software.memory_traffic_factor", Tool::step},
    Measurement{"software.softmax_traffic_factor", Tool::step},
    Measurement{"software.loss_bytes_per_logit", Tool::step},
    Measurement{"software.optimizer_bytes_per_parameter", Tool::step},
};

// The collective of the step that takes longest, over the fabric or inside a domain; "" for none.
std::string collective_to_measure(bool inside, const PlanReport& report) {
  const CollectiveUse* longest = nullptr;
  for (const CollectiveUse& use : report.step.collectives) {
    if ((use.shape.domains < 2) != inside || use.collective == Collective::send_recv) continue;
    if (longest == nullptr || use.time > longest->time) longest = &use;
  }
  return longest == nullptr ? "" : fmt::format(" -c {}", to_string(longest->collective));
}

double mean_product(const Draws& a, const Draws& b) {
  double sum = 0;
  for (std::size_t i = 0; i < draw_count; ++i) sum += a[i] * b[i];
  return sum / static_cast<double>(draw_count);
}

// What each constant does to ln of the step at each draw, to first order.
Draws moved_by(const Sensitivity& s, const ConstantBase& constant, const std::string& owner,
               const FittedParameters& fitted) {
  Draws y = draws_of_constant(s.path, constant, owner, fitted);
  for (double& x : y) x *= s.effect / s.spread;
  return y;
}

LedgerEntry model_itself(const PlanReport& report, double residual, double share) {
  LedgerEntry entry;
  entry.doc = "what the model is off by when every constant is right";
  entry.kind = Provenance::fitted;
  entry.spread = residual;
  entry.effect = residual;
  entry.share = share;
  const StepDistribution& d = report.distribution;
  const double step = report.step_time_s.value;
  entry.step_time_s = {step, step * std::exp(-ninety_percent * d.lower),
                       step * std::exp(ninety_percent * d.upper)};
  entry.source = "errors on measured runs whose models took no part in the fit";
  return entry;
}

}  // namespace

std::string measuring_command(const std::string& path, const PlanReport& report,
                              const std::string& scenario_file) {
  for (const Measurement& row : measurements) {
    if (path.rfind(row.prefix, 0) != 0) continue;
    switch (row.tool) {
      case Tool::links:
        return "lockstep validate nccl" + collective_to_measure(true, report) + " -o nccl.json";
      case Tool::network:
        return fmt::format("mpirun -np {} lockstep-validate nccl{} -o nccl.json",
                           report.cluster.gpus, collective_to_measure(false, report));
      case Tool::kernels:
        return fmt::format("lockstep validate kernels {} -o kernels.json", scenario_file);
      case Tool::step:
        return fmt::format("lockstep validate step {} --plan {}", scenario_file, report.plan.name);
    }
  }
  return {};
}

std::vector<LedgerEntry> ledger(const Question& question, const PlanReport& report,
                                const FittedParameters& fitted, const std::string& scenario_file) {
  std::vector<LedgerEntry> entries;
  std::vector<Draws> moves;
  Draws all{};
  const ConstantTable constants = constant_table();
  Question copy = question;
  std::map<std::string, ConstantBase> now;
  for_each_constant(copy.cluster, copy.plan, [&](const std::string& path, ConstantBase& constant) {
    now.emplace(path, constant);
  });
  const double step = report.step_time_s.value;
  for (const Sensitivity& s : report.sensitivities) {
    const ConstantBase& constant = now.at(s.path);
    moves.push_back(
        moved_by(s, constant, owner(question.cluster, question.plan, s.path), fitted));
    for (std::size_t i = 0; i < draw_count; ++i) all[i] += moves.back()[i];
    LedgerEntry entry;
    entry.path = s.path;
    const auto info = constants.find(s.path);
    if (info != constants.end()) entry.doc = info->second.doc;
    entry.kind = s.kind;
    entry.value = s.value;
    entry.spread = s.spread;
    entry.effect = s.effect;
    const double wide = std::exp(ninety_percent * std::abs(s.effect));
    entry.step_time_s = {step, step / wide, step * wide};
    entry.source = s.source;
    entry.measure = measuring_command(s.path, report, scenario_file);
    entries.push_back(std::move(entry));
  }
  const StepDistribution& d = report.distribution;
  const double residual = std::sqrt(0.5 * (d.lower * d.lower + d.upper * d.upper));
  const double variance = mean_product(all, all) + residual * residual;
  if (variance > 0) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      entries[i].share = mean_product(moves[i], all) / variance;
    }
  }
  if (residual > 0) {
    entries.push_back(model_itself(report, residual, residual * residual / variance));
  }
  std::stable_sort(entries.begin(), entries.end(), [](const LedgerEntry& a, const LedgerEntry& b) {
    return std::abs(a.share) > std::abs(b.share);
  });
  return entries;
}

}  // namespace lockstep
