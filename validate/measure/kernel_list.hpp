// Which kernels `lockstep validate kernels` measures: those of a scenario's plans, or a standard
// set.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/scenario.hpp"
#include "strategies/workload.hpp"
#include "validate/measure/gemm_shape.hpp"

namespace lockstep {

struct ListedGemm {
  std::string op;  // "gate and up projection", "gate and up projection, weight gradient", "square"
  GemmShape shape;
  // Of attention without FlashAttention: what its prediction needs; 0 for others.
  std::int64_t head_dim = 0;
};

struct ListedMemoryOp {
  std::string op;  // as GpuKernels::memory_op() calls it
  MemoryKernel kernel = MemoryKernel::stream;
  double bytes = 0;
  std::int64_t row = 0;  // elements
};

struct KernelList {
  std::vector<ListedGemm> gemms;  // each shape once
  std::vector<ListedMemoryOp> memory_ops;
};

// The products of the plans (all, or the one of this name): forward, data gradient and weight
// gradient of every linear layer, an expert's as one product; those of attention scores where the
// software has no fused attention. `dtypes`: instead of the linear layers' own types; empty: their
// own. Memory-bound kernels with the rows of the model. Pure. Throws std::out_of_range for a plan
// that the scenario has not.
KernelList kernels_of(const Scenario& scenario, const std::string& plan,
                      const std::vector<Dtype>& dtypes);

// Square products and those of Llama-like layers, in each type; memory-bound kernels with their
// rows.
KernelList standard_kernels(const std::vector<Dtype>& dtypes);

// Without the gradients' products and the smaller one of the two sizes of memory-bound kernels; of
// the rest the products with the most FLOPs of each type.
KernelList quick(const KernelList& list);

}  // namespace lockstep
