// Files to calibrate from, and what comes of them.
#pragma once

#include <string>
#include <vector>

#include "tests/catch.hpp"
#include "tests/cli/process.hpp"
#include "tests/support/synthetic_kernels.hpp"
#include "validate/calibrate_files.hpp"

namespace lockstep::test {

inline constexpr double recovered = 0.01;  // of times without noise

inline const Catalog& catalog() {
  static const Catalog catalog(LOCKSTEP_TEST_SOURCE_DIR "/scenarios");
  return catalog;
}

inline const Aliases& aliases() {
  static const Aliases aliases =
      load_aliases(LOCKSTEP_TEST_SOURCE_DIR "/scenarios/aliases/nccl_logs.yaml");
  return aliases;
}

inline FilesCalibration calibrate(const std::vector<std::string>& files) {
  return calibrate_files(files, catalog(), aliases(), {});
}

struct Folder {
  TemporaryFolder folder;
  std::string write(const std::string& name, const Measurement& measurement) const {
    return folder.file(name, measurement_json(measurement));
  }
};

// The only refusal of a measurement, as "what: why".
inline std::string refusal(const Measurement& measurement) {
  const Folder folder;
  const FilesCalibration result = calibrate({folder.write("m.json", measurement)});
  for (const Diagnostic& problem : result.collectives.problems) FAIL(problem.message);
  std::string all;
  for (const Refusal& one : result.constants.refusals) {
    if (one.broken) all += one.what + ": " + one.why + "\n";
  }
  for (const CalibratedLog& log : result.collectives.logs) {
    if (log.refused()) all += log.collective + ": " + log.status + "\n";
  }
  return all;
}

inline const CalibratedConstant* constant(const FilesCalibration& of, const std::string& key) {
  for (const CalibratedConstant& one : of.constants.constants) {
    if (one.key() == key) return &one;
  }
  return nullptr;
}

// Ten GEMMs of 1 ms to 10 ms of 400 TFLOP/s.
inline Measurement gemms(double rate = 400e12) {
  Measurement measurement = empty_measurement();
  for (int i = 1; i <= 10; ++i) {
    MeasuredGemm gemm;
    gemm.dtype = "bf16";
    gemm.m = gemm.n = 4096;
    gemm.k = 4096 * i;
    const double flops = 2.0 * 4096 * 4096 * 4096 * i;
    gemm.time = timed(flops / rate);
    gemm.flops_per_s = rate;
    measurement.gemms.push_back(gemm);
  }
  return measurement;
}

// The same GEMM in another time; the rate goes with it.
inline void retime(MeasuredGemm& gemm, double seconds) {
  gemm.flops_per_s *= gemm.time.median_s / seconds;
  gemm.time = timed(seconds);
}

// An all-reduce over 8 GPUs: 20 us and 200 GB/s.
inline Measurement sweep(const std::string& name = "world") {
  Measurement measurement = empty_measurement(8);
  CollectiveSweep one;
  one.collective = Collective::all_reduce;
  one.backend = "nccl";
  one.type = "float";
  one.redop = "sum";
  one.group = name;
  one.ranks = 8;
  one.nodes = 1;
  for (double bytes = 1024; bytes <= 2e9; bytes *= 4) {
    CollectivePoint point;
    point.size_bytes = static_cast<std::int64_t>(bytes);
    point.count = point.size_bytes / 4;
    CollectiveSide side;
    side.time = timed(20e-6 + bytes / 200e9);
    side.wrong = 0;
    point.out_of_place = side;
    point.in_place = side;
    one.points.push_back(point);
  }
  measurement.collectives.push_back(one);
  return measurement;
}

}  // namespace lockstep::test
