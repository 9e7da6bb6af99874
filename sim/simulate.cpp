// From a scenario to the report: every plan predicted, ranked and compared with its neighbours.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string_view>

#include "sim/certainty.hpp"
#include "sim/report/insight.hpp"

namespace lockstep {

namespace {

// 400 -> "400", 12.5 -> "12.5".
std::string short_number(double value) { return fmt::format("{:g}", std::round(value * 10) / 10); }

std::string network(const Cluster& cluster) {
  const System& system = cluster.system;
  std::string text = fmt::format(", {} × {} Gb/s", system.nics_per_node,
                                 short_number((*system.nic_bandwidth).value() * 8e-9));
  switch (cluster.fabric.type) {
    case FabricType::rail_optimized: text += ", rail-optimised"; break;
    case FabricType::fat_tree: text += ", fat tree"; break;
    case FabricType::single_switch: text += ", one switch"; break;
  }
  if (cluster.fabric.oversubscription > 1) {
    text += fmt::format(" {}:1 oversubscribed", short_number(cluster.fabric.oversubscription));
  }
  return text;
}

// "NVIDIA H100 SXM5 80 GB, NVLink 4, 700 W" -> "H100 SXM5 80 GB".
std::string gpu_name(const Gpu& gpu) {
  std::string name = gpu.description.empty() ? gpu.name : gpu.description.substr(0, gpu.description.find(','));
  constexpr std::string_view vendor = "NVIDIA ";
  if (name.rfind(vendor, 0) == 0) name.erase(0, vendor.size());
  return name;
}

// ", node3.nic2 down", ", 3 parts down", ", 2 links degraded".
std::string damage(const Cluster& cluster) {
  std::string text;
  const std::size_t failed = cluster.failed.size(), degraded = cluster.degraded.size();
  if (failed == 1) text += fmt::format(", {} down", cluster.failed.front());
  if (failed > 1) text += fmt::format(", {} parts down", failed);
  if (degraded > 0) text += fmt::format(", {} {} degraded", degraded, degraded == 1 ? "link" : "links");
  return text;
}

const char* link_name(IntraNode intra_node) {
  switch (intra_node) {
    case IntraNode::nvswitch: return "NVSwitch";
    case IntraNode::nvlink_mesh: return "NVLink mesh";
    case IntraNode::pcie: return "PCIe";
    case IntraNode::nvlink_bridge: return "NVLink bridges";
  }
  return "";
}

bool any_plan(const Scenario& scenario, bool (*holds)(const ScenarioPlan&)) {
  return std::any_of(scenario.plans.begin(), scenario.plans.end(), holds);
}

// The plans that are asked for, in file order; all where none is named.
std::vector<const ScenarioPlan*> chosen_plans(const Scenario& scenario, const std::vector<std::string>& names) {
  std::vector<const ScenarioPlan*> chosen;
  for (const ScenarioPlan& plan : scenario.plans) {
    if (names.empty() || std::find(names.begin(), names.end(), plan.plan.name) != names.end()) {
      chosen.push_back(&plan);
    }
  }
  for (const std::string& name : names) {
    const bool known = std::any_of(chosen.begin(), chosen.end(),
                                   [&](const ScenarioPlan* plan) { return plan->plan.name == name; });
    if (!known) throw std::invalid_argument("the scenario has no plan '" + name + "'");
  }
  return chosen;
}

// A plan that breaks a rule: nothing is predicted.
PlanReport not_legal(const ScenarioPlan& entry) {
  PlanReport report;
  report.plan = entry.plan;
  report.cluster = entry.cluster;
  report.legal = false;
  report.feasible = false;
  report.infeasible_reason = "not legal: " + entry.not_legal;
  report.fit_probability = 0;
  return report;
}

// Indices of the feasible plans, fastest first, then those too big, then those not legal; equal times in file order.
std::vector<std::size_t> ranked(const std::vector<PlanReport>& plans) {
  std::vector<std::size_t> order(plans.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (plans[a].legal != plans[b].legal) return plans[a].legal;
    if (plans[a].feasible != plans[b].feasible) return plans[a].feasible;
    return plans[a].step_time_s.value < plans[b].step_time_s.value;
  });
  return order;
}

}  // namespace

std::string summarize(const Cluster& cluster) {
  const System& system = cluster.system;
  const std::string gpu = gpu_name(system.gpu);
  std::string inside = cluster.nodes == 1 ? "one node" : fmt::format("{} nodes", cluster.nodes);
  if (system.gpus_per_nvlink_domain > system.gpus_per_node) {
    inside += fmt::format(", NVLink domains of {}", system.gpus_per_nvlink_domain);
  } else if (cluster.nodes == 1) {
    inside += fmt::format(", {}", link_name(system.intra_node));
  }
  if (cluster.gpus > system.gpus_per_nvlink_domain) inside += network(cluster);
  inside += damage(cluster);
  return fmt::format("{} × {} ({})", cluster.gpus, gpu, inside);
}

std::vector<std::string> not_modelled(const Scenario& scenario) {
  const bool many_nodes = any_plan(scenario, [](const ScenarioPlan& p) { return p.cluster.nodes > 1; });
  std::vector<std::string> list;
  list.emplace_back("data loading");
  list.emplace_back("checkpoint writing, evaluation and logging");
  list.emplace_back("the first steps (compilation, autotuning, warm-up of the allocator)");
  list.emplace_back("padding: every sequence counts as full");
  if (many_nodes) {
    list.emplace_back("failures and restarts");
    list.emplace_back("other jobs on the fabric");
    list.emplace_back("slow nodes beyond the software profile's average per doubling of GPUs");
  }
  if (any_plan(scenario, [](const ScenarioPlan& p) { return p.plan.pipeline.stages > 1; })) {
    list.emplace_back("variation between micro-batches in the pipeline");
  }
  if (scenario.training.precision == Precision::fp8 || scenario.training.precision == Precision::mxfp8 ||
      scenario.training.precision == Precision::nvfp4) {
    list.emplace_back("parts of the training kept in higher precision than the scenario says");
  }
  return list;
}

Report simulate(const Scenario& scenario, const std::vector<std::string>& plan_names) {
  Report report;
  report.scenario_name = scenario.name;
  report.cluster_summary = summarize(scenario.cluster);
  report.tokens_per_step = scenario.training.tokens_per_step();
  report.gpus = static_cast<double>(scenario.cluster.gpus);
  report.scenario = scenario;
  for (const ScenarioPlan* entry : chosen_plans(scenario, plan_names)) {
    if (!entry->problems.empty()) {
      report.plans.push_back(not_legal(*entry));
      continue;
    }
    report.plans.push_back(predict_with_intervals(scenario.model, scenario.training, entry->cluster, entry->plan,
                                                   *scenario.evidence));
  }
  report.ranking = ranked(report.plans);
  // Against the first of those that tie: a chain of neighbours would tie what is far apart.
  std::size_t faster = report.ranking.empty() ? 0 : report.ranking.front();
  for (std::size_t i = 1; i < report.ranking.size(); ++i) {
    const std::size_t slower = report.ranking[i];
    if (!report.plans[slower].feasible) break;
    PlanComparison comparison = compare_plans(report.plans[faster], report.plans[slower]);
    comparison.faster = faster;
    comparison.slower = slower;
    if (!is_tie(comparison)) faster = slower;
    report.comparisons.push_back(std::move(comparison));
  }
  report.not_modelled = not_modelled(scenario);
  return report;
}

}  // namespace lockstep
