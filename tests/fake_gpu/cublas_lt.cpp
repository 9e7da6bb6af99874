// cuBLASLt: a product takes LOCKSTEP_FAKE_GEMM (3 us) and its FLOPs over the rate of its type:
// LOCKSTEP_FAKE_RATE_BF16 (700e12, fp16 too), _FP8 (1400e12), _TF32 (350e12), _FP32 (45e12). The
// heuristic's second candidate takes nine tenths of the first one's time, the third twice as long.
// Operands that do not fit together, fp8 that is not TN or has no scales, and buffers that are too
// small are refused or crash. LOCKSTEP_FAKE_BLAS=fail lets every product fail, =none has no kernel.
#include <cublasLt.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "tests/fake_gpu/clock.hpp"

using namespace lockstep::fake;

namespace {

constexpr double default_fixed = 3e-6;
constexpr std::array<double, 3> candidate_factors{1.0, 0.9, 2.0};
constexpr std::uint64_t fp8_multiple = 16;

struct FakeLayout {
  cudaDataType type = CUDA_R_32F;
  std::uint64_t rows = 0, columns = 0;
  std::int64_t leading = 0;
  std::int32_t batch = 1;
  std::int64_t stride = 0;
};

struct FakeDescription {
  cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
  cublasOperation_t left = CUBLAS_OP_N, right = CUBLAS_OP_N;
  const void* left_scale = nullptr;
  const void* right_scale = nullptr;
};

FakeLayout& layout_of(cublasLtMatrixLayout_t handle) {
  return *reinterpret_cast<FakeLayout*>(handle);
}
FakeDescription& description_of(cublasLtMatmulDesc_t handle) {
  return *reinterpret_cast<FakeDescription*>(handle);
}

std::size_t element_of(cudaDataType type) {
  if (type == CUDA_R_8F_E4M3) return 1;
  return type == CUDA_R_32F ? 4 : 2;
}

std::size_t bytes_of(const FakeLayout& layout) {
  const std::size_t one = layout.rows * layout.columns;
  return element_of(layout.type) *
         (one + static_cast<std::size_t>(layout.batch - 1) *
                    static_cast<std::size_t>(layout.batch > 1 ? layout.stride : 0));
}

double rate_of(const FakeLayout& left, const FakeDescription& description) {
  if (left.type == CUDA_R_8F_E4M3) return number("LOCKSTEP_FAKE_RATE_FP8", 1400e12);
  if (left.type != CUDA_R_32F) return number("LOCKSTEP_FAKE_RATE_BF16", 700e12);
  return description.compute == CUBLAS_COMPUTE_32F_FAST_TF32
             ? number("LOCKSTEP_FAKE_RATE_TF32", 350e12)
             : number("LOCKSTEP_FAKE_RATE_FP32", 45e12);
}

bool fit(const FakeDescription& with, const FakeLayout& left, const FakeLayout& right,
         const FakeLayout& result) {
  const bool left_turned = with.left == CUBLAS_OP_T;
  const bool right_turned = with.right == CUBLAS_OP_T;
  const std::uint64_t k = left_turned ? left.rows : left.columns;
  const bool tight = left.leading == static_cast<std::int64_t>(left.rows) &&
                     right.leading == static_cast<std::int64_t>(right.rows) &&
                     result.leading == static_cast<std::int64_t>(result.rows);
  return tight && (left_turned ? left.columns : left.rows) == result.rows &&
         (right_turned ? right.rows : right.columns) == result.columns &&
         (right_turned ? right.columns : right.rows) == k && left.batch == result.batch &&
         right.batch == result.batch && left.type == right.type;
}

bool supported(const FakeDescription& with, const FakeLayout& left, const FakeLayout& right,
               const FakeLayout& result) {
  if (left.type != CUDA_R_8F_E4M3) return true;
  return with.left == CUBLAS_OP_T && with.right == CUBLAS_OP_N && with.left_scale != nullptr &&
         with.right_scale != nullptr && result.type == CUDA_R_16BF &&
         left.rows % fp8_multiple == 0 && left.columns % fp8_multiple == 0 &&
         right.columns % fp8_multiple == 0;
}

}  // namespace

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  static int one = 0;
  *handle = reinterpret_cast<cublasLtHandle_t>(&one);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t /*handle*/) {
  return CUBLAS_STATUS_SUCCESS;
}
std::size_t cublasLtGetVersion() {
  return CUBLAS_VERSION;
}
const char* cublasLtGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    default:
      return "CUBLAS_STATUS_UNKNOWN";
  }
}

// -- descriptions

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* description,
                                        cublasComputeType_t compute, cudaDataType_t /*scale*/) {
  *description = reinterpret_cast<cublasLtMatmulDesc_t>(new FakeDescription{.compute = compute});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t description) {
  delete reinterpret_cast<FakeDescription*>(description);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t description,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, std::size_t size) {
  FakeDescription& of = description_of(description);
  const auto take = [&](auto& member) {
    if (size != sizeof member) return CUBLAS_STATUS_INVALID_VALUE;
    std::memcpy(&member, value, size);
    return CUBLAS_STATUS_SUCCESS;
  };
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return take(of.left);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return take(of.right);
    case CUBLASLT_MATMUL_DESC_A_SCALE_POINTER:
      return take(of.left_scale);
    case CUBLASLT_MATMUL_DESC_B_SCALE_POINTER:
      return take(of.right_scale);
    case CUBLASLT_MATMUL_DESC_FAST_ACCUM:
      return size == 1 ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
    default:
      return CUBLAS_STATUS_INVALID_VALUE;
  }
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType type,
                                          std::uint64_t rows, std::uint64_t columns,
                                          std::int64_t leading) {
  *layout = reinterpret_cast<cublasLtMatrixLayout_t>(
      new FakeLayout{.type = type, .rows = rows, .columns = columns, .leading = leading});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  delete reinterpret_cast<FakeLayout*>(layout);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t attribute,
                                                const void* value, std::size_t size) {
  FakeLayout& of = layout_of(layout);
  if (attribute == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT && size == sizeof of.batch) {
    std::memcpy(&of.batch, value, size);
    return CUBLAS_STATUS_SUCCESS;
  }
  if (attribute == CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET && size == sizeof of.stride) {
    std::memcpy(&of.stride, value, size);
    return CUBLAS_STATUS_SUCCESS;
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  static int one = 0;
  *preference = reinterpret_cast<cublasLtMatmulPreference_t>(&one);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t /*preference*/) {
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t /*preference*/,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* /*value*/, std::size_t size) {
  return attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES && size == sizeof(std::uint64_t)
             ? CUBLAS_STATUS_SUCCESS
             : CUBLAS_STATUS_INVALID_VALUE;
}

// -- products

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(
    cublasLtHandle_t /*handle*/, cublasLtMatmulDesc_t description, cublasLtMatrixLayout_t left,
    cublasLtMatrixLayout_t right, cublasLtMatrixLayout_t /*in*/, cublasLtMatrixLayout_t result,
    cublasLtMatmulPreference_t /*preference*/, int wanted, cublasLtMatmulHeuristicResult_t found[],
    int* count) {
  *count = 0;
  const FakeDescription& with = description_of(description);
  if (!fit(with, layout_of(left), layout_of(right), layout_of(result)))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (!supported(with, layout_of(left), layout_of(right), layout_of(result)) ||
      text("LOCKSTEP_FAKE_BLAS", "") == "none")
    return CUBLAS_STATUS_NOT_SUPPORTED;
  *count = std::min(wanted, static_cast<int>(candidate_factors.size()));
  for (int i = 0; i < *count; ++i) {
    found[i] = {};
    found[i].algo.data[0] = static_cast<std::uint64_t>(i);
    found[i].state = CUBLAS_STATUS_SUCCESS;
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t* algorithm,
                                                    cublasLtMatmulAlgoConfigAttributes_t attribute,
                                                    void* value, std::size_t size,
                                                    std::size_t* written) {
  if (size != sizeof(std::int32_t)) return CUBLAS_STATUS_INVALID_VALUE;
  const std::int32_t number_of_it = attribute == CUBLASLT_ALGO_CONFIG_ID
                                        ? static_cast<std::int32_t>(66 + algorithm->data[0])
                                        : (attribute == CUBLASLT_ALGO_CONFIG_TILE_ID ? 20 : 36);
  std::memcpy(value, &number_of_it, size);
  *written = size;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t /*handle*/, cublasLtMatmulDesc_t description,
                              const void* alpha, const void* a, cublasLtMatrixLayout_t left,
                              const void* b, cublasLtMatrixLayout_t right, const void* beta,
                              const void* c, cublasLtMatrixLayout_t /*in*/, void* d,
                              cublasLtMatrixLayout_t result, const cublasLtMatmulAlgo_t* algorithm,
                              void* /*workspace*/, std::size_t /*bytes*/, cudaStream_t stream) {
  const FakeDescription& with = description_of(description);
  const FakeLayout& of_left = layout_of(left);
  const FakeLayout& of_right = layout_of(right);
  const FakeLayout& of_result = layout_of(result);
  if (text("LOCKSTEP_FAKE_BLAS", "") == "fail") return CUBLAS_STATUS_EXECUTION_FAILED;
  if (alpha == nullptr || beta == nullptr || c != d || algorithm == nullptr ||
      !fit(with, of_left, of_right, of_result))
    return CUBLAS_STATUS_INVALID_VALUE;
  static_cast<char*>(d)[bytes_of(of_result) - 1] =
      static_cast<char>(static_cast<const char*>(a)[bytes_of(of_left) - 1] ^
                        static_cast<const char*>(b)[bytes_of(of_right) - 1]);
  const std::uint64_t k = with.left == CUBLAS_OP_T ? of_left.rows : of_left.columns;
  const double flops = 2.0 * static_cast<double>(of_result.batch) *
                       static_cast<double>(of_result.rows) *
                       static_cast<double>(of_result.columns) * static_cast<double>(k);
  const double seconds =
      number("LOCKSTEP_FAKE_GEMM", default_fixed) + flops / rate_of(of_left, with);
  const double factor = candidate_factors[algorithm->data[0]];
  return submit(stream, {factor * seconds, {}, Kind::compute}) == cudaSuccess
             ? CUBLAS_STATUS_SUCCESS
             : CUBLAS_STATUS_EXECUTION_FAILED;
}
