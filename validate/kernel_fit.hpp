// Constants of kernels' shapes, fitted to tables of single kernels.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "validate/kernel_corpus.hpp"

namespace lockstep {

// Errors |ln(predicted / measured)| of a group of samples.
struct KernelErrors {
  std::string device;
  std::string what;  // "gemm, smooth", "FA2 forward", "add"
  double median = 0;
  double p90 = 0;
  double left_out_median = 0;  // predicted by a fit without the sample's shape; 0: not done
  std::size_t samples = 0;
};

struct KernelConstant {
  std::string device;  // "" where all devices share it
  std::string name;    // of the catalog where it has one: gemm_m0
  double value = 0;
  double spread = 0;  // of its logarithm over fits without a fifth of the shapes, at least 2 %
  std::size_t samples = 0;
  std::string source;
};

struct KernelFit {
  std::vector<KernelErrors> errors;
  std::vector<KernelConstant> constants;
};

// The same form as sim/compute/gemm.cpp, against one of tiles and waves, per device:
//   smooth  t = (t_f^q + t_b^q)^(1/q) + t0, t_f = F/(P e) (1+m0/M)(1+n0/N)(1+k0/K), q = 2.5
//   tiles   t = max(waves 2 tm tn (K + k0) / (e P / SMs), B/(W e_b)) + t0, the best of five tiles
// Attention: eff = e(kernel) s/(s + s0) c(64), backward times b; s0 times u where not causal.
// Memory-bound: t = t0 + B / (W r). Robust: the sum of sqrt(1 + (ln error / 5 %)^2), by NLopt
// (Sbplx), the same numbers on every run.
KernelFit fit_kernels(const KernelCorpus& corpus);

// A robust minimum over logarithms of positive parameters. Pure.
using LogResiduals =
    std::function<void(const std::vector<double>& parameters, std::vector<double>& residuals)>;
struct RobustMinimum {
  std::vector<double> parameters;
  double objective = 0;
};
RobustMinimum robust_minimum(const LogResiduals& residuals, const std::vector<double>& start,
                             const std::vector<double>& low, const std::vector<double>& high);

}  // namespace lockstep
