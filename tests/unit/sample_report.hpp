// A hand-made report with round numbers, so that what the texts must say is plain.
#pragma once

#include <string>

#include "sim/report/report.hpp"

namespace lockstep::test {

inline Predicted around(double value) {
  return {value, 0.9 * value, 1.1 * value};
}

// A plan that takes `seconds` and `gib` GiB of 80: one half GEMMs, three tenths HBM, two tenths
// NIC.
inline PlanReport sample_plan(const std::string& name, double seconds, double gib) {
  PlanReport report;
  report.plan.name = name;
  report.plan.data = 8;
  report.plan.software.name = "stack";
  report.cluster.gpus = 8;
  report.cluster.system.name = "node";
  report.cluster.system.gpu.name = "gpu";
  report.workload.micro_batches = 4;
  report.workload.model_flops = 1e18;
  report.workload.hardware_flops = 1.25e18;
  report.workload.total_parameters = 7e9;
  report.workload.stages.resize(1);
  report.workload.stages[0].layers = 32;
  report.step.total = Seconds{seconds};
  report.step.partition = {
      {"linear GEMM, forward and backward", Seconds{0.5 * seconds}, "tensor cores", "70 % of peak"},
      {"norms, activations, residuals, casts", Seconds{0.3 * seconds}, "HBM", ""},
      {"gradient and parameter sync exposed", Seconds{0.2 * seconds}, "NIC", ""}};
  report.step.collectives = {{"gradient all-reduce", StepPart::data_exposed, Collective::all_reduce,
                              GroupShape{8, 1, 8, 1, 1}, Bytes{14e9}, 1, Seconds{0.4 * seconds},
                              Seconds{0.2 * seconds}, "ring", "simple", "NIC"}};
  report.step.causes = {{"tensor cores", Seconds{0.5 * seconds}},
                        {"HBM", Seconds{0.3 * seconds}},
                        {"NIC", Seconds{0.2 * seconds}}};
  report.step.bound = "tensor cores, HBM";
  report.bound = report.step.bound;
  StageMemory stage;
  stage.allocated = Bytes{(gib - 2) * 0x1p30};
  stage.reserved = Bytes{gib * 0x1p30};
  stage.instant = "first layer of the backward pass";
  stage.lines = {{"weights", Bytes{0.25 * gib * 0x1p30}},
                 {"activations", Bytes{(0.75 * gib - 2) * 0x1p30}},
                 {"context, NCCL and libraries", Bytes{2 * 0x1p30}}};
  report.memory.stages = {stage};
  report.usable_memory_bytes = 80 * 0x1p30;
  report.feasible = gib <= 80;
  report.fit_probability = report.feasible ? 0.999 : 0.001;
  if (!report.feasible)
    report.infeasible_reason = "needs 91.3 GiB, the device has 80.0; largest: activations 66.5";
  report.step_time_s = around(seconds);
  report.tokens_per_s_per_gpu = around(1e6 / seconds / 8);
  report.mfu = around(0.43);
  report.hfu = around(0.54);
  report.peak_memory_bytes = around(gib * 0x1p30);
  report.peak_allocated_bytes = around((gib - 2) * 0x1p30);
  report.sensitivities = {
      {"gpu.gemm_efficiency_half", -0.02, Provenance::fitted, 0.03, 0.7, "a fit"},
      {"system.network_share", -0.01, Provenance::assumed, 0.2, 0.8, "a judgement"}};
  return report;
}

// Three plans: a fast one, one that ties with it, one that is too big.
inline Report sample_report() {
  Report report;
  report.scenario_name = "A sample";
  report.scenario.name = report.scenario_name;
  report.scenario.model.name = "model-7b";
  report.scenario.training.sequence_length = 1000;
  report.scenario.training.global_batch = 1000;
  report.cluster_summary = "8 × gpu (one node, NVSwitch)";
  report.tokens_per_step = 1e6;
  report.gpus = 8;
  report.plans = {sample_plan("large", 9.0, 91.3), sample_plan("fast", 10.0, 40.0),
                  sample_plan("second", 10.1, 60.0)};
  report.ranking = {1, 2, 0};
  report.comparisons = {{1, 2, 0.55, "system.network_share"}};
  report.not_modelled = {"data loading", "failures and restarts"};
  return report;
}

}  // namespace lockstep::test
