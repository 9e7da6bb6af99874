#include "validate/peers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "validate/csv.hpp"

namespace lockstep {
namespace {

constexpr std::array metrics{"step_time", "peak_memory"};
constexpr std::array statistics{"mean", "median", "max"};

// A table whose columns are all required, and what is wrong with it.
class PeerReader {
 public:
  PeerReader(const CsvTable& table, std::vector<std::string> columns)
      : table_(table), columns_(std::move(columns)) {
    for (const std::string& column : columns_) {
      const auto found = table_.find(column);
      at_.push_back(found.value_or(0));
      if (found) continue;
      problems_.push_back(table_.at(table_.header.front(), "E281",
                                    fmt::format("the required column '{}' is missing", column),
                                    ""));
    }
  }

  [[nodiscard]] bool complete() const { return problems_.empty(); }
  void check() {
    if (!problems_.empty()) throw InputError(std::move(problems_));
  }

  [[nodiscard]] const std::string& text(const CsvRow& row, std::size_t column) const {
    return row.cells[at_[column]].text;
  }

  template <typename Words>
  std::string one_of(const CsvRow& row, std::size_t column, const Words& words) {
    const std::string& word = text(row, column);
    if (std::find(words.begin(), words.end(), word) == words.end()) {
      problems_.push_back(table_.at(row.cells[at_[column]], "E282",
                                    fmt::format("'{}' is none of {}", word, fmt::join(words, ", ")),
                                    ""));
    }
    return word;
  }

  // 0 where the cell is empty and may be.
  double number(const CsvRow& row, std::size_t column, bool may_be_empty = false) {
    const std::string& word = text(row, column);
    if (word.empty() && may_be_empty) return 0.0;
    double value = 0.0;
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error == std::errc{} && stop == word.data() + word.size() && value >= 0.0 && value < 1e9)
      return value;
    problems_.push_back(
        table_.at(row.cells[at_[column]], "E282", fmt::format("'{}' is not a number", word), ""));
    return 0.0;
  }

 private:
  const CsvTable& table_;
  std::vector<std::string> columns_;
  std::vector<std::size_t> at_;
  std::vector<Diagnostic> problems_;
};

}  // namespace

std::vector<PeerResult> load_peers(const std::string& path) {
  const CsvTable table = parse_csv(csv_text(path, "is it a file that you may read?"), path);
  PeerReader reader(table, {"runs", "selection", "metric", "statistic", "tool", "error_percent",
                            "published_rows", "reference"});
  std::vector<PeerResult> out;
  for (const CsvRow& row : table.rows) {
    if (!reader.complete() && out.empty()) break;  // without its columns nothing can be read
    out.push_back({reader.text(row, 0), reader.text(row, 1), reader.one_of(row, 2, metrics),
                   reader.one_of(row, 3, statistics), reader.text(row, 4),
                   reader.number(row, 5) / 100.0, static_cast<std::size_t>(reader.number(row, 6)),
                   reader.text(row, 7)});
  }
  reader.check();
  return out;
}

std::vector<PeerStep> load_peer_steps(const std::string& path) {
  const CsvTable table = parse_csv(csv_text(path, "is it a file that you may read?"), path);
  PeerReader reader(
      table, {"selection", "model", "recompute", "tool", "step_time_s", "memory_gib", "reference"});
  std::vector<PeerStep> out;
  for (const CsvRow& row : table.rows) {
    if (!reader.complete() && out.empty()) break;
    out.push_back({reader.text(row, 0), reader.text(row, 1), reader.text(row, 2),
                   reader.text(row, 3), reader.number(row, 4, true), reader.number(row, 5, true),
                   reader.text(row, 6)});
  }
  reader.check();
  return out;
}

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

std::vector<double> constant_mfu_errors(const std::vector<RunResult>& rows,
                                        const std::string& source, bool leave_model_out) {
  std::vector<const RunResult*> of_source;
  for (const RunResult& row : rows) {
    if (row.source == source && row.compared() && row.facts.ideal_step_s > 0)
      of_source.push_back(&row);
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
