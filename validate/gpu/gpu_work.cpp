#include "validate/gpu/gpu_work.hpp"

#include <fmt/format.h>

#include "validate/gpu/gpu_context.hpp"
#include "validate/gpu/own_kernels.hpp"
#include "validate/measure/failures.hpp"

namespace lockstep {
namespace {

constexpr int fp8_capability = 89;  // Ada, Hopper and later

}  // namespace

GpuContext::GpuContext(const CudaRuntime& runtime, int number, const std::string& folder)
    : cuda(runtime),
      device(number),
      blas(folder),
      random(runtime, number),  // makes the GPU the current one
      library_folder(folder) {
  cudaDeviceProp properties{};
  cuda.check(cuda.cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties", device);
  l2_bytes = static_cast<std::size_t>(properties.l2CacheSize);
  multiprocessors = properties.multiProcessorCount;
  threads_per_multiprocessor = properties.maxThreadsPerMultiProcessor;
  compute_capability = 10 * properties.major + properties.minor;
  blas.check(blas.cublasLtCreate(&blas_handle), "cublasLtCreate", device);
}

GpuContext::~GpuContext() {
  static_cast<void>(cuda.cudaSetDevice(device));
  if (module != nullptr) static_cast<void>(driver->cuModuleUnload(module));
  if (blas_handle != nullptr) static_cast<void>(blas.cublasLtDestroy(blas_handle));
}

bool GpuContext::has_fp8() const {
  return compute_capability >= fp8_capability;
}

CUfunction GpuContext::own_kernel(const std::string& name) {
  if (own_kernels_size == 0) throw Unavailable("built without nvcc, so without kernels of its own");
  cuda.check(cuda.cudaSetDevice(device), "cudaSetDevice", device);
  if (module == nullptr) {
    if (!driver) driver.emplace(library_folder);
    const CUresult loaded = driver->cuModuleLoadData(&module, own_kernels);
    if (loaded == CUDA_ERROR_UNSUPPORTED_PTX_VERSION || loaded == CUDA_ERROR_NO_BINARY_FOR_GPU)
      throw Unavailable(
          "the driver cannot load this program's kernels: it is older than the CUDA that they were "
          "built with");
    driver->check(loaded, "cuModuleLoadData", device);
  }
  CUfunction function = nullptr;
  driver->check(driver->cuModuleGetFunction(&function, module, name.c_str()),
                "cuModuleGetFunction of " + name, device);
  return function;
}

struct GpuKernels::State {
  GpuContext context;
};

GpuKernels::GpuKernels(const CudaRuntime& cuda, int device, const std::string& library_folder)
    : state_(new State{{cuda, device, library_folder}}) {}

GpuKernels::~GpuKernels() = default;

std::unique_ptr<GpuWork> GpuKernels::gemm(const GemmShape& shape, int candidates) {
  return make_gemm(state_->context, shape, candidates);
}

std::unique_ptr<GpuWork> GpuKernels::memory_op(const std::string& op, double bytes,
                                               std::int64_t row) {
  return make_memory_op(state_->context, op, bytes, row);
}

std::unique_ptr<GpuWork> GpuKernels::empty() {
  return make_empty(state_->context);
}

bool GpuKernels::has_fp8() const {
  return state_->context.has_fp8();
}

std::string GpuKernels::cublas_version() const {
  return state_->context.blas.version();
}

}  // namespace lockstep
