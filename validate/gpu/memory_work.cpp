// Memory-bound kernels of our own (kernels/own_kernels.cu) with their buffers. What each reads and
// writes is counted as the workload counts it (strategies/layer), for fused kernels in 16 bit.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

#include "validate/gpu/gpu_context.hpp"
#include "validate/gpu/kernels/kernel_arguments.hpp"

namespace lockstep {
namespace {

constexpr std::int64_t elements_per_vector = 8;  // bf16 in 16 bytes
constexpr int vectors_per_thread = 4;            // of a row, as the kernels keep them
constexpr int threads_per_warp = 32;
constexpr int most_threads = 512;  // of a block: the registers of wide rows
constexpr int flat_threads = 256;
constexpr int row_blocks = 16;  // at most, per multiprocessor; the rest of the rows in turn

enum class Grid { flat, rows };  // a vector per thread, or a row per block

struct MemoryOp {
  const char* name;
  const char* kernel;
  double bytes_per_element;  // of a row; read and written
  std::int64_t row_multiple;
  Grid grid;
  float scale = 1;  // of the cast; the learning rate of the optimizer
};

// cast: 2 B read, 1 written. loss: logits read twice, gradient written. optimizer: parameter and
// two moments read and written, gradient read, all fp32, bf16 weight written. activation: two read,
// one written, per element of the result. Norm weights, angles and indices are not counted.
constexpr std::array<MemoryOp, 9> memory_ops{
    {{"copy", "lockstep_copy", 4, elements_per_vector, Grid::flat},
     {"norm", "lockstep_norm", 4, elements_per_vector, Grid::rows},
     {"rope", "lockstep_rope", 4, rope_head_dim, Grid::flat},
     {"activation", "lockstep_activation", 6, elements_per_vector, Grid::flat},
     {"softmax", "lockstep_softmax", 4, elements_per_vector, Grid::rows},
     {"cast", "lockstep_cast", 3, elements_per_vector, Grid::flat},
     {"permutation", "lockstep_permutation", 4, elements_per_vector, Grid::rows},
     {"loss", "lockstep_loss", 6, elements_per_vector, Grid::rows},
     {"optimizer", "lockstep_optimizer", 30, elements_per_vector, Grid::flat, 1e-4f}}};

const MemoryOp& memory_op_of(const std::string& name) {
  const auto found = std::find_if(memory_ops.begin(), memory_ops.end(),
                                  [&](const MemoryOp& op) { return op.name == name; });
  if (found == memory_ops.end()) throw std::invalid_argument("no memory-bound op '" + name + "'");
  return *found;
}

// One buffer of a set.
struct Part {
  std::size_t bytes = 0;
  Values values = Values::bf16;       // what it is filled with
  bool output = false;                // nothing needs to be in it
  std::vector<std::uint8_t> content;  // given instead
};

template <class T>
std::vector<std::uint8_t> bytes_of(const std::vector<T>& values) {
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(values.data());
  return {begin, begin + values.size() * sizeof(T)};
}

Part table_of_angles() {
  constexpr int pairs = rope_head_dim / 2;
  std::vector<float> table;
  for (int position = 0; position < rope_positions; ++position) {
    for (int pair = 0; pair < pairs; ++pair) {
      const double angle = position * std::pow(10000.0, -static_cast<double>(pair) / pairs);
      table.push_back(static_cast<float>(std::cos(angle)));
      table.push_back(static_cast<float>(std::sin(angle)));
    }
  }
  return {table.size() * sizeof(float), Values::fp32, false, bytes_of(table)};
}

Part shuffled_rows(std::int64_t rows) {
  std::vector<std::int32_t> index(static_cast<std::size_t>(rows));
  std::iota(index.begin(), index.end(), 0);
  std::shuffle(index.begin(), index.end(), std::mt19937(1));
  return {index.size() * sizeof(std::int32_t), Values::fp32, false, bytes_of(index)};
}

Part targets(std::int64_t rows, std::int64_t row) {
  std::vector<std::int32_t> target(static_cast<std::size_t>(rows));
  std::mt19937 generator(2);
  for (std::int32_t& one : target)
    one = static_cast<std::int32_t>(generator() % static_cast<std::uint64_t>(row));
  return {target.size() * sizeof(std::int32_t), Values::fp32, false, bytes_of(target)};
}

// In the order of KernelArguments: in, other, out, out2, out3.
std::vector<Part> parts_of(const std::string& op, std::int64_t rows, std::int64_t row) {
  const auto elements = static_cast<std::size_t>(rows * row);
  const Part in{2 * elements, Values::bf16, false, {}};
  const Part out{2 * elements, Values::bf16, true, {}};
  const auto of_row = static_cast<std::size_t>(2 * row);
  if (op == "norm") return {in, {of_row, Values::bf16, false, {}}, out};
  if (op == "rope") return {in, table_of_angles(), out};
  if (op == "activation") return {{4 * elements, Values::bf16, false, {}}, {}, out};
  if (op == "cast")
    return {in,
            {},
            {elements, Values::fp8, true, {}},
            {sizeof(float), {}, false, bytes_of(std::vector<float>{0})}};
  if (op == "permutation") return {in, shuffled_rows(rows), out};
  if (op == "loss")
    return {in, targets(rows, row), out, {4 * static_cast<std::size_t>(rows), {}, true, {}}};
  if (op == "optimizer")
    return {{4 * elements, Values::fp32, false, {}},
            {2 * elements, Values::bf16, true, {}},
            {4 * elements, Values::fp32, false, {}},
            {4 * elements, Values::fp32, false, {}},
            {4 * elements, Values::positive_fp32, false, {}}};
  return {in, {}, out};  // copy, softmax
}

std::vector<std::size_t> sizes_of(const std::vector<Part>& parts) {
  std::vector<std::size_t> sizes;
  for (const Part& part : parts) sizes.push_back(part.bytes);
  return sizes;
}

unsigned threads_for(const MemoryOp& op, std::int64_t row) {
  if (op.grid == Grid::flat) return flat_threads;
  const std::int64_t wanted =
      (row / elements_per_vector + vectors_per_thread - 1) / vectors_per_thread;
  const std::int64_t warps = (wanted + threads_per_warp - 1) / threads_per_warp;
  return static_cast<unsigned>(
      std::clamp<std::int64_t>(warps * threads_per_warp, 2 * threads_per_warp, most_threads));
}

unsigned blocks_for(const MemoryOp& op, const GpuContext& on, std::int64_t rows, std::int64_t row) {
  const bool flat = op.grid == Grid::flat;
  const std::int64_t vectors = rows * row / elements_per_vector;
  const std::int64_t wanted = flat ? (vectors + flat_threads - 1) / flat_threads : rows;
  const std::int64_t most = std::int64_t{on.multiprocessors} * (flat ? std::max(1, on.threads_per_multiprocessor / flat_threads) : row_blocks);
  return static_cast<unsigned>(std::clamp<std::int64_t>(wanted, 1, most));
}

class MemoryWork final : public GpuWork {
 public:
  MemoryWork(GpuContext& on, const MemoryOp& op, std::int64_t rows, std::int64_t row)
      : on_(on), op_(op), rows_(rows), row_(row), function_(on.own_kernel(op.kernel)) {
    const std::vector<Part> parts = parts_of(op.name, rows, row);
    parts_ = parts.size();
    buffers_ = BufferSets(on.cuda, on.device, sizes_of(parts), on.l2_bytes);
    for (std::size_t set = 0; set < buffers_.sets(); ++set) {
      for (std::size_t i = 0; i < parts.size(); ++i) fill(buffers_.at(set, i), parts[i]);
    }
  }

  void enqueue(cudaStream_t stream) override {
    on_.cuda.check(on_.cuda.cudaSetDevice(on_.device), "cudaSetDevice", on_.device);
    const std::size_t set = buffers_.next();
    const auto part = [&](std::size_t i) { return i < parts_ ? buffers_.at(set, i) : nullptr; };
    KernelArguments arguments{part(0), part(1), part(2), part(3), part(4), rows_, row_, op_.scale};
    void* argument = &arguments;
    on_.driver->check(
        on_.driver->cuLaunchKernel(function_, blocks_for(op_, on_, rows_, row_), 1, 1,
                                   threads_for(op_, row_), 1, 1, 0, stream, &argument, nullptr),
        "cuLaunchKernel", on_.device);
  }
  [[nodiscard]] double flops() const override { return 0; }
  [[nodiscard]] double bytes() const override {
    return op_.bytes_per_element * static_cast<double>(rows_) * static_cast<double>(row_);
  }

 private:
  void fill(void* data, const Part& part) {
    if (!part.content.empty()) {
      on_.random.upload(data, part.content.data(), part.content.size());
    } else if (!part.output && part.bytes > 0) {
      on_.random.fill(data, part.bytes, part.values);
    }
  }

  GpuContext& on_;
  const MemoryOp& op_;
  std::int64_t rows_;
  std::int64_t row_;
  CUfunction function_;
  std::size_t parts_ = 0;
  BufferSets buffers_;
};

class EmptyWork final : public GpuWork {
 public:
  explicit EmptyWork(GpuContext& on) : on_(on), function_(on.own_kernel("lockstep_empty")) {}
  void enqueue(cudaStream_t stream) override {
    on_.cuda.check(on_.cuda.cudaSetDevice(on_.device), "cudaSetDevice", on_.device);
    on_.driver->check(on_.driver->cuLaunchKernel(function_, 1, 1, 1, threads_per_warp, 1, 1, 0,
                                                 stream, nullptr, nullptr),
                      "cuLaunchKernel", on_.device);
  }
  [[nodiscard]] double flops() const override { return 0; }
  [[nodiscard]] double bytes() const override { return 0; }

 private:
  GpuContext& on_;
  CUfunction function_;
};

}  // namespace

std::unique_ptr<GpuWork> make_memory_op(GpuContext& on, const std::string& op, double bytes,
                                        std::int64_t row) {
  const MemoryOp& found = memory_op_of(op);
  const std::int64_t width = (std::max<std::int64_t>(1, row) + found.row_multiple - 1) /
                             found.row_multiple * found.row_multiple;
  const double rows = bytes / (found.bytes_per_element * static_cast<double>(width));
  return std::make_unique<MemoryWork>(on, found, std::max<std::int64_t>(1, std::llround(rows)),
                                      width);
}

std::unique_ptr<GpuWork> make_empty(GpuContext& on) {
  return std::make_unique<EmptyWork>(on);
}

}  // namespace lockstep
