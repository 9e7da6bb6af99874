// Constants of the catalog out of times of single kernels and copies.
//
// A training step loses something against kernels that run alone, and what it loses is a factor
// that published runs fit (topology/constant.hpp, `fit:`). So kernels are fitted in the space of
// priors: every constant of the GPU that names such a factor stands at its prior while the others
// are fitted, and what comes out is a prior as well. Applying it (scenarios/calibration_use.hpp)
// multiplies by the factor again.
//
//   memory   t = t0 + B / (W e r)              e memory_efficiency (r = 1: copies), t0
//            memory_fixed_time; r one share for each other kernel; see sim/compute/memory_bound.cpp
//   GEMM     the form of sim/compute/gemm.cpp  e of each type; m0, n0, k0, t0 where the shapes tell
//            them: where leaving out a fifth of the shapes moves them by less than what the catalog
//            leaves open
//   overlap  median of the seconds of compute lost per second of a collective beside it
//   copies   t = t0 + B / bandwidth            both directions together; t0 belongs to no constant
//
// Robust: the sum of sqrt(1 + (ln error / 5 %)^2), by NLopt (validate/kernel_fit.hpp). Spread of a
// fitted constant: sqrt(j^2 + (s/2)^2 + (1 %)^2) with the jackknife deviation j over fifths of the
// shapes and the scatter s of the residuals: a layer has some four products, and each misses the
// form in its own way. With fewer than three shapes 5 % instead of 1 %. Ignores clocks that sink over minutes (a measurement takes seconds), and
// that shapes outside of those measured may miss the form by more.
#pragma once

#include <string>
#include <vector>

#include "scenarios/calibration_file.hpp"
#include "validate/kernel_samples.hpp"

namespace lockstep {

struct ConstantsReport {
  std::vector<CalibratedConstant> constants;
  std::vector<KernelSample> samples;  // all of them, with what the fit makes of each
  std::vector<Refusal> refusals;
  std::vector<std::string> notes;
};

inline constexpr std::size_t fewest_gemm_shapes = 3;
inline constexpr std::size_t many_gemm_shapes = 12;  // from which they may tell m0, n0, k0 and t0
// Below so many sizes a rate is fitted alone, to sizes that a fixed time is nothing against.
inline constexpr std::size_t fewest_copy_sizes = 3;
inline constexpr double large_copy_bytes = 16 * 1048576.0;
inline constexpr std::size_t fewest_overlaps = 3;

// Fits what the samples hold; adds refusals of parts with too few points. Pure.
ConstantsReport fit_constants(const KernelSamples& samples, const Catalog& catalog);

// The GPU as its kernels are alone: constants that name a fitted parameter stand at their priors.
Gpu kernels_alone(const Gpu& gpu);

}  // namespace lockstep
