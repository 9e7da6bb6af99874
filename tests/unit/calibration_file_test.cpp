// Files of calibrations: what is read, written, and said of mistakes.
#include "tests/catch.hpp"

#include "scenarios/calibration_use.hpp"
#include "tests/cli/process.hpp"

using namespace lockstep;

namespace {

const Catalog& catalog() {
  static const Catalog catalog(LOCKSTEP_TEST_SOURCE_DIR "/scenarios");
  return catalog;
}

std::string file_with(const std::string& entry) {
  return "calibration: 1\ncollectives:\n" + entry;
}

std::string complaint(const std::string& text) {
  try {
    parse_calibration(text, "c.yaml", catalog());
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

const std::string begin =
    "  - {system: dgx-h100, collective: all_reduce, ranks: 8, nodes: 1, pieces: ";

}  // namespace

TEST_CASE("calibration file: every key is read", "[unit]") {
  const auto entries =
      parse_calibration(file_with("  - system: dgx-h100\n"
                                  "    collective: all_gather\n"
                                  "    ranks: 16\n"
                                  "    nodes: 2\n"
                                  "    spread: 0.03\n"
                                  "    points: 31\n"
                                  "    smallest: 8 B\n"
                                  "    largest: 8 GiB\n"
                                  "    source: \"a log\"\n"
                                  "    date: 2026-01-28\n"
                                  "    nccl_version: 2.29.2\n"
                                  "    pieces:\n"
                                  "      - {from: 8 B, latency: 13 us}\n"
                                  "      - {from: 1 MiB, latency: 20 us, bandwidth: 200 GB/s}\n"),
                        "c.yaml", catalog())
          .collectives;
  REQUIRE(entries.size() == 1);
  const CollectiveCalibration& entry = entries[0];
  CHECK(entry.system == "dgx-h100");
  CHECK(entry.collective == Collective::all_gather);
  CHECK(entry.ranks == 16);
  CHECK(entry.nodes == 2);
  CHECK(entry.spread == 0.03);
  CHECK(entry.points == 31);
  CHECK(entry.smallest.value() == 8);
  CHECK(entry.largest.value() == 8.0 * 1024 * 1024 * 1024);
  CHECK(entry.source == "a log");
  CHECK(entry.date == "2026-01-28");
  CHECK(entry.nccl_version == "2.29.2");
  REQUIRE(entry.pieces.size() == 2);
  CHECK(entry.pieces[0].latency.value() == Approx(13e-6));
  CHECK(entry.pieces[0].seconds_per_byte == 0);
  CHECK(entry.pieces[1].from.value() == 1048576);
  CHECK(entry.pieces[1].seconds_per_byte == Approx(5e-12));  // 1 / 200 GB/s
}

TEST_CASE("calibration file: what is written is read back, twice the same", "[unit]") {
  CollectiveCalibration entry;
  entry.system = "dgx-a100-80gb";
  entry.collective = Collective::send_recv;
  entry.ranks = 8;
  entry.nodes = 1;
  entry.spread = 0.0125;
  entry.points = 4;
  entry.smallest = Bytes{32};
  entry.largest = Bytes{1024};
  entry.source = "C:\\log \"one\": #2";
  entry.pieces = {{Bytes{32}, Seconds{12.5e-6}, 0}, {Bytes{512}, Seconds{0}, 4e-9}};
  const std::string text = calibration_file_text({{}, {entry}, {}});
  const auto back = parse_calibration(text, "c.yaml", catalog()).collectives;
  REQUIRE(back.size() == 1);
  CHECK(back[0].source == entry.source);
  CHECK(back[0].collective == Collective::send_recv);
  REQUIRE(back[0].pieces.size() == 2);
  CHECK(back[0].pieces[1].seconds_per_byte == Approx(4e-9));
  CHECK(calibration_file_text({{}, back, {}}) == text);
}

TEST_CASE("calibration file: mistakes are located", "[unit]") {
  CHECK(complaint("- 1\n") ==
        "c.yaml:1:1: error[E201]: a calibration must be a map of keys\n"
        "    1 | - 1\n"
        "      | ^\n"
        "      = hint: `lockstep calibrate LOG -o FILE` writes one\n");
  CHECK(complaint(file_with(begin + "[]}\n")).find("error[E601]: 0 pieces") != std::string::npos);
  CHECK(complaint(file_with(begin + "[{from: 8 B, latency: 1 us}, {from: 8 B, latency: 2 us}]}\n"))
            .find("error[E602]: this piece does not begin above the one before it") !=
        std::string::npos);
  CHECK(complaint(file_with(begin + "[{from: 8 B, latency: 0 us}]}\n"))
            .find("error[E602]: this piece takes no time at all") != std::string::npos);
  const std::string good = begin + "[{from: 8 B, latency: 1 us}]}\n";
  CHECK(complaint(file_with(good + good))
            .find("c.yaml:4:5: error[E603]: all_reduce of 8 ranks on 1 nodes of dgx-h100 is there "
                  "twice") != std::string::npos);
  CHECK(
      complaint(
          file_with(
              "  - {system: dgx-h100, collective: reduce, ranks: 9, nodes: 1, pieces: [{from: 8 B, "
              "latency: 1 us}]}\n"))
          .find("error[E604]: 9 ranks cannot be on 1 node of dgx-h100") != std::string::npos);
  CHECK(
      complaint(
          file_with(
              "  - {system: dgx-h10, collective: reduce, ranks: 8, nodes: 1, pieces: [{from: 8 B, "
              "latency: 1 us}]}\n"))
          .find("error[E605]: there is no system 'dgx-h10' in the catalog") != std::string::npos);
  CHECK(complaint("calibration: 2\ncollectives: []\n").find("'calibration' can't be '2'") !=
        std::string::npos);
  CHECK(complaint(file_with(begin + "[{from: 8, latency: 1 us}]}\n")).find("'from' needs a unit") !=
        std::string::npos);
  CHECK(complaint(file_with("  - {system: dgx-h100}\n"))
            .find("lacks the keys 'collective', 'ranks', 'nodes', 'pieces'") != std::string::npos);
}

TEST_CASE("calibrations: only clusters of the system get them, and none at all is an error",
          "[unit]") {
  Cluster h100;
  h100.system = catalog().system("dgx-h100");
  Cluster a100;
  a100.system = catalog().system("dgx-a100-80gb");
  const test::TemporaryFolder folder;
  const std::string file =
      folder.file("c.yaml", file_with(begin + "[{from: 8 B, latency: 1 us}]}\n"));
  const std::string later =
      folder.file("later.yaml", file_with(begin + "[{from: 8 B, latency: 2 us}]}\n"));
  apply_calibrations({file, later}, catalog(), {&h100, &a100});
  REQUIRE(h100.calibrations != nullptr);
  REQUIRE(h100.calibrations->entries().size() == 1);
  CHECK(h100.calibrations->entries()[0].pieces[0].latency.value() ==
        Approx(2e-6));  // the later file's
  CHECK(a100.calibrations == nullptr);
  CHECK_THROWS_WITH(apply_calibrations({file}, catalog(), {&a100}),
                    file +
                        ": error[E606]: this calibration is of dgx-h100, which no cluster here is\n"
                        "      = hint: the systems here: dgx-a100-80gb\n");
  h100.calibrations = nullptr;
  apply_calibrations({}, catalog(), {&h100});
  CHECK(h100.calibrations == nullptr);
  CHECK(a100.calibrations == nullptr);
}

TEST_CASE("calibration file: a measurement is told from a calibration", "[unit]") {
  const test::TemporaryFolder folder;
  const std::string file = folder.file("m.json", "{\"lockstep_measurement\": 1}\n");
  try {
    load_calibration(file, catalog());
    FAIL("it was read");
  } catch (const InputError& error) {
    CHECK(std::string(error.what()).find(
              "error[E613]: this is a measurement, no calibration\n") != std::string::npos);
    CHECK(std::string(error.what()).find(
              "= hint: `lockstep calibrate FILE -o CALIBRATION.yaml` makes one of it") !=
          std::string::npos);
  }
}
