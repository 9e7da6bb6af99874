// What a calibration refuses of files, and why.
#include "tests/catch.hpp"

#include <fmt/format.h>

#include <cmath>

#include "tests/support/calibrate_files.hpp"

using namespace lockstep;
using namespace lockstep::test;

TEST_CASE("calibrate files: a functional test calibrates nothing", "[unit]") {
  Measurement measurement = sweep();
  measurement.functional_only = "two ranks share GPU 0";
  CHECK(refusal(measurement) == "all of it: a functional test: two ranks share GPU 0\n");
}

TEST_CASE("calibrate files: GEMMs that cannot be are refused", "[unit]") {
  CHECK(refusal(gemms()).empty());
  // 1 100 TFLOP/s of 989.4.
  CHECK(refusal(gemms(1100e12)) ==
        "GEMMs in bf16: 4096 x 4096 x 4096: 1100 TFLOP/s is more than the catalog's dense peak, "
        "989.4 TFLOP/s: not all of the work was timed\n");
  // 2 x 4096^3 = 137 439 MFLOP in 343.6 us are 400 TFLOP/s, not 450.
  Measurement contradicts = gemms();
  contradicts.gemms[0].flops_per_s = 450e12;
  CHECK(refusal(contradicts) ==
        "GEMMs in bf16: 4096 x 4096 x 4096: 450 TFLOP/s is not 1.374e+11 FLOP in 343.6 us, which "
        "is 400 TFLOP/s\n");
  Measurement slow = gemms();
  for (MeasuredGemm gemm : gemms().gemms) {
    gemm.device = 3;
    retime(gemm, 1.3 * gemm.time.median_s);
    slow.gemms.push_back(gemm);
  }
  CHECK(refusal(slow) ==
        "GEMMs in bf16: GPU 3 takes 1.30 times as long as its fastest sibling: a power cap, heat, "
        "or another program on it\n");
  Measurement two_paths = gemms();
  for (std::size_t i = 0; i < 3; ++i)
    two_paths.gemms[i].second_path_s = 1.1 * two_paths.gemms[i].time.median_s;
  CHECK(refusal(two_paths) ==
        "GEMMs in bf16: 3 of 10 times differ by more than 5 % from a second way of timing; 4096 x "
        "4096 x 4096: 343.6 and 378 us\n");
  // 10 ms for the first, and twice its work at 100 TFLOP/s in 2.7 ms.
  Measurement falls = gemms(100e12);
  retime(falls.gemms[0], 10e-3);
  CHECK(refusal(falls) ==
        "GEMMs in bf16: 4096 x 4096 x 4096 took 1e+04 us and the larger 4096 x 4096 x 8192 only "
        "2749 us: something disturbed the run\n");
  Measurement few = gemms();
  few.gemms.resize(2);
  CHECK(refusal(few) == "gemm bf16: 2 shapes: a fit needs 3\n");
}

TEST_CASE("calibrate files: one time that a second path contradicts is dropped", "[unit]") {
  Measurement measurement = gemms();
  measurement.gemms[0].second_path_s = measurement.gemms[0].time.median_s / 1.3;
  const Folder folder;
  const FilesCalibration result = calibrate({folder.write("m.json", measurement)});
  CHECK_FALSE(result.any_refused());
  CHECK(constant(result, "gemm_efficiency_half")->points == 9);
  CHECK(result.constants.samples[0].dropped == "a second way of timing gives another time");
}

TEST_CASE("calibrate files: one large size tells a rate, one small size does not", "[unit]") {
  // 256 MiB in 5 ms, both ways: 53.687 GB/s.
  Measurement measurement = test::empty_measurement();
  for (const char* direction : {"host to device", "device to host"}) {
    MeasuredCopy copy;
    copy.direction = direction;
    copy.bytes = 256 * 1048576.0;
    copy.time = test::timed(5e-3);
    copy.bytes_per_s = copy.bytes / 5e-3;
    measurement.copies.push_back(copy);
  }
  const Folder folder;
  const FilesCalibration result = calibrate({folder.write("m.json", measurement)});
  REQUIRE(constant(result, "pcie_bandwidth") != nullptr);
  CHECK(constant(result, "pcie_bandwidth")->value == Approx(53.687e9).epsilon(1e-3));
  CHECK(constant(result, "pcie_bandwidth")->confidence == Confidence::low);
  CHECK(constant(result, "pcie_bandwidth")->spread == Approx(0.05));  // no scatter to see
  for (MeasuredCopy& copy : measurement.copies) {
    copy.bytes = 1048576;
    copy.bytes_per_s = copy.bytes / 5e-3;
  }
  CHECK(refusal(measurement) ==
        "copies to and from the host: 1 size: a fit needs 3, or none below 16 MiB\n");
}

TEST_CASE("calibrate files: kernels that the cache holds tell nothing of the memory", "[unit]") {
  Measurement measurement = test::empty_measurement();
  MeasuredMemoryOp op;
  op.op = "copy";
  op.bytes = 20e6;
  op.time = test::timed(10e-6);
  op.bytes_per_s = 2e12;
  measurement.memory_ops.push_back(op);
  const Folder folder;
  const FilesCalibration result = calibrate({folder.write("m.json", measurement)});
  CHECK(result.empty());
  REQUIRE(result.constants.refusals.size() == 1);
  CHECK(result.constants.refusals[0].why == "nothing to fit: the L2 cache holds much of it");
  CHECK_FALSE(result.any_refused());
}

TEST_CASE("calibrate files: copies above the link, and memory above the HBM, are refused",
          "[unit]") {
  const test::SyntheticMachine h100 = test::other_h100(catalog());
  test::Noise noise(1);
  test::SyntheticMachine fast = h100;
  fast.pcie = 80e9;  // the link gives 55 / 0.85 = 64.71 GB/s
  Measurement copies = test::empty_measurement();
  test::add_copies(copies, fast, noise);
  const std::string said = refusal(copies);
  CHECK(said.find("copies device to host: 16.0 MiB: ") == 0);
  CHECK(said.find("GB/s is more than the link to the host of dgx-h100, 64.71 GB/s: not all of the "
                  "work was timed\n") != std::string::npos);
  fast = h100;
  fast.gpu.memory_efficiency.value = 1.2;
  Measurement memory = test::empty_measurement();
  test::add_memory(memory, fast, noise);
  CHECK(refusal(memory).find("is more than the nominal HBM bandwidth, 3.352 TB/s: not all of the "
                             "work was timed\n") != std::string::npos);
}

TEST_CASE("calibrate files: collectives of a broken run are refused", "[unit]") {
  Measurement slow = sweep();
  slow.collectives[0].rank_slowness = {1.0, 1.0, 1.02, 1.4, 1.0, 1.0, 1.0, 1.0};
  CHECK(refusal(slow) ==
        "all_reduce: refused: rank 3 takes 1.40 times as long as the fastest rank: a power cap, "
        "heat, a bad link, or another program on its GPU\n");
  Measurement wrong = sweep();
  for (CollectivePoint& point : wrong.collectives[0].points) point.out_of_place->wrong = 4;
  CHECK(refusal(wrong) == "all_reduce: refused: 11 of 11 sizes gave wrong results\n");
  Measurement few = sweep();
  few.collectives[0].points.resize(3);
  CHECK(refusal(few) == "all_reduce: refused: 3 sizes with a time: a fit needs 4\n");
  Measurement elsewhere = sweep();
  elsewhere.machine.system = "dgx-h1000";
  CHECK(refusal(elsewhere) ==
        "all_reduce: refused: the system 'dgx-h1000' is not in the catalog\n");
}

TEST_CASE(
    "calibrate files: groups at the same time are shown, and registered buffers give "
    "way",
    "[unit]") {
  Measurement together = sweep();
  together.collectives[0].groups = 2;
  together.collectives[0].ranks = 4;
  const Folder folder;
  const FilesCalibration result = calibrate({folder.write("m.json", together)});
  CHECK(result.collectives.logs[0].status ==
        "2 groups at the same time: shown only, a calibration holds groups alone");
  CHECK_FALSE(result.any_refused());
  CHECK(result.empty());
  Measurement both = sweep();
  both.collectives.push_back(both.collectives[0]);
  both.collectives[0].registered = true;
  const FilesCalibration two = calibrate({folder.write("n.json", both)});
  CHECK_FALSE(two.collectives.logs[0].in_file);
  CHECK(two.collectives.logs[1].in_file);
}

TEST_CASE("calibrate files: a GPU that the catalog lacks, two kinds, or another than the system's",
          "[unit]") {
  Measurement unknown = gemms();
  unknown.machine.system.clear();
  unknown.machine.gpus[0].name = "Imaginary X1";
  CHECK(refusal(unknown) == "its kernels: the GPU 'Imaginary X1' is not in the catalog\n");
  Measurement two = gemms();
  two.machine.gpus.push_back(two.machine.gpus[0]);
  two.machine.gpus[1].name = "NVIDIA A100-SXM4-80GB";
  CHECK(refusal(two) ==
        "its kernels: two kinds of GPU, 'NVIDIA A100-SXM4-80GB' and 'NVIDIA H100 80GB HBM3': "
        "constants are of one\n");
  Measurement other = gemms();
  other.machine.gpus[0].name = "NVIDIA A100-SXM4-80GB";
  CHECK(refusal(other) ==
        "its kernels: the GPU 'NVIDIA A100-SXM4-80GB' is a100-sxm-80gb of the catalog, and "
        "dgx-h100 has h100-sxm-80gb\n");
  Measurement nowhere = gemms();
  nowhere.machine.system = "dgx-h1000";
  CHECK(refusal(nowhere) == "its kernels: the system 'dgx-h1000' is not in the catalog\n");
  Measurement nothing = gemms();
  nothing.machine.system.clear();
  nothing.machine.gpus.clear();
  CHECK(refusal(nothing) == "its kernels: the GPU is not stated: --cluster SYSTEM says it\n");
}

TEST_CASE("calibrate files: a refused part does not stop the others", "[unit]") {
  Measurement measurement = test::all_of(test::other_h100(catalog()), 1);
  for (MeasuredGemm& gemm : measurement.gemms) gemm.flops_per_s *= 2;
  const Folder folder;
  const FilesCalibration result =
      calibrate({folder.write("m.json", measurement), folder.write("n.json", sweep())});
  CHECK(result.any_refused());
  CHECK(constant(result, "gemm_efficiency_half") == nullptr);
  CHECK(constant(result, "memory_efficiency") != nullptr);
  CHECK(result.contents().collectives.size() == 1);
}

