// What calibrated constants do to clusters.
#include "tests/catch.hpp"

#include "scenarios/calibration_use.hpp"
#include "tests/cli/process.hpp"

using namespace lockstep;
using test::TemporaryFolder;

namespace {

const Catalog& catalog() {
  static const Catalog catalog(LOCKSTEP_TEST_SOURCE_DIR "/scenarios");
  return catalog;
}

std::string constants_file(const std::string& items) {
  return "calibration: 1\nconstants:\n" + items;
}

std::string complaint(const std::string& text) {
  try {
    parse_calibration(text, "c.yaml", catalog());
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

Cluster h100() {
  Cluster cluster;
  cluster.system = catalog().system("dgx-h100");
  return cluster;
}

const std::string memory_08 =
    "  - {of: gpus.h100-sxm-80gb.memory_efficiency, value: 0.8, spread: 2%}\n";

}  // namespace

TEST_CASE("calibrated constant: a kernel replaces the prior, what a step loses stays", "[unit]") {
  // The catalog: alone 0.8 ± 3 %, a step makes 0.9 of it: 0.72 ± 5 %, of which the factor has 4 %.
  ConstantBase constant;
  constant.fit = "tensor_hopper";
  constant.prior = 0.8;
  constant.own_spread = 0.03;
  constant.value = 0.72;
  constant.spread = 0.05;
  CalibratedConstant measured;
  measured.value = 0.6;
  measured.spread = 0.03;
  measured.source = "k.json";
  const ConstantBase after = calibrated(constant, measured, {0.0, 1.0, true});
  CHECK(after.prior == 0.6);
  CHECK(after.own_spread == 0.03);
  CHECK(after.value == Approx(0.54));   // 0.6 x 0.9
  CHECK(after.spread == Approx(0.05));  // 3 % and 4 %
  CHECK(after.fit == "tensor_hopper");
  CHECK(after.kind == Provenance::measured);
  CHECK(after.source == "calibration: k.json; times 0.9: what a step makes of it");
  // A narrower measurement leaves the factor's 4 % alone.
  measured.spread = 0.0;
  CHECK(calibrated(constant, measured, {0.0, 1.0, true}).spread == Approx(0.04));
  // 1.2 x 0.9 is more than all of it.
  measured.value = 1.2;
  CHECK(calibrated(constant, measured, {0.0, 1.0, true}).value == 1.0);
}

TEST_CASE("calibrated constant: without a factor it becomes what was measured", "[unit]") {
  ConstantBase constant;
  constant.value = 55e9;
  constant.spread = 0.1;
  CalibratedConstant measured;
  measured.value = 50e9;
  measured.spread = 0.02;
  const ConstantBase after = calibrated(constant, measured, {});
  CHECK(after.value == 50e9);
  CHECK(after.spread == 0.02);
  CHECK(after.source == "calibration");
}

TEST_CASE("calibration use: constants reach every cluster with the GPU or the system", "[unit]") {
  const TemporaryFolder folder;
  const std::string file = folder.file(
      "c.yaml", constants_file(memory_08 +
                               "  - {of: systems.dgx-h100.pcie_bandwidth, value: 44 GB/s, spread: "
                               "0.02, confidence: high, points: 12, source: k.json}\n"));
  Cluster own = h100();
  Cluster other;
  other.system = catalog().system("aws-p5");
  Cluster a100;
  a100.system = catalog().system("dgx-a100-80gb");
  const ConstantBase before = own.system.gpu.memory_efficiency;
  const ConstantBase a100_before = a100.system.gpu.memory_efficiency;
  const AppliedCalibration applied = apply_calibrations({file}, catalog(), {&own, &other, &a100});
  const double after = 0.8 * before.value / before.prior;
  CHECK(own.system.gpu.memory_efficiency.value == Approx(after));
  CHECK(other.system.gpu.memory_efficiency.value == Approx(after));  // the same GPU elsewhere
  CHECK(a100.system.gpu.memory_efficiency.value == a100_before.value);
  CHECK(own.system.pcie_bandwidth.value == 44e9);
  CHECK(other.system.pcie_bandwidth.value != 44e9);
  REQUIRE(applied.constants.size() == 2);
  CHECK(applied.constants[0].before.value == before.value);
  CHECK(applied.constants[0].after.value == Approx(after));
  CHECK(applied.constants[1].measured.confidence == Confidence::high);
  CHECK(applied.constants[1].measured.points == 12);
}

TEST_CASE("calibration use: what the scenario or --set says wins", "[unit]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("c.yaml", constants_file(memory_08));
  const Catalog with_setting(catalog().folder(), {{"gpus.h100-sxm-80gb.memory_efficiency", "0.5"}});
  Cluster cluster;
  cluster.system = with_setting.system("dgx-h100");
  const AppliedCalibration applied = apply_calibrations({file}, with_setting, {&cluster});
  CHECK(cluster.system.gpu.memory_efficiency.value == 0.5);
  REQUIRE(applied.constants.size() == 1);
  CHECK(applied.constants[0].overruled);
  // Another constant of the same GPU that is set does not keep this one.
  const Catalog other(catalog().folder(), {{"gpus.h100-sxm-80gb.memory_bandwidth", "3 TB/s"}});
  cluster.system = other.system("dgx-h100");
  CHECK_FALSE(apply_calibrations({file}, other, {&cluster}).constants[0].overruled);
  CHECK(cluster.system.gpu.memory_efficiency.prior == 0.8);
}

TEST_CASE("calibration use: of two files the later counts, constant by constant", "[unit]") {
  const TemporaryFolder folder;
  const std::string first = folder.file(
      "a.yaml",
      constants_file(memory_08 +
                     "  - {of: gpus.h100-sxm-80gb.memory_norm, value: 0.7, spread: 1%}\n"));
  const std::string second = folder.file(
      "b.yaml",
      constants_file("  - {of: gpus.h100-sxm-80gb.memory_efficiency, value: 0.9, spread: 1%}\n"));
  Cluster cluster = h100();
  const AppliedCalibration applied = apply_calibrations({first, second}, catalog(), {&cluster});
  CHECK(cluster.system.gpu.memory_efficiency.prior == 0.9);
  CHECK(cluster.system.gpu.memory_norm.value == 0.7);
  CHECK(applied.constants.size() == 2);
}

TEST_CASE("calibration use: the measured link of the host does not undo measured collectives",
          "[unit]") {
  // The curve was measured on the machine whose link to the host was measured too.
  const TemporaryFolder folder;
  const std::string file = folder.file(
      "c.yaml",
      "calibration: 1\ncollectives:\n  - {system: rtx4090-pcie, collective: all_reduce, ranks: 8, "
      "nodes: 1, pieces: [{from: 8 B, latency: 50 us, bandwidth: 3 GB/s}]}\nconstants:\n  - {of: "
      "systems.rtx4090-pcie.pcie_bandwidth, value: 20 GB/s, spread: 2%}\n");
  Cluster cluster;
  cluster.system = catalog().system("rtx4090-pcie");
  apply_calibrations({file}, catalog(), {&cluster});
  const nccl::NcclGroup group =
      nccl::prepare(cluster, routes(cluster), spread_group(cluster, 8, 1));
  const nccl::CollectiveChoice choice = nccl::choose(group, Collective::all_reduce, Bytes{3e9});
  CHECK(choice.basis == nccl::Basis::measured);
  CHECK(choice.time.value() == Approx(1.00005));
}

TEST_CASE("calibration file: mistakes in constants are located", "[unit]") {
  CHECK(complaint(
            constants_file("  - {of: software.nemo.host_per_layer, value: 1 ms, spread: 1%}\n")) ==
        "c.yaml:3:10: error[E607]: 'software.nemo.host_per_layer' is no constant\n"
        "    3 |   - {of: software.nemo.host_per_layer, value: 1 ms, spread: 1%}\n"
        "      |          ^~~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
        "      = hint: write gpus.NAME.KEY or systems.NAME.KEY\n");
  CHECK(complaint(constants_file(
            "  - {of: gpus.h100-sxm-80gb.memory_efficency, value: 1, spread: 1%}\n")) ==
        "c.yaml:3:10: error[E607]: there is no constant 'memory_efficency' of gpus\n"
        "    3 |   - {of: gpus.h100-sxm-80gb.memory_efficency, value: 1, spread: 1%}\n"
        "      |          ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
        "      = hint: did you mean 'memory_efficiency'?\n");
  CHECK(
      complaint(constants_file("  - {of: gpus.h100-sxm.memory_efficiency, value: 1, spread: 1%}\n"))
          .find("error[E608]: there is no 'h100-sxm' among the gpus of the catalog") !=
      std::string::npos);
  CHECK(complaint(constants_file(memory_08 + memory_08))
            .find("c.yaml:4:5: error[E609]: gpus.h100-sxm-80gb.memory_efficiency is there twice") !=
        std::string::npos);
  CHECK(complaint(
            constants_file("  - {of: systems.dgx-h100.pcie_bandwidth, value: 44, spread: 1%}\n"))
            .find("'value' needs a unit") != std::string::npos);
  CHECK(complaint(constants_file(
                      "  - {of: gpus.h100-sxm-80gb.memory_efficiency, value: 1.5, spread: 1%}\n"))
            .find("error[E205]") != std::string::npos);
  CHECK(complaint(constants_file("  - {of: gpus.h100-sxm-80gb.memory_efficiency, value: 0.8}\n"))
            .find("lacks the key 'spread'") != std::string::npos);
  CHECK(complaint(constants_file("  - {of: gpus.h100-sxm-80gb.memory_efficiency, value: 0.8, "
                                 "spread: 1%, confidence: sure}\n"))
            .find("'confidence' can't be 'sure'") != std::string::npos);
  CHECK(complaint("calibration: 1\nmachine: {drivers: 1}\n").find("unknown key 'drivers'") !=
        std::string::npos);
}

TEST_CASE("calibration file: machine and constants are written and read back", "[unit]") {
  CalibrationContents contents;
  contents.machine.date = "2026-11-23";
  contents.machine.driver = "580.82.07";
  contents.machine.cuda = "13.0";
  contents.machine.nccl = "2.28.9";
  contents.machine.hosts = {"node1", "node2"};
  contents.machine.gpus = {"8 x NVIDIA H100 80GB HBM3"};
  CalibratedConstant efficiency;
  efficiency.of = "gpus.h100-sxm-80gb.gemm_efficiency_half";
  efficiency.value = 0.74;
  efficiency.spread = 0.015;
  efficiency.confidence = Confidence::high;
  efficiency.points = 36;
  efficiency.source = "kernels.json";
  CalibratedConstant fixed = efficiency;
  fixed.of = "gpus.h100-sxm-80gb.memory_fixed_time";
  fixed.value = 2.5e-6;
  CalibratedConstant link = efficiency;
  link.of = "systems.dgx-h100.pcie_bandwidth";
  link.value = 54.25e9;
  contents.constants = {efficiency, fixed, link};
  const std::string text = calibration_file_text(contents);
  CHECK(text ==
        "# Measured on one machine, fitted by `lockstep calibrate`; --calibration reads it.\n"
        "# Constants are those of kernels and copies alone: what training steps lose against them "
        "stays\n"
        "# the catalog's.\n"
        "calibration: 1\n"
        "machine:\n"
        "  date: \"2026-11-23\"\n"
        "  driver: \"580.82.07\"\n"
        "  cuda: \"13.0\"\n"
        "  nccl: \"2.28.9\"\n"
        "  hosts: [\"node1\", \"node2\"]\n"
        "  gpus: [\"8 x NVIDIA H100 80GB HBM3\"]\n"
        "constants:\n"
        "  - {of: gpus.h100-sxm-80gb.gemm_efficiency_half, value: 0.74, spread: 1.5%, confidence: "
        "high, points: 36, source: \"kernels.json\"}\n"
        "  - {of: gpus.h100-sxm-80gb.memory_fixed_time, value: 2.5 us, spread: 1.5%, confidence: "
        "high, points: 36, source: \"kernels.json\"}\n"
        "  - {of: systems.dgx-h100.pcie_bandwidth, value: 54.25 GB/s, spread: 1.5%, confidence: "
        "high, points: 36, source: \"kernels.json\"}\n");
  const CalibrationContents back = parse_calibration(text, "c.yaml", catalog());
  CHECK(calibration_file_text(back) == text);
  CHECK(back.machine.hosts == contents.machine.hosts);
  REQUIRE(back.constants.size() == 3);
  CHECK(back.constants[1].value == Approx(2.5e-6));
  CHECK(back.constants[2].value == Approx(54.25e9));
  CHECK(back.constants[0].spread == Approx(0.015));
}

TEST_CASE("calibration use: constants of a GPU that no cluster has are an error", "[unit]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("c.yaml", constants_file(memory_08));
  Cluster a100;
  a100.system = catalog().system("dgx-a100-80gb");
  CHECK_THROWS_WITH(apply_calibrations({file}, catalog(), {&a100}),
                    file +
                        ": error[E606]: this calibration is of h100-sxm-80gb, which no cluster "
                        "here is\n"
                        "      = hint: the systems here: a100-sxm-80gb, dgx-a100-80gb\n");
  const std::string empty = folder.file("e.yaml", "calibration: 1\ncollectives: []\n");
  CHECK_THROWS_WITH(apply_calibrations({empty}, catalog(), {&a100}),
                    empty +
                        ": error[E606]: this calibration holds no collective and no constant\n"
                        "      = hint: the systems here: dgx-a100-80gb\n");
}
