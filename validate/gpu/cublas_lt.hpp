// cuBLASLt, loaded when it is first needed; functions of the same names as its own.
#pragma once

#include <cublasLt.h>

#include <string>

#include "validate/measure/shared_library.hpp"

namespace lockstep {

// clang-format off
#define LOCKSTEP_CUBLAS_LT_FUNCTIONS(X)                                                      \
  X(cublasLtCreate) X(cublasLtDestroy) X(cublasLtGetVersion) X(cublasLtGetStatusString)      \
  X(cublasLtMatmulDescCreate) X(cublasLtMatmulDescDestroy) X(cublasLtMatmulDescSetAttribute) \
  X(cublasLtMatrixLayoutCreate) X(cublasLtMatrixLayoutDestroy)                               \
  X(cublasLtMatrixLayoutSetAttribute) X(cublasLtMatmulPreferenceCreate)                      \
  X(cublasLtMatmulPreferenceDestroy) X(cublasLtMatmulPreferenceSetAttribute)                 \
  X(cublasLtMatmulAlgoGetHeuristic) X(cublasLtMatmulAlgoConfigGetAttribute) X(cublasLtMatmul)
// clang-format on

struct CublasLt {
  // `folder`: searched first. Throws Unavailable where it is missing.
  explicit CublasLt(const std::string& folder);

  SharedLibrary library;
#define X(name) decltype(&::name) name = nullptr;
  LOCKSTEP_CUBLAS_LT_FUNCTIONS(X)
#undef X

  // Throws MeasurementError: "GPU 0: cublasLtMatmul: an invalid value".
  void check(cublasStatus_t status, const char* call, int device) const;
  [[nodiscard]] std::string version() const;  // "13.1.0"
};

}  // namespace lockstep
