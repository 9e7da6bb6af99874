// What is trained, independent of how it is spread over GPUs.
#pragma once

#include <cstdint>

#include "strategies/adapter.hpp"
#include "topology/hardware.hpp"

namespace lockstep {

enum class Precision { fp32, tf32, fp16, bf16, fp8, mxfp8, nvfp4 };
enum class Optimizer { adamw, sgd };

// What one scale of `precision: fp8` covers, and when it is found.
enum class Fp8Scaling {
  delayed,   // a tensor; from the maxima of earlier steps (Transformer Engine's first recipe)
  current,   // a tensor; from its own maximum, in a pass before the cast
  rowwise,   // a row of the sum's direction: each operand is cast along both sides
  blockwise  // 1 x 128 of activations, 128 x 128 of weights (DeepSeek-V3)
};

struct Training {
  std::int64_t sequence_length = 0;
  std::int64_t global_batch = 0;  // sequences per optimizer step
  Precision precision = Precision::bf16;
  Fp8Scaling fp8_scaling = Fp8Scaling::delayed;  // of precision fp8
  Optimizer optimizer = Optimizer::adamw;
  double dropout = 0.0;     // hidden and attention dropout probability; 0: no dropout ops
  double total_tokens = 0;  // length of the run; 0: not stated
  Adapter adapter;          // what is trained where not every weight is

  [[nodiscard]] double tokens_per_step() const {
    return static_cast<double>(sequence_length) * static_cast<double>(global_batch);
  }
  // The type of the linears' GEMMs, and of everything else (attention, activations, residual
  // stream).
  [[nodiscard]] Dtype linear_dtype() const;
  [[nodiscard]] Dtype activation_dtype() const;
};

}  // namespace lockstep
