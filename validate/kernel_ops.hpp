// Kernels by the names that files give them, as the ops that the cost model prices.
#pragma once

#include <optional>
#include <string>

#include "validate/kernel_samples.hpp"

namespace lockstep {

struct DtypeName {
  const char* name;
  Dtype dtype;
  double bytes;      // of an element of the operands
  double out_bytes;  // of an element of the product
};

// A type by its name; null where the catalog has no efficiency for it.
const DtypeName* dtype_of(const std::string& name);

// "64.0 MiB".
std::string size_text(double bytes);

// A product of one GPU, dense, with the traffic of its operands and result.
Op gemm_op(const DtypeName& dtype, double m, double n, double k);

// A memory-bound kernel; nothing where the catalog has no bandwidth for one of this name. Left out
// of fits (`dropped`) where the L2 cache holds much of its traffic.
std::optional<KernelSample> memory_sample(const std::string& file, const std::string& name,
                                          double bytes, double seconds, std::int64_t device,
                                          const Gpu& gpu);

}  // namespace lockstep
