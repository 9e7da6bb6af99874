// Measured under mpirun, fitted, written, and used again for predictions.
#include <cmath>
#include <nlohmann/json.hpp>

#include "scenarios/calibration_file.hpp"
#include "tests/catch.hpp"
#include "tests/cli/process.hpp"
#include "tests/support/mpirun.hpp"
#include "validate/measure/measurement.hpp"

using namespace lockstep;
using namespace lockstep::test;

namespace {

const std::string program = LOCKSTEP_TEST_VALIDATE_PROGRAM;

constexpr double latency = 20e-6;
constexpr double bytes_per_s = 2e9;
constexpr double fitted = 0.02;  // of a curve without noise

double known_time(std::int64_t bytes) { return latency + static_cast<double>(bytes) / bytes_per_s; }

bool has(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

// Lines that were wrapped, joined again.
std::string on_one_line(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const char next = c == '\n' ? ' ' : c;
    if (next != ' ' || out.empty() || out.back() != ' ') out += next;
  }
  return out;
}

// A catalog with a system of this machine's own.
std::string catalog_with_own_box(const TemporaryFolder& folder) {
  const std::filesystem::path catalog = folder.path() / "catalog";
  std::filesystem::copy(bundled(""), catalog, std::filesystem::copy_options::recursive);
  std::ofstream(catalog / "systems" / "own-box.yaml")
      << "based_on: rtx4090-pcie\ndescription: the machine that this test runs on\n";
  return catalog.string();
}

// The measurement with times of a known curve in place of the measured ones.
Measurement on_known_curve(Measurement measurement) {
  for (CollectiveSweep& sweep : measurement.collectives) {
    sweep.rank_slowness.clear();
    for (CollectivePoint& point : sweep.points) {
      const double time = known_time(point.size_bytes);
      for (auto* side : {&point.out_of_place, &point.in_place})
        if (*side) (*side)->time = {time, 0.99 * time, 1.01 * time, 0.01, 10, 20};
    }
  }
  return measurement;
}

Measurement measured_under_mpirun(int ranks, const std::string& catalog, const std::string& file) {
  const Finished run = mpirun(ranks, program,
                              {"mpi", "-c", "all_reduce,all_gather", "--smallest", "1K", "--largest", "1M",
                               "--seconds", "0.01", "--cluster", "own-box", "--catalog", catalog, "-o", file});
  INFO(run.err);
  REQUIRE(run.code == 0);
  Measurement measurement = parse_measurement(read_file(file), file);
  CHECK(measurement.machine.system == "own-box");
  REQUIRE(measurement.collectives.size() == 2);
  return measurement;
}

// The machine's own times may be too wild to fit: then it is said what is refused and why.
void check_real_fit(const std::string& file, const std::string& catalog, const std::string& out) {
  const Finished fit = start(program, {"calibrate", file, "--catalog", catalog, "-o", out});
  INFO(fit.out << fit.err);
  CHECK((fit.code == 0 || fit.code == 3));
  if (fit.code == 0) CHECK(has(fit.err, "lockstep-validate: wrote " + out + " with "));
  if (fit.code == 3) CHECK(has(fit.out, "efused"));
}

void check_known_fit(const std::string& calibration, const std::string& catalog, int ranks) {
  const CalibrationContents contents =
      parse_calibration(read_file(calibration), calibration, Catalog(catalog));
  REQUIRE(contents.collectives.size() == 2);
  for (const CollectiveCalibration& entry : contents.collectives) {
    CHECK(entry.system == "own-box");
    CHECK(entry.ranks == ranks);
    CHECK(entry.nodes == 1);
    CHECK(entry.points == 11);
  }
}

// `lockstep collectives` on the group that was measured gives what was measured.
void check_table(const std::string& calibration, const std::string& catalog, int ranks) {
  const std::vector<std::string> words{"collectives", "own-box", "-c",      "all_reduce", "-g",
                                       std::to_string(ranks), "--begin", "1K", "--end", "1M",
                                       "--catalog", catalog, "--calibration", calibration};
  const Finished text = run_lockstep(words);
  CHECK(text.code == 0);
  CHECK(has(text.out, "# calibrated: measured on this group\n"));
  std::vector<std::string> as_json = words;
  as_json.insert(as_json.end(), {"--format", "json"});
  const auto table = nlohmann::json::parse(run_lockstep(as_json).out);
  REQUIRE(table["rows"].size() == 11);
  for (const auto& row : table["rows"]) {
    const double wanted = known_time(row["size_bytes"].get<std::int64_t>());
    CHECK(row["time_s"].get<double>() == Approx(wanted).epsilon(fitted));
  }
}

void check_comparison(const TemporaryFolder& folder, const std::string& calibration, const std::string& catalog) {
  std::string text = read_file(bundled("llama2-7b-8xrtx4090.yaml"));
  const std::string system = "rtx4090-pcie";
  const std::size_t at = text.find(system);
  REQUIRE(at != std::string::npos);
  const std::string scenario = folder.file("own.yaml", text.replace(at, system.size(), "own-box"));
  const Finished compared = run_lockstep({"compare", scenario, "--catalog", catalog, "--calibration", calibration});
  INFO(compared.out << compared.err);
  CHECK(compared.code == 0);
  CHECK(has(compared.out, "Calibrated with"));
}

void check_pipeline(int ranks) {
  const TemporaryFolder folder;
  const std::string catalog = catalog_with_own_box(folder);
  const std::string real = (folder.path() / "real.json").string();
  const Measurement measurement = measured_under_mpirun(ranks, catalog, real);
  check_real_fit(real, catalog, (folder.path() / "real.yaml").string());

  const std::string known = folder.file("known.json", measurement_json(on_known_curve(measurement)));
  const std::string calibration = (folder.path() / "known.yaml").string();
  const Finished fit = start(program, {"calibrate", known, "--catalog", catalog, "-o", calibration});
  INFO(fit.out << fit.err);
  REQUIRE(fit.code == 0);
  check_known_fit(calibration, catalog, ranks);
  check_table(calibration, catalog, ranks);
  check_comparison(folder, calibration, catalog);
}

}  // namespace

TEST_CASE("Two ranks: measured, fitted, written, used", "[mpi]") {
  LOCKSTEP_NEEDS_MPIRUN();
  check_pipeline(2);
}

TEST_CASE("Four ranks: measured, fitted, written, used", "[mpi]") {
  LOCKSTEP_NEEDS_MPIRUN();
  check_pipeline(4);
}

TEST_CASE("What one rank alone measured is refused by calibrate", "[mpi]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "alone.json").string();
  const Finished run = start(program, {"mpi", "-c", "all_reduce", "--largest", "1K", "--seconds", "0.01", "-o", file},
                             mpirun_options());
  REQUIRE(run.code == 0);
  const Finished fit = start(program, {"calibrate", file});
  CHECK(fit.code == 3);
  INFO(fit.out);
  CHECK(has(on_one_line(fit.out), "a functional test: one rank alone communicates with nobody"));
}
