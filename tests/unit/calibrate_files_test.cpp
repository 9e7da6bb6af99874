// A calibration out of files of several kinds: what each is and what comes of it.
#include "tests/catch.hpp"

#include <fmt/format.h>

#include <cmath>

#include "tests/support/calibrate_files.hpp"

using namespace lockstep;
using namespace lockstep::test;

TEST_CASE("calibrate files: content says what a file is", "[unit]") {
  CHECK(kind_of(measurement_json(gemms())) == FileKind::measurement);
  CHECK(kind_of("# nThread 1 nGpus 8\n") == FileKind::nccl_log);
  CHECK(kind_of("") == FileKind::nccl_log);
  CHECK(kind_of("device,M,N,K,time_us\n") == FileKind::kernel_table);
  CHECK(kind_of("impl,device,head_dim,seq,eff\n") == FileKind::kernel_table);
  CHECK(kind_of("\ndevice,op,traffic_MB_lo,traffic_MB_hi,median_us,peak_GBps\r\n") ==
        FileKind::kernel_table);
  CHECK(kind_of("a,b\n") == FileKind::nccl_log);
}

TEST_CASE("calibrate files: constants of kernels and copies come back", "[unit]") {
  const Folder folder;
  const test::SyntheticMachine machine = test::other_h100(catalog());
  const FilesCalibration result =
      calibrate({folder.write("kernels.json", test::all_of(machine, 1))});
  CHECK(result.constants.refusals.empty());
  REQUIRE(constant(result, "gemm_efficiency_half") != nullptr);
  CHECK(constant(result, "gemm_efficiency_half")->of == "gpus.h100-sxm-80gb.gemm_efficiency_half");
  CHECK(constant(result, "gemm_efficiency_half")->value == Approx(0.66).epsilon(recovered));
  CHECK(constant(result, "gemm_efficiency_half")->points == 36);
  CHECK(constant(result, "gemm_efficiency_half")->confidence == Confidence::high);
  CHECK(constant(result, "gemm_efficiency_half")->spread >= 0.01);
  CHECK(constant(result, "memory_efficiency")->value == Approx(0.88).epsilon(recovered));
  CHECK(constant(result, "memory_norm")->value == Approx(0.80).epsilon(recovered));
  CHECK(constant(result, "overlap_slowdown")->value == Approx(0.25).epsilon(recovered));
  CHECK(constant(result, "pcie_bandwidth")->of == "systems.dgx-h100.pcie_bandwidth");
  CHECK(constant(result, "pcie_bandwidth")->value == Approx(50e9).epsilon(recovered));
  const CalibratedMachine& stated = result.merged.machine;
  CHECK(stated.date == "2026-11-23");
  CHECK(stated.driver == "580.82.07");
  CHECK(stated.cuda == "13.0");
  CHECK(stated.nccl == "2.28.9");
  CHECK(stated.hosts == std::vector<std::string>{"node1"});
  CHECK(stated.gpus == std::vector<std::string>{"1 x NVIDIA H100 80GB HBM3"});
}

TEST_CASE("calibrate files: a capped board has the efficiency that it would have at its limit",
          "[unit]") {
  // At 350 W instead of 700 W rates fall by (1/2)^x; the efficiency itself is that of 700 W.
  test::SyntheticMachine machine = test::other_h100(catalog());
  machine.gpu.power_limit.value = 350;
  Measurement measurement = test::all_of(machine, 1);
  for (MeasuredGpu& gpu : measurement.machine.gpus) gpu.power_limit_w = 350;
  const Folder folder;
  const FilesCalibration result = calibrate({folder.write("m.json", measurement)});
  CHECK(constant(result, "gemm_efficiency_half")->value == Approx(0.66).epsilon(recovered));
}

TEST_CASE("calibrate files: a sweep is fitted like a log, and its file read back", "[unit]") {
  const Folder folder;
  const std::string kernels = folder.write("kernels.json", gemms());
  const std::string sweeps = folder.write("nccl.json", sweep());
  const FilesCalibration result = calibrate({sweeps, kernels});
  REQUIRE(result.collectives.logs.size() == 1);
  CHECK(result.collectives.logs[0].status == "ok");
  CHECK_FALSE(result.any_refused());
  const CalibrationContents contents = result.contents();
  REQUIRE(contents.collectives.size() == 1);
  CHECK(contents.collectives[0].system == "dgx-h100");
  CHECK(contents.collectives[0].nccl_version == "2.28.9");
  CHECK(contents.collectives[0].pieces[0].latency.value() == Approx(20e-6).epsilon(0.01));
  CHECK(contents.machine.gpus == std::vector<std::string>{"8 x NVIDIA H100 80GB HBM3"});
  const std::string text = calibration_file_text(contents);
  const CalibrationContents back = parse_calibration(text, "c.yaml", catalog());
  CHECK(calibration_file_text(back) == text);
  CHECK(back.constants.size() == contents.constants.size());
  CHECK(back.collectives[0].confidence == contents.collectives[0].confidence);
}

TEST_CASE("calibrate files: two versions, drivers or systems are said", "[unit]") {
  const Folder folder;
  Measurement other = gemms();
  other.machine.nccl = "2.27.3";
  other.machine.date = "2026-10-01";
  const std::string a = folder.write("a.json", sweep());
  const std::string b = folder.write("b.json", other);
  const FilesCalibration result = calibrate({a, b});
  CHECK(result.merged.contradictions ==
        std::vector<std::string>{"two NCCL versions: 2.27.3 (" + b + ") and 2.28.9 (" + a + ")"});
  CHECK(result.merged.machine.nccl == "2.27.3, 2.28.9");
  CHECK(result.merged.machine.date == "2026-11-23");
}

TEST_CASE("calibrate files: launches and steps are shown only", "[unit]") {
  Measurement measurement = gemms();
  MeasuredLaunch launch;
  launch.what = "kernel";
  launch.time = test::timed(2.5e-6);
  measurement.launches.push_back(launch);
  const Folder folder;
  const std::string file = folder.write("m.json", measurement);
  CHECK(calibrate({file}).constants.notes ==
        std::vector<std::string>{
            file +
            ": launches (kernel 2.50 µs): shown only, a software profile times the host by the "
            "layer (host_per_layer), with what the framework adds to each launch"});
}

TEST_CASE("calibrate files: a table of kernels gives constants too", "[unit]") {
  // cuBLAS at 0.5 of the peak of an A100, 312 TFLOP/s: 4096^3 is 137.4 GFLOP, 881 us.
  std::string table = "device,dtype,library,M,N,K,batch,time_us,tflops,peak_tflops,eff,timing\n";
  const Gpu gpu = [] {
    Gpu alone = kernels_alone(catalog().gpu("a100-sxm-80gb"));
    alone.gemm_efficiency_half.value = 0.5;
    return alone;
  }();
  for (const int n : {1024, 2048, 4096, 8192, 12288, 16384}) {
    table +=
        fmt::format("A100-SXM-80GB,fp16,cuBLAS,4096,{},4096,1,{:.4f},1,312.0,1,kernel (profiler)\n",
                    n, 1e6 * gemm_time(gpu, test::gemm_of(4096, n, 4096)).value());
  }
  const TemporaryFolder folder;
  const FilesCalibration result = calibrate({folder.file("k.csv", table)});
  REQUIRE(constant(result, "gemm_efficiency_half") != nullptr);
  CHECK(constant(result, "gemm_efficiency_half")->of == "gpus.a100-sxm-80gb.gemm_efficiency_half");
  CHECK(constant(result, "gemm_efficiency_half")->value == Approx(0.5).epsilon(recovered));
}

TEST_CASE("calibrate files: every point is in the CSV", "[unit]") {
  Measurement measurement = gemms();
  measurement.gemms[0].m = 32;
  measurement.gemms[0].flops_per_s /= 128;
  Measurement collectives = sweep();
  const Folder folder;
  const std::string a = folder.write("a.json", collectives);
  const std::string b = folder.write("b.json", measurement);
  const std::string csv = points_csv(calibrate({a, b}));
  CHECK(csv.find("file,kind,what,shape,measured_s,fitted_s,residual,kept,why\n") == 0);
  // 1024 B: 20 us + 5.12 ns
  CHECK(csv.find(a + ",collective,all_reduce of 8 on 1,1024 B,2.00051e-05,2.000") !=
        std::string::npos);
  CHECK(csv.find(b + ",gemm,gemm bf16,32 x 4096 x 4096,0.000343597,,,dropped,fewer than 64 rows: "
                     "the form is not for them\n") != std::string::npos);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 1 + 11 + 10);
}

TEST_CASE("calibrate files: the report names constants, refusals and what is shown only",
          "[unit]") {
  Measurement measurement = gemms();
  MeasuredCopy copy;
  copy.direction = "peer";
  copy.bytes = 1e6;
  copy.time = test::timed(1e-3);
  measurement.copies.push_back(copy);
  Measurement functional = sweep();
  functional.functional_only = "two ranks share GPU 0";
  const Folder folder;
  const std::string a = folder.write("a.json", measurement);
  const std::string b = folder.write("b.json", functional);
  const std::string text = files_calibration_text(calibrate({a, b}), catalog());
  CHECK(text.find("Constants, of kernels and copies alone (what a step loses against them stays)\n"
                  "  constant ") == 0);
  CHECK(text.find("  gpus.h100-sxm-80gb.gemm_efficiency_half ") != std::string::npos);
  CHECK(text.find("\nRefused\n") != std::string::npos);
  CHECK(text.find("a functional test: two ranks share GPU 0") != std::string::npos);
  CHECK(text.find("\nLeft out\n") != std::string::npos);
}
