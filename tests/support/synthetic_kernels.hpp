// Measurements as a machine with known constants would make them.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "scenarios/scenario.hpp"
#include "sim/compute/op_cost.hpp"
#include "validate/constant_fit.hpp"
#include "validate/measure/measurement.hpp"

namespace lockstep::test {

// Standard normal deviates, the same on every platform: the sum of twelve uniforms less six.
class Noise {
 public:
  explicit Noise(std::uint32_t seed) : random_(seed) {}
  double operator()() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(random_()) / 4294967296.0;
    return sum;
  }

 private:
  std::mt19937 random_;
};

inline RepeatedTime timed(double seconds) {
  RepeatedTime time;
  time.median_s = seconds;
  time.low_s = seconds;
  time.high_s = seconds;
  time.repeats = 5;
  time.iterations = 10;
  return time;
}

// What the machine of a synthetic measurement does.
struct SyntheticMachine {
  Gpu gpu;  // its kernels alone
  double pcie = 50e9;
  double copy_fixed = 10e-6;
  double slowdown = 0.25;
  double noise = 0;  // of ln(time)
  int devices = 1;
};

inline Measurement empty_measurement(int devices = 1) {
  Measurement measurement;
  measurement.machine.date = "2026-11-23";
  measurement.machine.system = "dgx-h100";
  measurement.machine.hosts = {"node1"};
  measurement.machine.driver = "580.82.07";
  measurement.machine.cuda = "13.0";
  measurement.machine.nccl = "2.28.9";
  for (int device = 0; device < devices; ++device) {
    MeasuredGpu gpu;
    gpu.host = "node1";
    gpu.device = device;
    gpu.name = "NVIDIA H100 80GB HBM3";
    measurement.machine.gpus.push_back(gpu);
  }
  return measurement;
}

inline Op gemm_of(std::int64_t m, std::int64_t n, std::int64_t k) {
  Op op;
  op.kind = OpKind::gemm;
  op.m = m;
  op.n = n;
  op.k = k;
  const auto x = static_cast<double>(m), y = static_cast<double>(n), z = static_cast<double>(k);
  op.flops = Flops{2 * x * y * z};
  op.bytes = Bytes{2 * (x * z + z * y + x * y)};
  return op;
}

inline void add_gemms(Measurement& into, const SyntheticMachine& machine, Noise& noise) {
  for (int device = 0; device < machine.devices; ++device) {
    for (const std::int64_t m : {512, 2048, 4096, 8192}) {
      for (const std::int64_t n : {1024, 4096, 8192}) {
        for (const std::int64_t k : {1024, 4096, 8192}) {
          MeasuredGemm gemm;
          gemm.op = "square";
          gemm.dtype = "bf16";
          gemm.m = m;
          gemm.n = n;
          gemm.k = k;
          gemm.device = device;
          const Op op = gemm_of(m, n, k);
          gemm.time = timed(gemm_time(machine.gpu, op).value() * std::exp(machine.noise * noise()));
          gemm.flops_per_s = op.flops.value() / gemm.time.median_s;
          into.gemms.push_back(gemm);
        }
      }
    }
  }
}

inline void add_memory(Measurement& into, const SyntheticMachine& machine, Noise& noise) {
  const double full = machine.gpu.memory_bandwidth.value * machine.gpu.memory_efficiency.value;
  const auto add = [&](const char* name, double share, double bytes) {
    MeasuredMemoryOp op;
    op.op = name;
    op.bytes = bytes;
    op.time = timed((machine.gpu.memory_fixed_time.value + bytes / (full * share)) *
                    std::exp(machine.noise * noise()));
    op.bytes_per_s = bytes / op.time.median_s;
    into.memory_ops.push_back(op);
  };
  for (double bytes = 65536; bytes <= 4e9; bytes *= 2) {
    add("copy", 1.0, bytes);
    add("norm", machine.gpu.memory_norm.value, bytes);
  }
}

inline void add_copies(Measurement& into, const SyntheticMachine& machine, Noise& noise) {
  for (const char* direction : {"host to device", "device to host"}) {
    for (double bytes = 65536; bytes <= 1.1e9; bytes *= 4) {
      MeasuredCopy copy;
      copy.direction = direction;
      copy.bytes = bytes;
      copy.time =
          timed((machine.copy_fixed + bytes / machine.pcie) * std::exp(machine.noise * noise()));
      copy.bytes_per_s = bytes / copy.time.median_s;
      into.copies.push_back(copy);
    }
  }
}

inline void add_overlaps(Measurement& into, const SyntheticMachine& machine, Noise& noise) {
  for (const std::int64_t size : {2048, 4096, 6144, 8192, 12288, 16384}) {
    MeasuredOverlap overlap;
    overlap.beside = "all_reduce";
    overlap.dtype = "bf16";
    overlap.m = overlap.n = overlap.k = size;
    overlap.other_alone_s = 1e-3;
    overlap.other_beside_s = 1.2e-3;
    overlap.gemm_alone_s = 1e-3;
    overlap.slowdown = machine.slowdown * std::exp(machine.noise * noise());
    overlap.gemm_beside_s = 1e-3 + overlap.slowdown * overlap.other_beside_s;
    into.overlaps.push_back(overlap);
  }
}

// An H100 whose kernels do not do what the catalog says, in round numbers.
inline SyntheticMachine other_h100(const Catalog& catalog) {
  SyntheticMachine machine;
  machine.gpu = kernels_alone(catalog.gpu("h100-sxm-80gb"));
  machine.gpu.gemm_efficiency_half.value = 0.66;
  machine.gpu.memory_efficiency.value = 0.88;
  machine.gpu.memory_norm.value = 0.80;
  return machine;
}

inline Measurement all_of(const SyntheticMachine& machine, std::uint32_t seed) {
  Noise noise(seed);
  Measurement measurement = empty_measurement(machine.devices);
  add_gemms(measurement, machine, noise);
  add_memory(measurement, machine, noise);
  add_copies(measurement, machine, noise);
  add_overlaps(measurement, machine, noise);
  return measurement;
}

}  // namespace lockstep::test
