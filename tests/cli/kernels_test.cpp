// lockstep-validate kernels on fake GPUs whose rates are known.
#include "tests/support/fake_gpu.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "sim/report/display.hpp"
#include "tests/catch.hpp"
#include "tests/cli/process.hpp"
#include "validate/measure/measurement.hpp"

using namespace lockstep;
using namespace lockstep::test;

namespace {

using Environment = std::vector<std::pair<std::string, std::string>>;

Finished kernels(std::vector<std::string> arguments, Environment environment = {}) {
  arguments.insert(arguments.begin(), "kernels");
  environment.emplace_back("LOCKSTEP_FAKE_MOVE", "0");
  environment.emplace_back("LOCKSTEP_FAKE_NCCL_DATA", "0");
  StartOptions options;
  options.environment = environment;
  return start(LOCKSTEP_TEST_VALIDATE_PROGRAM, arguments, options);
}

}  // namespace

TEST_CASE("kernels: a wrong command line", "[cli][kernels]") {
  const std::string help = "  = help: lockstep-validate --help\n";
  CHECK(kernels({"--dtype", "int8"}).err ==
        "lockstep-validate: --dtype names 'int8'\n"
        "  = hint: bf16, fp16, tf32, fp32 and fp8 are measured\n" +
            help);
  CHECK(kernels({"--device", "x"}).err ==
        "lockstep-validate: --device is 'x'\n  = hint: a whole number from 0 to 1023\n" + help);
  CHECK(kernels({"--candidates", "0"}).err ==
        "lockstep-validate: --candidates is '0'\n  = hint: a whole number from 1 to 64\n" + help);
  CHECK(kernels({"--seconds-per-shape", "0"}).err ==
        "lockstep-validate: --seconds-per-shape is '0'\n"
        "  = hint: seconds above 0 and up to 60, such as 0.5\n" +
            help);
  CHECK(kernels({"--copy-size", "256"}).err ==
        "lockstep-validate: --copy-size is '256'\n"
        "  = hint: a size with its unit from 1 B to 64 GB, such as 256MiB\n" +
            help);
  CHECK(kernels({"--plan", "tp8"}).err ==
        "lockstep-validate: --plan names a plan of a scenario, and none is given\n"
        "  = hint: lockstep-validate kernels SCENARIO --plan PLAN\n" +
            help);
  CHECK(kernels({"a.yaml", "b.yaml"}).err ==
        "lockstep-validate: kernels takes one scenario, not 2\n" + help);
  const Finished plan = kernels({bundled("llama3-70b-64xh100.yaml"), "--plan", "tp8-pp3"});
  CHECK(plan.code == 2);
  CHECK(plan.err ==
        "lockstep-validate: the scenario has no plan 'tp8-pp3'\n"
        "  = hint: did you mean tp8-pp2? its plans: fsdp-recompute, fsdp-selective, hsdp32, hsdp8, "
        "tp8-fsdp8, tp8-pp2, tp4-pp4, tp4-pp4-half\n" +
            help);
}

TEST_CASE("kernels: its help fits the screen", "[cli][kernels]") {
  const Finished help = kernels({"--help"});
  CHECK(help.code == 0);
  CHECK(std::count(help.out.begin(), help.out.end(), '\n') <= 40);
}

#if LOCKSTEP_HAS_CUDA

namespace {

Measurement measured(std::vector<std::string> arguments, const Environment& environment = {}) {
  const FakeGpuLibraries libraries;
  arguments.insert(arguments.end(), {"--libraries", libraries.path(), "--format", "json"});
  const Finished finished = kernels(arguments, environment);
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  return parse_measurement(finished.out, "kernels.json");
}

const MeasuredGemm& gemm_of(const Measurement& measurement, const std::string& dtype,
                            std::int64_t m, std::int64_t n, std::int64_t k) {
  const auto found = std::find_if(
      measurement.gemms.begin(), measurement.gemms.end(), [&](const MeasuredGemm& gemm) {
        return gemm.dtype == dtype && gemm.m == m && gemm.n == n && gemm.k == k;
      });
  REQUIRE(found != measurement.gemms.end());
  return *found;
}

// What is left of the first launch in a queue of some milliseconds.
constexpr double tolerance = 0.005;

}  // namespace

// With 500 and 1000 TFLOP/s and 3 us: 8192^3 is 1.0995e12 FLOPs, so 2.2020 ms in bf16 and 1.1025 ms
// in fp8; of the H100's peaks of 989.4 and 1978.9 TFLOP/s that is 0.5047 and 0.5040.
TEST_CASE("kernels: the rates of products are found again", "[cli][kernels]") {
  const Measurement measurement = measured(
      {"--quick"}, {{"LOCKSTEP_FAKE_RATE_BF16", "500e12"}, {"LOCKSTEP_FAKE_RATE_FP8", "1000e12"}});
  REQUIRE(measurement.gemms.size() == 8);
  for (const MeasuredGemm& gemm : measurement.gemms) {
    const double flops = 2.0 * static_cast<double>(gemm.m) * static_cast<double>(gemm.n) *
                         static_cast<double>(gemm.k);
    const double rate = gemm.dtype == "fp8" ? 1000e12 : 500e12;
    CHECK(gemm.time.median_s == Approx(3e-6 + flops / rate).epsilon(tolerance));
    CHECK(gemm.flops_per_s == Approx(flops / gemm.time.median_s));
    REQUIRE(gemm.second_path_s.has_value());
    CHECK(std::fabs(*gemm.second_path_s / gemm.time.median_s - 1) < 0.02);
    REQUIRE(gemm.predicted_s.has_value());
    CHECK(*gemm.predicted_s > 0);
  }
  const MeasuredGemm& largest = gemm_of(measurement, "bf16", 16384, 16384, 16384);
  CHECK(largest.op == "square");
  // 8.796e12 FLOPs in 17.595 ms: 499.9 of 989.4 TFLOP/s
  CHECK(largest.peak_share == Approx(0.5053).epsilon(tolerance));
  CHECK(measurement.machine.cuda.find("13.") == 0);
  CHECK(!measurement.machine.cublas.empty());
  REQUIRE(measurement.machine.gpus.size() == 1);
  CHECK(measurement.machine.gpus[0].name == "NVIDIA H100 80GB HBM3");
  CHECK(measurement.functional_only.empty());
}

// Small products go through a graph, whose kernels are 1 us apart on the fake: 1024^3 at 500
// TFLOP/s takes 3 + 4.29 + 1 us.
TEST_CASE("kernels: short products do not wait for the host", "[cli][kernels]") {
  const Measurement measurement =
      measured({"--dtype", "bf16", "--seconds-per-shape", "0.05"},
               {{"LOCKSTEP_FAKE_RATE_BF16", "500e12"}, {"LOCKSTEP_FAKE_LAUNCH", "20e-6"}});
  const MeasuredGemm& small = gemm_of(measurement, "bf16", 1024, 1024, 1024);
  CHECK(small.time.median_s == Approx(8.29e-6).epsilon(0.01));
  CHECK(*small.second_path_s == Approx(small.time.median_s).epsilon(0.02));
}

// HBM at 2 TB/s, of which kernels reach 0.9 = 1.8 TB/s, and 1 us each: 512 MB take 285.4 us, of the
// H100's 3352 GB/s a share of 0.535.
TEST_CASE("kernels: memory-bound kernels, copies and launches are found again", "[cli][kernels]") {
  const Measurement measurement = measured({"--quick"}, {{"LOCKSTEP_FAKE_HBM", "2e12"},
                                                         {"LOCKSTEP_FAKE_HBM_SHARE", "0.9"},
                                                         {"LOCKSTEP_FAKE_KERNEL", "1e-6"},
                                                         {"LOCKSTEP_FAKE_PCIE", "40e9"},
                                                         {"LOCKSTEP_FAKE_LAUNCH", "4e-6"}});
  std::vector<std::string> ops;
  for (const MeasuredMemoryOp& op : measurement.memory_ops) {
    ops.push_back(op.op);
    CHECK(op.bytes == Approx(512e6).epsilon(0.01));
    CHECK(op.time.median_s == Approx(1e-6 + op.bytes / 1.8e12).epsilon(tolerance));
    CHECK(op.peak_share == Approx(0.535).epsilon(0.01));
    CHECK(op.predicted_s.has_value());
  }
  CHECK(ops == std::vector<std::string>{"copy", "norm", "rope", "activation", "softmax", "cast",
                                        "permutation", "loss", "optimizer"});
  // 256 MiB: read and written at 2 TB/s 268.4 us; over PCIe 6.711 ms, pageable four times as long;
  // 2 us more each
  constexpr double size = 268435456.0;
  struct Expected {
    const char* direction;
    bool pinned;
    double seconds;
  };
  const std::vector<Expected> copies{{"device to device", true, 2 * size / 2e12},
                                     {"host to device", true, size / 40e9},
                                     {"device to host", true, size / 40e9},
                                     {"host to device", false, size / 10e9},
                                     {"device to host", false, size / 10e9}};
  REQUIRE(measurement.copies.size() == copies.size());
  for (std::size_t i = 0; i < copies.size(); ++i) {
    const MeasuredCopy& copy = measurement.copies[i];
    CHECK(copy.direction == copies[i].direction);
    CHECK(copy.pinned == copies[i].pinned);
    CHECK(copy.time.median_s == Approx(2e-6 + copies[i].seconds).epsilon(0.01));
    CHECK(copy.bytes_per_s == Approx(size / copy.time.median_s));
    REQUIRE(copy.second_path_s.has_value());
    CHECK(std::fabs(*copy.second_path_s / copy.time.median_s - 1) < 0.02);
  }
  // A launch costs the host 4 us. In a graph of 1000, kernels of 1 us begin 2 us apart, after 5 us.
  // Where the host is ahead, they follow each other in 1 us.
  REQUIRE(measurement.launches.size() == 4);
  CHECK(measurement.launches[0].what == "kernel");
  CHECK(measurement.launches[0].time.median_s == Approx(4e-6));
  CHECK(measurement.launches[1].what == "memset");
  CHECK(measurement.launches[1].time.median_s == Approx(4e-6));
  CHECK(measurement.launches[2].what == "kernel in a graph");
  CHECK(measurement.launches[2].time.median_s == Approx(2.005e-6).epsilon(tolerance));
  CHECK(measurement.launches[3].what == "empty kernel on the GPU");
  CHECK(measurement.launches[3].time.median_s == Approx(1e-6).epsilon(tolerance));
}

// The fake lets compute lose 0.2 s for each second that a copy or a collective runs during the
// product's own time; stretched by that, a product of 1 s takes 1.2 s and the other runs as long,
// so a second beside costs 0.2 / 1.2 = 0.167 s. Another kernel costs nothing there.
TEST_CASE("kernels: what products lose beside something else", "[cli][kernels]") {
  const Measurement measurement =
      measured({"--quick", "--device", "1"},
               {{"LOCKSTEP_FAKE_GPUS", "2"}, {"LOCKSTEP_FAKE_OVERLAP", "0.2"}});
  REQUIRE(measurement.overlaps.size() >= 2);
  for (const MeasuredOverlap& overlap : measurement.overlaps) {
    const double expected = overlap.beside == "copy kernel" ? 0.0 : 0.2 / 1.2;
    CHECK(overlap.slowdown == Approx(expected).margin(0.01));
    CHECK(overlap.other_beside_s < overlap.gemm_beside_s);
    CHECK(overlap.dtype == "bf16");
  }
  CHECK(measurement.overlaps[0].beside == "host to device copy");
  CHECK(measurement.overlaps[1].beside == "copy kernel");
#if LOCKSTEP_HAS_NCCL
  // Beside a collective the smallest, the middle and the largest product: what a fit needs.
  REQUIRE(measurement.overlaps.size() == 5);
  for (std::size_t i = 2; i < 5; ++i) CHECK(measurement.overlaps[i].beside == "all_reduce");
  CHECK(!measurement.machine.nccl.empty());
#endif
}

// Of the other GPUs only the three longest products and the copies, among them those to the peer.
TEST_CASE("kernels: all GPUs", "[cli][kernels]") {
  const Measurement measurement = measured({"--quick", "--device", "all", "--dtype", "bf16"},
                                           {{"LOCKSTEP_FAKE_GPUS", "2"},
                                            {"LOCKSTEP_FAKE_SLOW_DEVICE", "1"},
                                            {"LOCKSTEP_FAKE_SLOW_FACTOR", "1.5"},
                                            {"LOCKSTEP_FAKE_PEER", "300e9"}});
  CHECK(measurement.machine.gpus.size() == 2);
  REQUIRE(measurement.gemms.size() == 4 + 3);
  CHECK(measurement.gemms[0].device == 0);
  CHECK(measurement.gemms[4].device == 1);
  CHECK(measurement.gemms[4].m == measurement.gemms[0].m);
  CHECK(measurement.gemms[4].time.median_s ==
        Approx(1.5 * measurement.gemms[0].time.median_s).epsilon(tolerance));
  REQUIRE(measurement.copies.size() == 12);
  CHECK(measurement.copies[5].direction == "peer");
  CHECK(measurement.copies[5].bytes_per_s == Approx(300e9).epsilon(0.01));
  CHECK(measurement.launches.size() == 4);
}

// Llama-3 70B over tensor parallelism of 8: see the shapes in kernel_list_test.cpp.
TEST_CASE("kernels: the products of a scenario's plan", "[cli][kernels]") {
  const Measurement measurement =
      measured({bundled("llama3-70b-64xh100.yaml"), "--plan", "tp8-pp2", "--seconds-per-shape",
                "0.05", "--cluster", "dgx-h100"});
  CHECK(measurement.machine.system == "dgx-h100");
  // qkv: (8192 + 2 x 1024) / 8 = 1280 of 8192; down: 28672 / 8 = 3584 in
  CHECK(gemm_of(measurement, "bf16", 8192, 1280, 8192).op == "qkv projection");
  CHECK(gemm_of(measurement, "bf16", 8192, 8192, 3584).op == "down projection");
  for (const MeasuredGemm& gemm : measurement.gemms)
    CHECK(std::fabs(*gemm.second_path_s / gemm.time.median_s - 1) < 0.02);
}

TEST_CASE("kernels: its text fits 100 columns and says what was left out", "[cli][kernels]") {
  const FakeGpuLibraries libraries;
  const Finished finished =
      kernels({"--quick", "--libraries", libraries.path()}, {{"LOCKSTEP_FAKE_GPU_MEMORY", "4e9"}});
  REQUIRE(finished.code == 0);
  CHECK(finished.err.empty());
  std::istringstream lines(finished.out);
  for (std::string line; std::getline(lines, line);) CHECK(display_width(line) <= 100);
  CHECK(finished.out.find("GPU 0: NVIDIA H100 80GB HBM3, 4.0 GB\n") == 0);
  // 8192 x 57344 and its operands in bf16: 2 x (8192 x 57344 + 57344 x 8192 + 8192 x 8192) = 2.01
  // GB fit into 4 GB; vocabulary: 2 x (8192 x 128256 + 128256 x 4096 + 8192 x 4096) = 3.22 GB do;
  // what does not is nothing, so that only NCCL is left out
  CHECK(finished.out.find("\nLeft out\n  overlap with NCCL: one GPU has nobody to talk to\n") !=
        std::string::npos);
}

// 3 x 16384^2 x 2 B = 1.61 GB do not fit into 1.6 GB.
TEST_CASE("kernels: what does not fit into memory is left out", "[cli][kernels]") {
  const FakeGpuLibraries libraries;
  const Finished finished =
      kernels({"--quick", "--dtype", "bf16", "--format", "json", "--libraries", libraries.path()},
              {{"LOCKSTEP_FAKE_GPU_MEMORY", "1.6e9"}});
  REQUIRE(finished.code == 0);
  CHECK(finished.err.find("lockstep-validate: left out: square, 16384 x 16384 x 16384 in bf16: GPU "
                          "0: 1.6 GB of memory are needed, 1.6 GB are free\n") !=
        std::string::npos);
}

TEST_CASE("kernels: a GPU that the catalog has not", "[cli][kernels]") {
  const FakeGpuLibraries libraries;
  const Finished finished = kernels({"--quick", "--libraries", libraries.path()},
                                    {{"LOCKSTEP_FAKE_GPU_NAME", "Quadro P400"}});
  REQUIRE(finished.code == 0);
  CHECK(finished.out.find(
            "No GPU of this name is in the catalog: no shares of a peak, no predictions.\n") !=
        std::string::npos);
  const Measurement measurement =
      measured({"--quick"}, {{"LOCKSTEP_FAKE_GPU_NAME", "Quadro P400"}});
  CHECK(measurement.gemms.front().peak_share == 0);
  CHECK(!measurement.gemms.front().predicted_s.has_value());
}

TEST_CASE("kernels: fp8 on a GPU without it", "[cli][kernels]") {
  const Environment ampere{{"LOCKSTEP_FAKE_COMPUTE_CAPABILITY", "80"}};
  const FakeGpuLibraries libraries;
  const Finished refused =
      kernels({"--dtype", "bf16,fp8", "--libraries", libraries.path()}, ampere);
  CHECK(refused.code == 1);
  CHECK(refused.err ==
        "lockstep-validate: measuring failed: GPU 0 has no fp8\n"
        "  = hint: fp8 needs compute capability 8.9 (Ada) or later: leave it out of --dtype\n");
  const Finished without = kernels({"--quick", "--libraries", libraries.path()}, ampere);
  CHECK(without.code == 0);
  CHECK(without.out.find("  products in fp8: GPU 0 has none\n") != std::string::npos);
}

TEST_CASE("kernels: errors of the GPU and of cuBLASLt", "[cli][kernels]") {
  const FakeGpuLibraries libraries;
  const auto fails = [&](const Environment& environment) {
    return kernels({"--quick", "--libraries", libraries.path()}, environment);
  };
  const Finished blas = fails({{"LOCKSTEP_FAKE_BLAS", "fail"}});
  CHECK(blas.code == 1);
  CHECK(blas.err ==
        "lockstep-validate: measuring failed: GPU 0: cublasLtMatmul: "
        "CUBLAS_STATUS_EXECUTION_FAILED\n"
        "  = hint: CUBLASLT_LOG_LEVEL=2 in the environment lets cuBLASLt say more\n");
  const Finished module = fails({{"LOCKSTEP_FAKE_MODULE", "bad"}});
  CHECK(module.code == 0);
  CHECK(module.out.find("the driver cannot load this program's kernels: it is") !=
        std::string::npos);
  const Finished broken =
      fails({{"LOCKSTEP_FAKE_FAIL_DEVICE", "0"}, {"LOCKSTEP_FAKE_FAIL_AFTER", "500"}});
  CHECK(broken.code == 1);
  CHECK(broken.err.find("lockstep-validate: measuring failed: GPU 0: ") == 0);
  CHECK(broken.out.empty());
}

TEST_CASE("kernels: nothing to measure with", "[cli][kernels]") {
  const FakeGpuLibraries libraries;
  const std::vector<std::string> arguments{"--libraries", libraries.path()};
  const Finished none = kernels(arguments, {{"LOCKSTEP_FAKE_GPUS", "0"}});
  CHECK(none.code == 77);
  CHECK(none.err ==
        "lockstep-validate: skipped: no GPU: no CUDA-capable device is detected "
        "(cudaErrorNoDevice)\n");
  const Finished beyond = kernels({"--device", "1", "--libraries", libraries.path()});
  CHECK(beyond.code == 2);
  CHECK(beyond.err ==
        "lockstep-validate: --device is 1, and there is 1 GPU\n"
        "  = hint: CUDA counts from 0, and only those of CUDA_VISIBLE_DEVICES\n"
        "  = help: lockstep-validate --help\n");
#if LOCKSTEP_HAS_NCCL
  // A library without what is needed.
  const std::string name = "libcublasLt.so." + std::to_string(CUDART_VERSION / 1000);
  libraries.replace(name, LOCKSTEP_TEST_OLD_NCCL);
  const Finished old = kernels(arguments);
  CHECK(old.code == 77);
  CHECK(old.err == "lockstep-validate: skipped: cuBLASLt (" + libraries.path() + "/" + name +
                       ") is too old or too new: it has no cublasLtCreate\n");
#endif
}

TEST_CASE("kernels: the measurement goes into a file", "[cli][kernels]") {
  const FakeGpuLibraries libraries;
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "kernels.json").string();
  const Finished finished = kernels({"--quick", "--libraries", libraries.path(), "-o", file});
  CHECK(finished.code == 0);
  CHECK(finished.err == "lockstep-validate: wrote " + file + "\n");
  CHECK(parse_measurement(read_file(file), file).gemms.size() == 8);
}

#endif
