// The point prediction of one plan: lower, time, memory.
#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "sim/compute/op_cost.hpp"
#include "sim/report/report.hpp"

namespace lockstep {

namespace {

constexpr double gib = 0x1p30;

// The peak of the type that the linears run in; MFU and HFU are fractions of it.
double peak_flops(const Cluster& cluster, const Training& training) {
  return peak_rate(cluster.system.gpu, training.linear_dtype()).value() *
         static_cast<double>(gpu_count(cluster));
}

std::string why_too_big(const StageMemory& memory, double usable) {
  const auto largest =
      std::max_element(memory.lines.begin(), memory.lines.end(),
                       [](const MemoryLine& a, const MemoryLine& b) { return a.bytes < b.bytes; });
  return fmt::format("needs {:.1f} GiB, the device has {:.1f}; largest: {} {:.1f}",
                     memory.reserved.value() / gib, usable / gib, largest->name,
                     largest->bytes.value() / gib);
}

Predicted exactly(double value) {
  return {value, value, value};
}

}  // namespace

std::string why_cut_off(const Cluster& cluster) {
  const Routes links = routes(cluster);
  const BytesPerSecond none;
  const auto because = [](const std::string& cause) { return cause.empty() ? "" : ": " + cause; };
  if (!links.in_domain.empty() && links.in_domain.back() <= none)
    return "finds no way left between GPUs of a node" + because(links.in_domain_narrowed_by);
  if (links.node_network <= none)
    return "finds no way left out of a node" + because(links.network_narrowed_by);
  if (links.uplink_share <= 0.0)
    return "finds no way left between leaf switches" + because(links.uplink_narrowed_by);
  if (links.core_share <= 0.0)
    return "finds no way left between pods" + because(links.core_narrowed_by);
  return "finds no way left between its GPUs";
}

PlanReport predict(const Model& model, const Training& training, const Cluster& cluster,
                   const Plan& plan) {
  PlanReport report;
  report.plan = plan;
  report.cluster = cluster;
  report.workload = lower(model, training, plan);
  report.step = step_time(cluster, plan, report.workload);
  report.memory = peak_memory(plan, report.workload);
  report.bound = report.step.bound;

  // Collectives without a route leave infinities, and differences of such.
  const double total = report.step.total.value();
  const double step = std::isfinite(total) ? total : std::numeric_limits<double>::infinity();
  const double peak = peak_flops(cluster, training);
  report.step_time_s = exactly(step);
  report.tokens_per_s_per_gpu =
      exactly(training.tokens_per_step() / step / static_cast<double>(gpu_count(cluster)));
  report.mfu = exactly(report.workload.model_flops / step / peak);
  report.hfu = exactly(report.workload.hardware_flops / step / peak);

  const System& system = cluster.system;
  Bytes host;
  for (const Stage& stage : report.workload.stages) host = std::max(host, stage.host_bytes);
  report.host_bytes_per_node =
      host.value() * static_cast<double>(std::min(system.gpus_per_node, gpu_count(cluster)));
  report.host_memory_per_node = system.host_memory.value;

  const StageMemory& worst = report.memory.worst();
  report.usable_memory_bytes = cluster.system.gpu.memory_capacity.value;
  report.peak_memory_bytes = exactly(worst.reserved.value());
  report.peak_allocated_bytes = exactly(worst.allocated.value());
  report.feasible = worst.reserved.value() <= report.usable_memory_bytes;
  if (!report.feasible) report.infeasible_reason = why_too_big(worst, report.usable_memory_bytes);
  if (!std::isfinite(step)) {
    report.feasible = false;
    report.infeasible_reason = why_cut_off(cluster);
    report.bound = "no route";
    report.step.partition.clear();
    report.step.causes.clear();
    report.step.collectives.clear();
  }
  return report;
}

}  // namespace lockstep
