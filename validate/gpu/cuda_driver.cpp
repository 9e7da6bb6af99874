#include "validate/gpu/cuda_driver.hpp"

#include <fmt/format.h>

#include "validate/measure/failures.hpp"

#define LOCKSTEP_TEXT_OF(name) #name
#define LOCKSTEP_SYMBOL(name) LOCKSTEP_TEXT_OF(name)  // after macros: some names carry a version

namespace lockstep {

CudaDriver::CudaDriver(const std::string& folder)
    : library("the NVIDIA driver", {"libcuda.so.1"}, folder) {
#define X(name) name = reinterpret_cast<decltype(name)>(library.function(LOCKSTEP_SYMBOL(name)));
  LOCKSTEP_DRIVER_FUNCTIONS(X)
#undef X
  const CUresult result = cuInit(0);
  if (result == CUDA_ERROR_NO_DEVICE) throw Unavailable("no GPU: the driver lists none");
  check(result, "cuInit", -1);
}

void CudaDriver::check(CUresult result, const std::string& call, int device) const {
  if (result == CUDA_SUCCESS) return;
  const char* text = nullptr;
  const char* name = nullptr;
  static_cast<void>(cuGetErrorString(result, &text));
  static_cast<void>(cuGetErrorName(result, &name));
  const std::string where = device < 0 ? std::string{} : fmt::format("GPU {}: ", device);
  throw MeasurementError(
      fmt::format("{}{}: {} ({})", where, call, text == nullptr ? "unknown error" : text,
                  name == nullptr ? std::to_string(result) : name),
      "nvidia-smi -q and the kernel's log (dmesg | grep -i xid) say more");
}

}  // namespace lockstep
