// Fits of constants and of curves against machines whose constants are known, with noise.
#include "tests/catch.hpp"

#include <cmath>

#include "tests/support/synthetic_kernels.hpp"
#include "validate/calibrate_files.hpp"
#include "validate/piecewise_fit.hpp"
#include "validate/statistics.hpp"

using namespace lockstep;

namespace {

const Catalog& catalog() {
  static const Catalog catalog(LOCKSTEP_TEST_SOURCE_DIR "/scenarios");
  return catalog;
}

const Aliases& aliases() {
  static const Aliases aliases =
      load_aliases(LOCKSTEP_TEST_SOURCE_DIR "/scenarios/aliases/nccl_logs.yaml");
  return aliases;
}

ConstantsReport fitted(const Measurement& measurement) {
  KernelSamples samples;
  add_measured_kernels(measurement, "m.json", {}, catalog(), aliases(), samples);
  return fit_constants(samples, catalog());
}

const CalibratedConstant& constant(const ConstantsReport& report, const std::string& key) {
  for (const CalibratedConstant& one : report.constants) {
    if (one.key() == key) return one;
  }
  FAIL("no constant " + key);
  return report.constants.front();
}

}  // namespace

TEST_CASE("constant fit: constants are within their stated spread", "[property]") {
  // 2 % noise on every time. Of twenty machines at least 17 (85 %), constant by constant.
  constexpr int trials = 20;
  constexpr int least = 17;
  const test::SyntheticMachine truth = [] {
    test::SyntheticMachine machine = test::other_h100(catalog());
    machine.noise = 0.02;
    return machine;
  }();
  const std::vector<std::pair<const char*, double>> expected{{"gemm_efficiency_half", 0.66},
                                                             {"memory_efficiency", 0.88},
                                                             {"memory_norm", 0.80},
                                                             {"overlap_slowdown", 0.25},
                                                             {"pcie_bandwidth", 50e9}};
  std::vector<int> inside(expected.size(), 0);
  for (int trial = 0; trial < trials; ++trial) {
    const ConstantsReport report =
        fitted(test::all_of(truth, static_cast<std::uint32_t>(100 + trial)));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const CalibratedConstant& found = constant(report, expected[i].first);
      if (std::fabs(std::log(found.value / expected[i].second)) <= found.spread) ++inside[i];
    }
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(expected[i].first, inside[i]);
    CHECK(inside[i] >= least);
  }
}

TEST_CASE("constant fit: more noise is a wider spread", "[property]") {
  double before[3] = {0, 0, 0};
  for (const double noise : {0.0, 0.02, 0.06}) {
    test::SyntheticMachine machine = test::other_h100(catalog());
    machine.noise = noise;
    const ConstantsReport report = fitted(test::all_of(machine, 7));
    const char* keys[] = {"gemm_efficiency_half", "memory_efficiency", "pcie_bandwidth"};
    for (std::size_t i = 0; i < 3; ++i) {
      const double spread = constant(report, keys[i]).spread;
      CAPTURE(keys[i], noise, spread);
      CHECK(spread > before[i]);
      before[i] = spread;
    }
  }
}

TEST_CASE("constant fit: shapes that cannot tell a constant leave the catalog's", "[property]") {
  // Products of 8192 and more say nothing of m0 = 12.7 or of a few microseconds.
  test::SyntheticMachine machine = test::other_h100(catalog());
  machine.noise = 0.02;
  test::Noise noise(3);
  Measurement large = test::empty_measurement();
  test::add_gemms(large, machine, noise);
  std::vector<MeasuredGemm> kept;
  for (MeasuredGemm& gemm : large.gemms) {
    if (gemm.m >= 4096 && gemm.n >= 4096 && gemm.k >= 4096) kept.push_back(gemm);
  }
  large.gemms = kept;
  for (const CalibratedConstant& one : fitted(large).constants) {
    CAPTURE(one.of);
    CHECK(one.key() == "gemm_efficiency_half");
  }
}

TEST_CASE("constant fit: one slow kernel of ten does not move the constant", "[property]") {
  test::SyntheticMachine machine = test::other_h100(catalog());
  Measurement measurement = test::all_of(machine, 5);
  MeasuredGemm& slow = measurement.gemms[4];
  slow.time = test::timed(2 * slow.time.median_s);
  slow.flops_per_s /= 2;
  CHECK(constant(fitted(measurement), "gemm_efficiency_half").value == Approx(0.66).epsilon(0.01));
}

namespace {

// Curves as NCCL's are: protocols that change, plateaus where chunks fill, and what follows.
struct Curve {
  const char* name;
  double (*seconds)(double bytes);
};

double ring_with_protocols(double s) {
  // LL to 64 KiB, LL128 to 8 MiB, Simple above: each slower to start and faster to go.
  if (s < 65536) return 12e-6 + s / 15e9;
  if (s < 8 * 1048576.0) return 20e-6 + s / 110e9;
  return 42e-6 + s / 230e9;
}

double plateau(double s) {
  // Flat to 1 MiB, then a step of a factor where channels are added, then the links.
  if (s < 1048576.0) return 60e-6;
  if (s < 32 * 1048576.0) return 80e-6 + s / 120e9;
  return 120e-6 + s / 185e9;
}

double many_switches(double s) {
  // Five lines: tree LL, tree LL128, tree Simple, ring Simple, and the full pipeline.
  if (s < 16384) return 25e-6;
  if (s < 524288) return 30e-6 + s / 20e9;
  if (s < 4 * 1048576.0) return 45e-6 + s / 60e9;
  if (s < 64 * 1048576.0) return 75e-6 + s / 120e9;
  return 250e-6 + s / 170e9;
}

double soft_saturation(double s) {
  // Efficiency that grows for long, as rings over a network: s / (B s / (s + half)).
  return 30e-6 + (s + 24e6) / 45e9 * (s / (s + 2e6));
}

double overlapped_fabric(double s) {
  // Two transfers in series that overlap more and more.
  return std::sqrt(std::pow(50e-6 + s / 90e9, 2) + std::pow(s / 140e9, 2));
}

}  // namespace

TEST_CASE("piecewise fit: a fresh measurement at 1 MB and above is within 5 %", "[property]") {
  // 1.5 % noise, sizes 8 B to 8 GiB by factors of two, as nccl-tests sweeps them.
  constexpr double noise = 0.015;
  constexpr double promised = 0.05;
  const Curve curves[] = {{"ring with protocols", ring_with_protocols},
                          {"plateau", plateau},
                          {"many switches", many_switches},
                          {"soft saturation", soft_saturation},
                          {"overlapped fabric", overlapped_fabric}};
  for (const Curve& curve : curves) {
    std::vector<double> errors;
    for (std::uint32_t seed = 1; seed <= 4; ++seed) {
      test::Noise first(seed), fresh(seed + 1000);
      std::vector<TimedSize> points;
      for (double bytes = 8; bytes <= 8.6e9; bytes *= 2)
        points.push_back({bytes, curve.seconds(bytes) * std::exp(noise * first())});
      const PiecewiseFit fit = fit_pieces(points);
      for (double bytes = 1048576; bytes <= 8.6e9; bytes *= 2) {
        const double again = curve.seconds(bytes) * std::exp(noise * fresh());
        errors.push_back(std::fabs(evaluate(fit.pieces, bytes) / again - 1));
      }
    }
    CAPTURE(curve.name, median(errors), quantile(errors, 0.9), quantile(errors, 1.0));
    CHECK(median(errors) < promised / 2);
    CHECK(quantile(errors, 0.9) < promised);
  }
}
