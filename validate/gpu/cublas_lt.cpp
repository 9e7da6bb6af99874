#include "validate/gpu/cublas_lt.hpp"

#include <fmt/format.h>

#include "validate/measure/failures.hpp"

#define LOCKSTEP_TEXT_OF(name) #name
#define LOCKSTEP_SYMBOL(name) LOCKSTEP_TEXT_OF(name)

namespace lockstep {

CublasLt::CublasLt(const std::string& folder)
    : library("cuBLASLt", {fmt::format("libcublasLt.so.{}", CUBLAS_VER_MAJOR)}, folder,
              {LOCKSTEP_CUDA_LIBRARY_DIR}) {
#define X(name) name = reinterpret_cast<decltype(name)>(library.function(LOCKSTEP_SYMBOL(name)));
  LOCKSTEP_CUBLAS_LT_FUNCTIONS(X)
#undef X
}

void CublasLt::check(cublasStatus_t status, const char* call, int device) const {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw MeasurementError(
      fmt::format("GPU {}: {}: {}", device, call, cublasLtGetStatusString(status)),
      "CUBLASLT_LOG_LEVEL=2 in the environment lets cuBLASLt say more");
}

std::string CublasLt::version() const {
  constexpr std::size_t per_major = 10000;
  constexpr std::size_t per_minor = 100;
  const std::size_t number = cublasLtGetVersion();
  return fmt::format("{}.{}.{}", number / per_major, number % per_major / per_minor,
                     number % per_minor);
}

}  // namespace lockstep
