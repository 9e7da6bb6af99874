// A measurement with one of everything.
#pragma once

#include "validate/measure/measurement.hpp"

namespace lockstep::test {

inline RepeatedTime sample_time(double median_s) { return {median_s, 0.75 * median_s, 1.25 * median_s, 0.125, 8, 20}; }

inline CollectiveSweep sample_sweep(Collective collective) {
  CollectiveSweep sweep;
  sweep.collective = collective;
  sweep.backend = "nccl";
  sweep.type = "float";
  sweep.redop = collective == Collective::all_reduce ? "sum" : "none";
  sweep.group = "world";
  sweep.ranks = 2;
  sweep.nodes = 1;
  CollectivePoint small;
  small.size_bytes = 1024;
  small.count = 256;
  small.out_of_place = CollectiveSide{sample_time(16e-6), 0};
  small.nccl_estimate_s = 12e-6;
  small.predicted_s = 20e-6;
  CollectivePoint large;
  large.size_bytes = 1'048'576;
  large.count = 262'144;
  large.out_of_place = CollectiveSide{sample_time(128e-6), 0};
  large.in_place = CollectiveSide{sample_time(125e-6), std::nullopt};
  sweep.points = {small, large};
  sweep.rank_slowness = {1.0, 1.5};
  return sweep;
}

inline Measurement sample_measurement() {
  Measurement measurement;
  measurement.functional_only = "two ranks share GPU 0";
  MachineFacts& machine = measurement.machine;
  machine.date = "2026-11-23";
  machine.system = "dgx-h100";
  machine.hosts = {"node1"};
  machine.driver = "580.82.07";
  machine.cuda = "13.0";
  machine.cublas = "13.1.0";
  machine.nccl = "2.28.9";
  machine.mpi = "Open MPI v4.1.4";
  machine.command = "lockstep-validate nccl -c all_reduce";
  machine.gpus = {{"node1", 0, "NVIDIA H100 80GB HBM3", "0000:1b:00.0", 85'520'809'984, 700},
                  {"node1", 1, "NVIDIA H100 80GB HBM3", "0000:43:00.0", 85'520'809'984, 700}};
  measurement.collectives = {sample_sweep(Collective::all_reduce)};
  measurement.gemms = {{"qkv", "bf16", 4096, 6144, 4096, 1, 0, sample_time(0.5e-3), 4.1e14, 0.41, 0.55e-3, std::nullopt}};
  measurement.memory_ops = {{"norm", 2.5e8, 0, sample_time(1e-4), 2.5e12, 0.75, std::nullopt}};
  measurement.copies = {{"host to device", true, 1e9, 1, sample_time(0.02), 5e10, 0.0201}};
  measurement.launches = {{"kernel", 0, sample_time(2e-6)}};
  measurement.overlaps = {{"all_reduce", "bf16", 4096, 4096, 4096, 1e-3, 1.2e-3, 2e-3, 2.1e-3, -0.01}};
  MeasuredStep step;
  step.scenario = "s.yaml";
  step.plan = "p";
  step.layers = 2;
  step.micro_batches = 1;
  step.time = sample_time(0.25);
  step.predicted_s = 0.2;
  step.terms = {{"compute", 0.15, 0.2}, {"rest", 0.05, -0.01}};
  step.not_run = {"optimizer"};
  measurement.steps = {step};
  return measurement;
}

}  // namespace lockstep::test
