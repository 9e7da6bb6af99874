#include "sim/fit_probability.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "scenarios/constant_table.hpp"
#include "scenarios/scenario.hpp"
#include "sim/certainty.hpp"
#include "sim/engine/memory.hpp"
#include "sim/evidence_distance.hpp"
#include "sim/moved_constants.hpp"
#include "sim/residual.hpp"
#include "strategies/plan_lowering.hpp"

namespace lockstep {

namespace {

constexpr std::array memory_constants{
    "software.reserved_factor", "software.context_bytes",
    "software.optimizer_bytes_per_parameter", "software.selective_gemm_share"};

}  // namespace

bool enters_memory(const std::string& path) {
  return std::find(memory_constants.begin(), memory_constants.end(), path) !=
         memory_constants.end();
}

struct FitProbability::Parts {
  Parts(const Model& of_model, const Training& of_training, const Cluster& of_cluster,
        const Evidence& of_evidence)
      : model(of_model),
        training(of_training),
        cluster(of_cluster),
        evidence(of_evidence),
        lowering(of_model, of_training) {}

  // A constant, and plans lowered with it one spread below its value.
  struct Moved {
    std::string path;
    double spread;
    double value;
    Draws x;
    std::unique_ptr<PlanLowering> lowering;
  };

  void list_constants(const Plan& plan);
  [[nodiscard]] double moved_reserved(const Moved& moved, const Plan& plan) const;

  const Model& model;
  const Training& training;
  const Cluster& cluster;
  const Evidence& evidence;
  PlanLowering lowering;
  bool listed = false;
  std::vector<Moved> constants;
};

void FitProbability::Parts::list_constants(const Plan& plan) {
  listed = true;
  Plan of_plan = plan;
  Cluster of_cluster = cluster;
  const ConstantTable known = constant_table();
  for_each_constant(
      of_cluster, of_plan, [&](const std::string& path, const ConstantBase& constant) {
        if (!enters_memory(path) || constant.spread <= 0 || constant.value == 0) return;
        const auto entry = known.find(path);
        const Range range = entry == known.end() ? Range{} : entry->second.range;
        const double value = std::max(constant.value * std::exp(-constant.spread),
                                      std::min(range.low, constant.value));
        constants.push_back({path, constant.spread, value,
                             draws_of_constant(path, constant, owner(cluster, plan, path),
                                               evidence.fitted),
                             std::make_unique<PlanLowering>(model, training)});
      });
}

double FitProbability::Parts::moved_reserved(const Moved& moved, const Plan& plan) const {
  Plan with = plan;
  Cluster of_cluster;
  for_each_constant(of_cluster, with, [&](const std::string& path, ConstantBase& constant) {
    if (path == moved.path) constant.value = moved.value;
  });
  return reserved_bytes(with.software, moved.lowering->peak_allocated(with)).value();
}

FitProbability::FitProbability(const Model& model, const Training& training,
                               const Cluster& cluster, const Evidence& evidence)
    : parts_(std::make_unique<Parts>(model, training, cluster, evidence)) {}
FitProbability::~FitProbability() = default;

double FitProbability::of(const Plan& plan) {
  Parts& parts = *parts_;
  if (!parts.listed) parts.list_constants(plan);
  const double reserved =
      reserved_bytes(plan.software, parts.lowering.peak_allocated(plan)).value();
  Draws draws{};
  for (const Parts::Moved& moved : parts.constants) {
    const double effect = std::log(reserved / parts.moved_reserved(moved, plan)) / moved.spread;
    for (std::size_t i = 0; i < draw_count; ++i) draws[i] += effect * moved.x[i];
  }
  const Residual residual =
      residual_at(parts.evidence.memory, parts.evidence.rows, Subject::peak_memory,
                  described(parts.model, parts.training, parts.cluster, plan));
  return fit_probability(draws, residual, parts.cluster.system.gpu, reserved);
}

}  // namespace lockstep
