// Kernels of a GPU on the fake of tests/fake_gpu, which checks that operands fit together and
// touches the ends of all buffers.
#if LOCKSTEP_HAS_CUDA

#include <cmath>
#include <cstring>
#include <stdexcept>

#include "tests/catch.hpp"
#include "validate/gpu/device_memory.hpp"
#include "validate/gpu/gpu_work.hpp"
#include "validate/gpu/timing.hpp"
// After the runtime: NCCL's header overloads functions of CUDA's.
#include "tests/support/fake_gpu.hpp"

using namespace lockstep;

namespace {

struct FakeGpu {
  test::FakeGpuLibraries libraries;
  CudaRuntime cuda{libraries.path()};
  GpuKernels kernels{cuda, 0, libraries.path()};
  GpuStream stream{cuda, 0};
};

}  // namespace

TEST_CASE("operands of every pass and type fit together", "[gpu]") {
  FakeGpu on;
  for (const Dtype dtype : {Dtype::bf16, Dtype::fp16, Dtype::tf32, Dtype::fp32, Dtype::fp8}) {
    for (const GemmPass pass :
         {GemmPass::forward, GemmPass::data_gradient, GemmPass::weight_gradient}) {
      for (const std::int64_t batch : {1, 3}) {
        const GemmShape shape{64, 96, 160, dtype, pass, batch};
        const std::unique_ptr<GpuWork> work = on.kernels.gemm(shape);
        work->enqueue(on.stream.get());
        on.stream.synchronize();
        // 2 x 64 x 96 x 160 = 1966080
        CHECK(work->flops() == 1966080.0 * static_cast<double>(batch));
        CHECK(work->bytes() == gemm_bytes(shape));
        CHECK(work->detail() == "algorithm 66, tile 20, stages 36");
      }
    }
  }
}

// 64 x 160 and 160 x 96 elements in, 64 x 96 out: 10240 + 15360 and 6144.
TEST_CASE("bytes of a product", "[gpu]") {
  CHECK(gemm_bytes({64, 96, 160, Dtype::bf16}) == 2.0 * (10240 + 15360 + 6144));
  CHECK(gemm_bytes({64, 96, 160, Dtype::tf32}) == 4.0 * (10240 + 15360 + 6144));
  CHECK(gemm_bytes({64, 96, 160, Dtype::fp8}) == 10240 + 15360 + 2.0 * 6144);
}

TEST_CASE("types and sizes that cannot be multiplied", "[gpu]") {
  FakeGpu on;
  CHECK_THROWS_WITH(on.kernels.gemm(64, 64, 64, Dtype::fp4),
                    "matrix products in fp4 are not measured");
  CHECK_THROWS_WITH(on.kernels.gemm(64, 72, 64, Dtype::fp8),
                    "GPU 0: cuBLASLt has no kernel for 64 x 72 x 64 in fp8");
}

// The fake has 80 GiB = 85.9 GB, of which the workspace takes none yet. 400000^2 x 2 B x 3 = 960
// GB.
TEST_CASE("a product that does not fit into memory", "[gpu]") {
  FakeGpu on;
  CHECK_THROWS_AS(on.kernels.gemm(400000, 400000, 400000, Dtype::bf16), OutOfDeviceMemory);
  CHECK_THROWS_WITH(on.kernels.gemm(400000, 400000, 400000, Dtype::bf16),
                    "GPU 0: 960.0 GB of memory are needed, 85.9 GB are free");
}

// The fake's second candidate takes nine tenths of the first one's time.
TEST_CASE("of several candidates the fastest is taken", "[gpu]") {
  FakeGpu on;
  CHECK(on.kernels.gemm(GemmShape{64, 64, 64, Dtype::bf16}, 3)->detail() ==
        "algorithm 67, tile 20, stages 36");
}

// Bytes as the workload counts them: 1 MB over 4 B x 1024 is 244.1 rows, so 244 x 1024 x 4 B. rope
// rounds rows up to whole heads of 128, the others to 8 elements.
TEST_CASE("memory-bound kernels move what their op is said to move", "[gpu]") {
  FakeGpu on;
  const auto bytes = [&](const char* op, std::int64_t row) {
    const std::unique_ptr<GpuWork> work = on.kernels.memory_op(op, 1e6, row);
    work->enqueue(on.stream.get());
    on.stream.synchronize();
    CHECK(work->flops() == 0);
    return work->bytes();
  };
  CHECK(bytes("copy", 1024) == 244.0 * 1024 * 4);
  CHECK(bytes("norm", 1024) == 244.0 * 1024 * 4);
  CHECK(bytes("norm", 1021) == 244.0 * 1024 * 4);
  CHECK(bytes("rope", 1000) == 244.0 * 1024 * 4);
  CHECK(bytes("activation", 1024) == 163.0 * 1024 * 6);  // 162.8 rows
  CHECK(bytes("softmax", 1024) == 244.0 * 1024 * 4);
  CHECK(bytes("cast", 1024) == 326.0 * 1024 * 3);  // 325.5 rows
  CHECK(bytes("permutation", 1024) == 244.0 * 1024 * 4);
  CHECK(bytes("loss", 1024) == 163.0 * 1024 * 6);
  CHECK(bytes("optimizer", 1024) == 33.0 * 1024 * 30);  // 32.6 rows
  CHECK_THROWS_AS(on.kernels.memory_op("sort", 1e6, 1024), std::invalid_argument);
}

TEST_CASE("random values are neither zero nor of one sign", "[gpu]") {
  FakeGpu on;
  RandomValues random(on.cuda, 0);
  constexpr std::size_t count = 1000000;  // more than the block that is repeated
  const DeviceBuffer memory = device_memory(on.cuda, 0, count * sizeof(float));
  const auto* const values = static_cast<const float*>(memory.data());
  const auto moments = [&] {
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < count; ++i) {
      sum += static_cast<double>(values[i]);
      squares += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    }
    return std::pair{sum / count, squares / count};
  };
  random.fill(memory.data(), memory.size(), Values::fp32);
  // Mean 0 and variance 1 within some standard errors of the block's 262148 values: 1/512 each.
  CHECK(std::fabs(moments().first) < 0.01);
  CHECK(std::fabs(moments().second - 1.0) < 0.02);
  random.fill(memory.data(), memory.size(), Values::positive_fp32);
  // The mean of |x| is sqrt(2/pi) = 0.798.
  CHECK(std::fabs(moments().first - 0.798) < 0.01);
}

// 8192 x 1024 x 4 B = 33.6 MB and 3 x 50 MiB of L2 cache: five sets of 33.6 MB fill it three times.
TEST_CASE("buffers take turns until none is in the cache", "[gpu]") {
  FakeGpu on;
  constexpr std::size_t part = 8192 * 1024 * 2;
  BufferSets sets(on.cuda, 0, {part, part}, std::size_t{50} << 20);
  CHECK(sets.sets() == 5);
  std::vector<std::size_t> turns;
  for (int i = 0; i < 6; ++i) turns.push_back(sets.next());
  CHECK(turns == std::vector<std::size_t>{1, 2, 3, 4, 0, 1});
  CHECK(BufferSets(on.cuda, 0, {std::size_t{1} << 30}, std::size_t{50} << 20).sets() == 1);
}

// The fake's product takes 3 us and 2 x 4096^3 FLOPs at 700 TFLOP/s, 196.3 us: 199.3 us.
TEST_CASE("two clocks agree on a product", "[gpu]") {
  FakeGpu on;
  GpuTimer timer(on.cuda, 0);
  const std::unique_ptr<GpuWork> work = on.kernels.gemm(4096, 4096, 4096, Dtype::bf16);
  TimingOptions options;
  options.repeats.repeat_seconds = 0.02;
  const KernelTime time = timer.measure(*work, options);
  const double expected = 3e-6 + 2.0 * 4096 * 4096 * 4096 / 700e12;
  CHECK(time.time.median_s == Approx(expected).epsilon(0.001));
  REQUIRE(time.second_path_s.has_value());
  CHECK(*time.second_path_s == Approx(time.time.median_s).epsilon(0.02));
}

#endif
