// The driver's modules and our own kernels, which take LOCKSTEP_FAKE_KERNEL (1.5 us) and their
// bytes over LOCKSTEP_FAKE_HBM (3e12 B/s) times LOCKSTEP_FAKE_HBM_SHARE (1). Each touches the last
// byte of its buffers, so that one that is too small shows. LOCKSTEP_FAKE_MODULE=bad refuses
// modules.
#include <cuda.h>

#include <array>
#include <cstring>
#include <string>

#include "tests/fake_gpu/clock.hpp"
#include "validate/gpu/kernels/kernel_arguments.hpp"

using namespace lockstep::fake;

namespace {

constexpr double default_kernel = 1.5e-6;

// Bytes per element that a kernel reads through `in` and writes through `out`, and all it moves.
struct FakeKernel {
  const char* name;
  double in, out, all;
};

constexpr std::array<FakeKernel, 10> kernels{{{"lockstep_empty", 0, 0, 0},
                                              {"lockstep_copy", 2, 2, 4},
                                              {"lockstep_norm", 2, 2, 4},
                                              {"lockstep_rope", 2, 2, 4},
                                              {"lockstep_activation", 4, 2, 6},
                                              {"lockstep_softmax", 2, 2, 4},
                                              {"lockstep_cast", 2, 1, 3},
                                              {"lockstep_permutation", 2, 2, 4},
                                              {"lockstep_loss", 2, 2, 6},
                                              {"lockstep_optimizer", 4, 4, 30}}};

void touch(const lockstep::KernelArguments& of, const FakeKernel& kernel) {
  const double elements = static_cast<double>(of.rows) * static_cast<double>(of.row);
  const auto last = [&](double per_element) {
    return static_cast<std::size_t>(per_element * elements) - 1;
  };
  const char value = static_cast<const char*>(of.in)[last(kernel.in)];
  static_cast<char*>(of.out)[last(kernel.out)] = value;
}

}  // namespace

CUresult cuInit(unsigned /*flags*/) {
  return device_count() == 0 ? CUDA_ERROR_NO_DEVICE : CUDA_SUCCESS;
}

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  if (image == nullptr || text("LOCKSTEP_FAKE_MODULE", "") == "bad")
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  static int one = 0;
  *module = reinterpret_cast<CUmodule>(&one);
  return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule /*module*/) {
  return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction* function, CUmodule /*module*/, const char* name) {
  for (const FakeKernel& kernel : kernels) {
    if (std::strcmp(kernel.name, name) != 0) continue;
    *function = reinterpret_cast<CUfunction>(const_cast<FakeKernel*>(&kernel));
    return CUDA_SUCCESS;
  }
  return CUDA_ERROR_NOT_FOUND;
}

CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z, unsigned /*shared*/,
                        CUstream stream, void** parameters, void** /*extra*/) {
  constexpr unsigned most_threads = 1024;
  if (grid_x == 0 || grid_y != 1 || grid_z != 1 || block_x == 0 || block_x > most_threads ||
      block_x % 32 != 0 || block_y != 1 || block_z != 1)
    return CUDA_ERROR_INVALID_VALUE;
  const FakeKernel& kernel = *reinterpret_cast<const FakeKernel*>(function);
  double seconds = number("LOCKSTEP_FAKE_KERNEL", default_kernel);
  if (kernel.all > 0) {
    if (parameters == nullptr) return CUDA_ERROR_INVALID_VALUE;
    lockstep::KernelArguments of;
    std::memcpy(&of, parameters[0], sizeof of);
    touch(of, kernel);
    seconds += kernel.all * static_cast<double>(of.rows) * static_cast<double>(of.row) /
               (number("LOCKSTEP_FAKE_HBM", 3e12) * number("LOCKSTEP_FAKE_HBM_SHARE", 1));
  }
  return submit(stream, {seconds, {}, Kind::compute}) == cudaSuccess ? CUDA_SUCCESS
                                                                     : CUDA_ERROR_ECC_UNCORRECTABLE;
}

CUresult cuGetErrorName(CUresult error, const char** name) {
  switch (error) {
    case CUDA_ERROR_INVALID_VALUE:
      *name = "CUDA_ERROR_INVALID_VALUE";
      return CUDA_SUCCESS;
    case CUDA_ERROR_NO_BINARY_FOR_GPU:
      *name = "CUDA_ERROR_NO_BINARY_FOR_GPU";
      return CUDA_SUCCESS;
    case CUDA_ERROR_ECC_UNCORRECTABLE:
      *name = "CUDA_ERROR_ECC_UNCORRECTABLE";
      return CUDA_SUCCESS;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult cuGetErrorString(CUresult error, const char** text_of_error) {
  switch (error) {
    case CUDA_ERROR_INVALID_VALUE:
      *text_of_error = "invalid argument";
      return CUDA_SUCCESS;
    case CUDA_ERROR_NO_BINARY_FOR_GPU:
      *text_of_error = "no kernel image is available for execution on the device";
      return CUDA_SUCCESS;
    case CUDA_ERROR_ECC_UNCORRECTABLE:
      *text_of_error = "uncorrectable ECC error encountered";
      return CUDA_SUCCESS;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

// What the programs take the host's time from (validate/gpu/host_clock.hpp).
extern "C" double lockstep_virtual_host_seconds();
double lockstep_virtual_host_seconds() {
  const std::lock_guard lock(guard());
  return host_time();
}
