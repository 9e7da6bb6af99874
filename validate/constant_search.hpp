// A few constants of a GPU fitted to times, with their jackknife deviations.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "topology/hardware.hpp"

namespace lockstep {

struct FreeConstant {
  std::string key;   // "gemm_efficiency_half"
  double start = 0;  // of the catalog
  double low = 0, high = 0;
  // Relative; where the jackknife's deviation is not well below it, the constant stays as it is.
  // 0: always fitted.
  double catalog_spread = 0;
};

// ln(predicted / measured) of sample i on the GPU.
using GpuResidual = std::function<double(const Gpu& gpu, std::size_t i)>;

struct FittedConstant {
  std::string key;
  double value = 0;
  double deviation = 0;  // of its logarithm, by leaving out fifths of the shapes
};

struct ConstantSearch {
  Gpu gpu;  // with the fitted constants
  std::vector<FittedConstant> constants;
  double scatter = 0;  // robust standard deviation of the residuals
  double median = 0;   // of |residual|
};

// `shapes` has one name a sample; samples of one shape are left out together. Pure.
ConstantSearch search_constants(const Gpu& gpu, std::vector<FreeConstant> free,
                                const std::vector<std::string>& shapes,
                                const GpuResidual& residual);

// The constant of a key; null where there is none. Points into the GPU.
ConstantBase* constant_of(Gpu& gpu, const std::string& key);

}  // namespace lockstep
