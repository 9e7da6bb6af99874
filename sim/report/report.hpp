// The one object that text and JSON render: everything that is known about each plan.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/evidence.hpp"
#include "scenarios/scenario.hpp"
#include "sim/draws.hpp"
#include "sim/engine/memory.hpp"
#include "sim/engine/step.hpp"

namespace lockstep {

// A predicted number with its 90 % interval, in base units.
struct Predicted {
  double value = 0;
  double low = 0;
  double high = 0;
};

// A constant's pull on the step time: d ln(step) / d ln(constant) times its spread.
struct Sensitivity {
  std::string path;   // "gpu.gemm_efficiency_half"
  double effect = 0;  // relative change of the step time for one standard deviation, signed
  Provenance kind = Provenance::assumed;
  double spread = 0;
  double value = 0;
  std::string source;
};

// A measured run near a plan.
struct NearestRun {
  EvidenceRow run;
  double distance = 0;  // evidence_distance.hpp
  double error = 0;     // of the tool on it with its model left out: predicted / measured - 1
};

// The distribution of a plan's step time around its value.
struct StepDistribution {
  // ln(step / value) at each draw of the constants; all 0 where nothing was drawn.
  Draws draws{};
  double lower = 0;     // residual beside them: one standard deviation below, and above
  double upper = 0;
  double peculiar = 1;  // share of the residual's variance that another plan does not share
};

struct PlanReport {
  Plan plan;
  Cluster cluster;
  Workload workload;
  StepTime step;
  PeakMemory memory;
  bool legal = true;  // false: the plan breaks a rule; nothing is predicted, infeasible_reason says which
  bool feasible = true;
  std::string infeasible_reason;  // "needs 156 GiB, the device has 79.2; largest: optimizer
                                  // state 91.1"; "" if feasible
  std::string bound;
  Predicted step_time_s;
  Predicted tokens_per_s_per_gpu;
  Predicted mfu;
  Predicted hfu;
  Predicted peak_memory_bytes;  // reserved plus context: what must fit
  Predicted peak_allocated_bytes;
  double usable_memory_bytes = 0;
  double host_bytes_per_node = 0;   // what offload takes of it, where every GPU takes the most
  double host_memory_per_node = 0;  // 0: not known
  double fit_probability = 1;
  std::vector<Sensitivity> sensitivities;  // largest effect first
  StepDistribution distribution;
  std::vector<NearestRun> nearest;  // nearest first; empty without evidence
  bool known_setting = false;       // some run has the software on this generation of GPUs
};

// P(first is faster than second), from constants that both share moving together.
struct PlanComparison {
  std::size_t faster = 0;
  std::size_t slower = 0;
  double probability = 0.5;
  std::string decided_by;  // path of the constant that moves the difference most; "" if none does
};

struct Report {
  std::string scenario_name;
  std::string cluster_summary;  // "64 × H100 SXM (8 nodes, 8 × 400 Gb/s, rail-optimised)"
  double tokens_per_step = 0;
  double gpus = 0;
  Scenario scenario;
  std::vector<PlanReport> plans;     // in file order
  std::vector<std::size_t> ranking;  // indices of feasible plans, fastest first, then those that
                                     // are too big, then those that are not legal
  std::vector<PlanComparison> comparisons;  // of each plan with the first of the group before it that ties
  std::vector<std::string> not_modelled;    // what this scenario has that is not in the numbers
};

// Why collectives of this cluster never end: "finds no way left out of a node: node3.nic0 is down".
std::string why_cut_off(const Cluster& cluster);

// Point prediction of one plan, without intervals: what search calls for each candidate. Pure.
PlanReport predict(const Model& model, const Training& training, const Cluster& cluster,
                   const Plan& plan);

// The same with intervals and sensitivities: what the commands and `validate runs` call. Pure.
PlanReport predict_with_intervals(const Model& model, const Training& training,
                                  const Cluster& cluster, const Plan& plan,
                                  const Evidence& evidence);

// Predictions with intervals for the named plans (all where empty). Pure.
Report simulate(const Scenario& scenario, const std::vector<std::string>& plan_names = {});

}  // namespace lockstep
