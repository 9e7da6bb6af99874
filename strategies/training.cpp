#include "strategies/training.hpp"

namespace lockstep {

Dtype Training::linear_dtype() const {
  switch (precision) {
    case Precision::fp32:
      return Dtype::fp32;
    case Precision::tf32:
      return Dtype::tf32;
    case Precision::fp16:
      return Dtype::fp16;
    case Precision::bf16:
      return Dtype::bf16;
    case Precision::fp8:
      return Dtype::fp8;
    case Precision::mxfp8:
      return Dtype::mxfp8;
    case Precision::nvfp4:
      return Dtype::fp4;
  }
  return Dtype::bf16;
}

Dtype Training::activation_dtype() const {
  switch (precision) {
    case Precision::fp32:
      return Dtype::fp32;
    case Precision::tf32:
      return Dtype::tf32;
    case Precision::fp16:
      return Dtype::fp16;
    case Precision::bf16:
    case Precision::fp8:
    case Precision::mxfp8:
    case Precision::nvfp4:
      return Dtype::bf16;
  }
  return Dtype::bf16;
}

}  // namespace lockstep
