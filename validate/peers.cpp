#include "validate/peers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "validate/csv.hpp"

namespace lockstep {
namespace {

constexpr std::array columns{"runs", "selection",     "metric",         "statistic",
                             "tool", "error_percent", "published_rows", "reference"};
constexpr std::array metrics{"step_time", "peak_memory"};
constexpr std::array statistics{"mean", "median", "max"};

std::string text_of(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  if (stream.good() && !std::filesystem::is_directory(path)) {
    text << stream.rdbuf();
    return text.str();
  }
  Diagnostic diagnostic;
  diagnostic.code = "E180";
  diagnostic.file = path;
  diagnostic.message = "the file cannot be read";
  diagnostic.hint = "is it a file that you may read?";
  throw InputError({std::move(diagnostic)});
}

class PeerReader {
 public:
  explicit PeerReader(const CsvTable& table) : table_(table) {}

  std::vector<PeerResult> read() {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (const auto found = table_.find(columns[i])) {
        at_[i] = *found;
      } else {
        problems_.push_back(table_.at(table_.header.front(), "E281",
                                      fmt::format("the required column '{}' is missing", columns[i]), ""));
      }
    }
    std::vector<PeerResult> out;
    if (problems_.empty()) {
      for (const CsvRow& row : table_.rows) out.push_back(result(row));
    }
    if (!problems_.empty()) throw InputError(std::move(problems_));
    return out;
  }

 private:
  const CsvCell& cell(const CsvRow& row, std::size_t column) const { return row.cells[at_[column]]; }

  template <typename Words>
  std::string one_of(const CsvCell& cell, const Words& words) {
    if (std::find(words.begin(), words.end(), cell.text) == words.end()) {
      problems_.push_back(table_.at(cell, "E282", fmt::format("'{}' is none of {}", cell.text, fmt::join(words, ", ")), ""));
    }
    return cell.text;
  }

  double number(const CsvCell& cell) {
    double value = 0.0;
    const char* end = cell.text.data() + cell.text.size();
    const auto [stop, error] = std::from_chars(cell.text.data(), end, value);
    if (error == std::errc{} && stop == end && value >= 0.0 && value < 1e9) return value;
    problems_.push_back(table_.at(cell, "E282", fmt::format("'{}' is not a number", cell.text), ""));
    return 0.0;
  }

  PeerResult result(const CsvRow& row) {
    PeerResult out;
    out.runs = cell(row, 0).text;
    out.selection = cell(row, 1).text;
    out.metric = one_of(cell(row, 2), metrics);
    out.statistic = one_of(cell(row, 3), statistics);
    out.tool = cell(row, 4).text;
    out.error = number(cell(row, 5)) / 100.0;
    out.rows = static_cast<std::size_t>(number(cell(row, 6)));
    out.reference = cell(row, 7).text;
    return out;
  }

  const CsvTable& table_;
  std::array<std::size_t, columns.size()> at_{};
  std::vector<Diagnostic> problems_;
};

}  // namespace

std::vector<PeerResult> load_peers(const std::string& path) { return PeerReader(parse_csv(text_of(path), path)).read(); }

std::vector<double> absolute_errors(const std::vector<RunResult>& rows, const std::string& metric,
                                    const std::string& source) {
  std::vector<double> out;
  for (const RunResult& row : rows) {
    const Comparison& one = metric == "peak_memory" ? row.peak_memory : row.step_time;
    const bool of_source = source.empty() || row.source == source;
    if (of_source && row.simulated() && one.measured_too()) out.push_back(std::fabs(one.error()));
  }
  return out;
}

double statistic_of(const std::vector<double>& values, const std::string& statistic) {
  if (values.empty()) return 0.0;
  if (statistic == "median") return median(values);
  if (statistic == "max") return *std::max_element(values.begin(), values.end());
  return mean(values);
}

std::vector<double> constant_mfu_errors(const std::vector<RunResult>& rows, const std::string& source,
                                        bool leave_model_out) {
  std::vector<const RunResult*> of_source;
  for (const RunResult& row : rows) {
    if (row.source == source && row.compared() && row.facts.ideal_step_s > 0) of_source.push_back(&row);
  }
  std::vector<double> out;
  for (const RunResult* row : of_source) {
    std::vector<double> utilisations;
    for (const RunResult* other : of_source) {
      if (leave_model_out && other->model == row->model) continue;
      utilisations.push_back(other->facts.ideal_step_s / other->step_time.measured);
    }
    if (utilisations.empty()) continue;
    const double predicted = row->facts.ideal_step_s / median(utilisations);
    out.push_back(std::fabs(predicted / row->step_time.measured - 1.0));
  }
  return out;
}

}  // namespace lockstep
