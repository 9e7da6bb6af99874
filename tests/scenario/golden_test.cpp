// Is the text of every bundled scenario what was reviewed? LOCKSTEP_UPDATE_GOLDEN=1 writes the files anew.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <locale>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "sim/cli/commands.hpp"
#include "sim/report/display.hpp"
#include "tests/catch.hpp"
#include "tests/scenario/bundled.hpp"

using namespace lockstep::test;

namespace {

const std::filesystem::path golden_folder = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/tests/scenario/golden";

// Partition and memory sum to their headlines up to the rounding of double additions.
constexpr double sum_tolerance = 1e-9;

std::string output_of(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  const int code = lockstep::cli::run(arguments, out, err, {});
  CAPTURE(arguments);
  CHECK(err.str().empty());
  CHECK((code == lockstep::cli::exit_ok || code == lockstep::cli::exit_infeasible));
  return out.str();
}

std::string first_plan(const std::string& scenario) {
  return nlohmann::json::parse(output_of({"compare", scenario, "--format", "json"}))["plans"][0]["name"];
}

// What the golden files of one scenario hold: the comparison, and its first plan in full.
std::vector<std::pair<std::string, std::string>> texts_of(const std::filesystem::path& scenario) {
  const std::string file = scenario.string();
  const std::string stem = scenario.stem().string();
  return {{stem + ".compare.txt", output_of({"compare", file})},
          {stem + ".simulate.txt", output_of({"simulate", file, "--plan", first_plan(file)})}};
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool updating() {
  const char* value = std::getenv("LOCKSTEP_UPDATE_GOLDEN");
  return value != nullptr && std::string(value) == "1";
}

// Decimal commas and grouped digits, as in German.
class GermanNumbers : public std::numpunct<char> {
 protected:
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

}  // namespace

TEST_CASE("there are scenarios", "[scenario]") { CHECK(bundled_scenarios().size() >= 6); }

TEST_CASE("the texts of every bundled scenario are the golden ones", "[scenario]") {
  std::set<std::string> known;
  for (const std::filesystem::path& scenario : bundled_scenarios()) {
    for (const auto& [name, text] : texts_of(scenario)) {
      known.insert(name);
      if (updating()) {
        std::filesystem::create_directories(golden_folder);
        std::ofstream(golden_folder / name, std::ios::binary) << text;
      }
      INFO(name << " differs; LOCKSTEP_UPDATE_GOLDEN=1 writes it anew, to be reviewed as a diff");
      CHECK(text == read(golden_folder / name));
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder)) {
    const std::string name = entry.path().filename().string();
    if (known.count(name) == 0 && updating()) std::filesystem::remove(entry.path());
    INFO(name << " belongs to no bundled scenario");
    CHECK((known.count(name) == 1 || updating()));
  }
}

TEST_CASE("every text fits 100 columns and has no trailing space", "[scenario]") {
  for (const std::filesystem::path& scenario : bundled_scenarios()) {
    for (const auto& [name, text] : texts_of(scenario)) {
      CAPTURE(name);
      std::istringstream lines(text);
      for (std::string line; std::getline(lines, line);) {
        CAPTURE(line);
        CHECK(lockstep::display_width(line) <= 100);
        CHECK((line.empty() || line.back() != ' '));
      }
    }
  }
}

TEST_CASE("a second run and another locale give the same bytes", "[scenario]") {
  for (const std::filesystem::path& scenario : bundled_scenarios()) {
    CAPTURE(scenario.string());
    for (const std::string format : {"text", "json", "csv"}) {
      const std::vector<std::string> words{"compare", scenario.string(), "--format", format};
      const std::string plain = output_of(words);
      CHECK(output_of(words) == plain);
      const std::locale before = std::locale::global(std::locale(std::locale::classic(), new GermanNumbers));
      const std::string german = output_of(words);
      std::locale::global(before);
      CHECK(german == plain);
    }
  }
}

TEST_CASE("the JSON of every plan sums to its headlines", "[scenario]") {
  for (const std::filesystem::path& scenario : bundled_scenarios()) {
    const nlohmann::json report =
        nlohmann::json::parse(output_of({"compare", scenario.string(), "--format", "json"}));
    CHECK(report["ranking"].size() == report["plans"].size());
    for (const nlohmann::json& plan : report["plans"]) {
      CAPTURE(scenario.string(), plan["name"]);
      double seconds = 0;
      for (const nlohmann::json& line : plan["partition"]) {
        CHECK(line["seconds"].get<double>() >= 0);
        seconds += line["seconds"].get<double>();
      }
      CHECK(seconds == Approx(plan["step_time_s"]["value"].get<double>()).epsilon(sum_tolerance));
      double bytes = 0;
      for (const nlohmann::json& line : plan["memory"]) bytes += line["bytes"].get<double>();
      CHECK(bytes == Approx(plan["peak_memory_bytes"]["value"].get<double>()).epsilon(sum_tolerance));
      for (const char* key :
           {"step_time_s", "tokens_per_s_per_gpu", "mfu", "hfu", "peak_memory_bytes", "peak_allocated_bytes"}) {
        CAPTURE(key);
        CHECK(plan[key]["low"].get<double>() > 0);
        CHECK(plan[key]["low"].get<double>() < plan[key]["value"].get<double>());
        CHECK(plan[key]["value"].get<double>() < plan[key]["high"].get<double>());
      }
      CHECK(plan["peak_allocated_bytes"]["value"].get<double>() < plan["peak_memory_bytes"]["value"].get<double>());
      CHECK(plan["feasible"].get<bool>() == plan["infeasible_reason"].is_null());
      // More is run than the model asks for only where something is recomputed.
      CHECK(plan["hfu"]["value"].get<double>() >= plan["mfu"]["value"].get<double>() * (1 - sum_tolerance));
      CHECK(plan["mfu"]["value"].get<double>() < 1);
    }
  }
}
