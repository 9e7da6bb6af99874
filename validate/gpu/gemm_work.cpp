// Matrix products by cuBLASLt, called as frameworks call it: heuristic's first candidate, 32 MiB of
// workspace, accumulation in fp32.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "validate/gpu/gpu_context.hpp"

namespace lockstep {
namespace {

constexpr std::size_t workspace_bytes = std::size_t{32}
                                        << 20;  // what NVIDIA advises from Hopper on

// How cuBLASLt and we call a type of numbers.
struct GemmTypes {
  cudaDataType_t operand;
  cudaDataType_t result;
  cublasComputeType_t compute;
  Values values;
  std::size_t operand_bytes;
  std::size_t result_bytes;
};

GemmTypes types_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::fp32:
      return {CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F, Values::fp32, 4, 4};
    case Dtype::tf32:
      return {CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32, Values::fp32, 4, 4};
    case Dtype::fp16:
      return {CUDA_R_16F, CUDA_R_16F, CUBLAS_COMPUTE_32F, Values::fp16, 2, 2};
    case Dtype::bf16:
      return {CUDA_R_16BF, CUDA_R_16BF, CUBLAS_COMPUTE_32F, Values::bf16, 2, 2};
    case Dtype::fp8:
      return {CUDA_R_8F_E4M3, CUDA_R_16BF, CUBLAS_COMPUTE_32F, Values::fp8, 1, 2};
    case Dtype::mxfp8:
    case Dtype::fp4:
      break;
  }
  throw MeasurementError(fmt::format("matrix products in {} are not measured", to_string(dtype)),
                         "bf16, fp16, tf32, fp32 and fp8 are");
}

// cuBLASLt's matrices are column-major; ours, as frameworks have them, row-major: each is its
// transpose there.
struct Operand {
  std::int64_t rows, columns;  // as stored, column-major; the rows lie one after the other
  cublasOperation_t operation;
};
struct Layout {
  Operand left, right;
  std::int64_t rows, columns;  // of the result
};

// forward         y[m,n] = x[m,k] W[n,k]^T: y^T = W x^T, W transposed (TN)
// data gradient   x'[m,n] = y'[m,k] W[k,n]: x'^T = W^T y'^T (NN)
// weight gradient W'[n,m] = y'[k,n]^T x[k,m]: W'^T = x^T y' (NT)
// Tensor cores of Hopper and before multiply fp8 only as TN: frameworks keep transposed copies.
Layout layout_of(const GemmShape& shape) {
  const bool weight_gradient = shape.pass == GemmPass::weight_gradient;
  const std::int64_t rows = weight_gradient ? shape.m : shape.n;
  const std::int64_t columns = weight_gradient ? shape.n : shape.m;
  const Operand left_along_k{shape.k, rows, CUBLAS_OP_T};
  const Operand right_along_k{shape.k, columns, CUBLAS_OP_N};
  if (shape.pass == GemmPass::forward || shape.dtype == Dtype::fp8)
    return {left_along_k, right_along_k, rows, columns};
  const Operand left{rows, shape.k, CUBLAS_OP_N};
  if (!weight_gradient) return {left, right_along_k, rows, columns};
  return {left, {columns, shape.k, CUBLAS_OP_T}, rows, columns};
}

// Owners of cuBLASLt's descriptions.
class MatrixLayout {
 public:
  MatrixLayout(const GpuContext& on, cudaDataType_t type, std::int64_t rows, std::int64_t columns,
               std::int64_t batch)
      : blas_(&on.blas) {
    on.blas.check(
        on.blas.cublasLtMatrixLayoutCreate(&layout_, type, static_cast<std::uint64_t>(rows),
                                           static_cast<std::uint64_t>(columns), rows),
        "cublasLtMatrixLayoutCreate", on.device);
    if (batch == 1) return;
    const auto count = static_cast<std::int32_t>(batch);
    set(on, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, count);
    set(on, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, rows * columns);
  }
  ~MatrixLayout() { static_cast<void>(blas_->cublasLtMatrixLayoutDestroy(layout_)); }
  MatrixLayout(const MatrixLayout&) = delete;
  MatrixLayout& operator=(const MatrixLayout&) = delete;
  [[nodiscard]] cublasLtMatrixLayout_t get() const { return layout_; }

 private:
  template <class T>
  void set(const GpuContext& on, cublasLtMatrixLayoutAttribute_t attribute, T value) {
    on.blas.check(
        on.blas.cublasLtMatrixLayoutSetAttribute(layout_, attribute, &value, sizeof value),
        "cublasLtMatrixLayoutSetAttribute", on.device);
  }

  const CublasLt* blas_;
  cublasLtMatrixLayout_t layout_ = nullptr;
};

class MatmulDescription {
 public:
  MatmulDescription(const GpuContext& on, const GemmTypes& types) : blas_(&on.blas) {
    on.blas.check(on.blas.cublasLtMatmulDescCreate(&description_, types.compute, CUDA_R_32F),
                  "cublasLtMatmulDescCreate", on.device);
  }
  ~MatmulDescription() { static_cast<void>(blas_->cublasLtMatmulDescDestroy(description_)); }
  MatmulDescription(const MatmulDescription&) = delete;
  MatmulDescription& operator=(const MatmulDescription&) = delete;
  [[nodiscard]] cublasLtMatmulDesc_t get() const { return description_; }

  template <class T>
  void set(const GpuContext& on, cublasLtMatmulDescAttributes_t attribute, T value) {
    on.blas.check(
        on.blas.cublasLtMatmulDescSetAttribute(description_, attribute, &value, sizeof value),
        "cublasLtMatmulDescSetAttribute", on.device);
  }

 private:
  const CublasLt* blas_;
  cublasLtMatmulDesc_t description_ = nullptr;
};

class MatmulPreference {
 public:
  explicit MatmulPreference(const GpuContext& on) : blas_(&on.blas) {
    on.blas.check(on.blas.cublasLtMatmulPreferenceCreate(&preference_),
                  "cublasLtMatmulPreferenceCreate", on.device);
    on.blas.check(on.blas.cublasLtMatmulPreferenceSetAttribute(
                      preference_, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace_bytes,
                      sizeof workspace_bytes),
                  "cublasLtMatmulPreferenceSetAttribute", on.device);
  }
  ~MatmulPreference() { static_cast<void>(blas_->cublasLtMatmulPreferenceDestroy(preference_)); }
  MatmulPreference(const MatmulPreference&) = delete;
  MatmulPreference& operator=(const MatmulPreference&) = delete;
  [[nodiscard]] cublasLtMatmulPreference_t get() const { return preference_; }

 private:
  const CublasLt* blas_;
  cublasLtMatmulPreference_t preference_ = nullptr;
};

std::vector<std::size_t> buffer_bytes(const GemmShape& shape, const GemmTypes& types) {
  const auto elements = [&](std::int64_t rows, std::int64_t columns) {
    return static_cast<std::size_t>(rows * columns * shape.batch);
  };
  return {types.operand_bytes * elements(shape.m, shape.k),
          types.operand_bytes * elements(shape.k, shape.n),
          types.result_bytes * elements(shape.m, shape.n)};
}

class GemmWork final : public GpuWork {
 public:
  GemmWork(GpuContext& on, const GemmShape& shape, int candidates)
      : on_(on),
        shape_(shape),
        types_(types_of(shape.dtype)),
        layout_(layout_of(shape)),
        description_(on, types_),
        left_(on, types_.operand, layout_.left.rows, layout_.left.columns, shape.batch),
        right_(on, types_.operand, layout_.right.rows, layout_.right.columns, shape.batch),
        result_(on, types_.result, layout_.rows, layout_.columns, shape.batch),
        // In the order of cuBLASLt's operands; which of the two is wider does not matter.
        buffers_(on.cuda, on.device, buffer_bytes(shape, types_), on.l2_bytes),
        workspace_(device_memory(on.cuda, on.device, workspace_bytes)) {
    describe();
    fill();
    choose(candidates);
  }

  void enqueue(cudaStream_t stream) override {
    on_.cuda.check(on_.cuda.cudaSetDevice(on_.device), "cudaSetDevice", on_.device);
    run(algorithm_, stream);
  }
  [[nodiscard]] double flops() const override { return gemm_flops(shape_); }
  [[nodiscard]] double bytes() const override { return gemm_bytes(shape_); }
  [[nodiscard]] std::string detail() const override {
    return fmt::format("algorithm {}, tile {}, stages {}",
                       config<std::int32_t>(CUBLASLT_ALGO_CONFIG_ID),
                       config<std::uint32_t>(CUBLASLT_ALGO_CONFIG_TILE_ID),
                       config<std::uint32_t>(CUBLASLT_ALGO_CONFIG_STAGES_ID));
  }

 private:
  static constexpr std::size_t left_part = 1;  // the weight's buffer, k x n
  static constexpr std::size_t right_part = 0;
  static constexpr std::size_t result_part = 2;

  [[nodiscard]] bool swapped() const { return shape_.pass == GemmPass::weight_gradient; }

  void describe() {
    description_.set(on_, CUBLASLT_MATMUL_DESC_TRANSA, layout_.left.operation);
    description_.set(on_, CUBLASLT_MATMUL_DESC_TRANSB, layout_.right.operation);
    if (shape_.dtype != Dtype::fp8) return;
    // Transformer Engine accumulates fast forward and precisely in gradients.
    const std::int8_t fast = shape_.pass == GemmPass::forward ? 1 : 0;
    description_.set(on_, CUBLASLT_MATMUL_DESC_FAST_ACCUM, fast);
    constexpr std::array<float, 2> scales{1.0f, 1.0f};
    scales_ = device_memory(on_.cuda, on_.device, sizeof scales);
    on_.random.upload(scales_.data(), scales.data(), sizeof scales);
    auto* const scale = static_cast<float*>(scales_.data());
    description_.set(on_, CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, static_cast<void*>(scale));
    description_.set(on_, CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, static_cast<void*>(scale + 1));
  }

  void fill() {
    const std::vector<std::size_t> bytes = buffer_bytes(shape_, types_);
    for (std::size_t set = 0; set < buffers_.sets(); ++set) {
      on_.random.fill(buffers_.at(set, 0), bytes[0], types_.values);
      on_.random.fill(buffers_.at(set, 1), bytes[1], types_.values);
    }
  }

  void choose(int candidates) {
    const MatmulPreference preference(on_);
    std::vector<cublasLtMatmulHeuristicResult_t> found(
        static_cast<std::size_t>(std::max(1, candidates)));
    int count = 0;
    const cublasStatus_t status = on_.blas.cublasLtMatmulAlgoGetHeuristic(
        on_.blas_handle, description_.get(), left_.get(), right_.get(), result_.get(),
        result_.get(), preference.get(), static_cast<int>(found.size()), found.data(), &count);
    if (status == CUBLAS_STATUS_NOT_SUPPORTED || (status == CUBLAS_STATUS_SUCCESS && count == 0))
      throw NoKernel(
          fmt::format("GPU {}: cuBLASLt has no kernel for {} x {} x {} in {}", on_.device, shape_.m,
                      shape_.n, shape_.k, to_string(shape_.dtype)),
          "fp8 needs sizes that are multiples of 16");
    on_.blas.check(status, "cublasLtMatmulAlgoGetHeuristic", on_.device);
    found.resize(static_cast<std::size_t>(count));
    algorithm_ = found.front().algo;
    if (found.size() > 1) choose_fastest(found);
  }

  void choose_fastest(const std::vector<cublasLtMatmulHeuristicResult_t>& found) {
    constexpr int calls = 10;
    const GpuStream stream(on_.cuda, on_.device);
    const GpuEvent before(on_.cuda, on_.device);
    const GpuEvent after(on_.cuda, on_.device);
    double best = 0;
    for (const cublasLtMatmulHeuristicResult_t& one : found) {
      if (one.state != CUBLAS_STATUS_SUCCESS) continue;
      run(one.algo, stream.get());
      before.record(stream);
      for (int i = 0; i < calls; ++i) run(one.algo, stream.get());
      after.record(stream);
      const double seconds = after.seconds_since(before);
      if (best > 0 && seconds >= best) continue;
      best = seconds;
      algorithm_ = one.algo;
    }
  }

  void run(const cublasLtMatmulAlgo_t& algorithm, cudaStream_t stream) {
    constexpr float one = 1;
    constexpr float zero = 0;
    const std::size_t set = buffers_.next();
    void* const result = buffers_.at(set, result_part);
    const void* const left = buffers_.at(set, swapped() ? right_part : left_part);
    const void* const right = buffers_.at(set, swapped() ? left_part : right_part);
    on_.blas.check(
        on_.blas.cublasLtMatmul(on_.blas_handle, description_.get(), &one, left, left_.get(), right,
                                right_.get(), &zero, result, result_.get(), result, result_.get(),
                                &algorithm, workspace_.data(), workspace_bytes, stream),
        "cublasLtMatmul", on_.device);
  }

  template <class T>
  [[nodiscard]] T config(cublasLtMatmulAlgoConfigAttributes_t attribute) const {
    T value{};
    std::size_t written = 0;
    on_.blas.check(on_.blas.cublasLtMatmulAlgoConfigGetAttribute(&algorithm_, attribute, &value,
                                                                 sizeof value, &written),
                   "cublasLtMatmulAlgoConfigGetAttribute", on_.device);
    return value;
  }

  GpuContext& on_;
  GemmShape shape_;
  GemmTypes types_;
  Layout layout_;
  MatmulDescription description_;
  MatrixLayout left_;
  MatrixLayout right_;
  MatrixLayout result_;
  BufferSets buffers_;
  DeviceBuffer workspace_;
  DeviceBuffer scales_;
  cublasLtMatmulAlgo_t algorithm_{};
};

}  // namespace

std::unique_ptr<GpuWork> make_gemm(GpuContext& on, const GemmShape& shape, int candidates) {
  if (shape.dtype == Dtype::fp8 && !on.has_fp8())
    throw MeasurementError(
        fmt::format("GPU {} has no fp8: its compute capability is {}.{}", on.device,
                    on.compute_capability / 10, on.compute_capability % 10),
        "fp8 needs 8.9 (Ada) or later");
  return std::make_unique<GemmWork>(on, shape, candidates);
}

}  // namespace lockstep
