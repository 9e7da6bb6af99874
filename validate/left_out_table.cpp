#include "validate/left_out_table.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "validate/csv.hpp"

namespace lockstep {
namespace {

constexpr std::array columns{"row_id",
                             "left_out",
                             "predicted_step_time_s",
                             "predicted_step_time_s_low",
                             "predicted_step_time_s_high",
                             "predicted_peak_memory_bytes",
                             "predicted_peak_memory_bytes_low",
                             "predicted_peak_memory_bytes_high",
                             "predicted_to_fit"};

constexpr const char* how_to_write =
    "lockstep-validate runs FILE... --leave-one-model-out --format predictions writes one";

class TableReader {
 public:
  explicit TableReader(const CsvTable& table) : table_(table) {}

  KeptPredictions read() {
    for (std::size_t i = 0; i < columns.size(); ++i) locate(i);
    if (!diagnostics_.empty()) throw InputError(std::move(diagnostics_));
    KeptPredictions out;
    for (const CsvRow& row : table_.rows) {
      const CsvCell& id = row.cells[at_[0]];
      if (!out.emplace(id.text, prediction(row)).second) {
        diagnostics_.push_back(table_.at(
            id, "E284", fmt::format("the row '{}' stands twice", id.text), "keep one of the two"));
      }
    }
    if (!diagnostics_.empty()) throw InputError(std::move(diagnostics_));
    return out;
  }

 private:
  void locate(std::size_t i) {
    if (const auto found = table_.find(columns[i])) {
      at_[i] = *found;
      return;
    }
    diagnostics_.push_back(table_.at(table_.header.front(), "E281",
                                     fmt::format("the required column '{}' is missing", columns[i]),
                                     "write the table anew with --format predictions"));
  }

  KeptPrediction prediction(const CsvRow& row) {
    KeptPrediction out;
    out.left_out = row.cells[at_[1]].text;
    out.step_time = {number(row, 2), number(row, 3), number(row, 4)};
    out.peak_memory = {number(row, 5), number(row, 6), number(row, 7)};
    out.fits = row.cells[at_[8]].text == "true";
    return out;
  }

  double number(const CsvRow& row, std::size_t column) {
    const CsvCell& cell = row.cells[at_[column]];
    const std::string& text = cell.text;
    double value = 0.0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && stop == text.data() + text.size() && std::isfinite(value))
      return value;
    diagnostics_.push_back(
        table_.at(cell, "E282", fmt::format("'{}' is '{}', not a number", columns[column], text),
                  "write the table anew with --format predictions"));
    return 0.0;
  }

  const CsvTable& table_;
  std::array<std::size_t, columns.size()> at_{};
  std::vector<Diagnostic> diagnostics_;
};

}  // namespace

KeptPredictions load_kept_predictions(const std::string& path) {
  return TableReader(parse_csv(csv_text(path, how_to_write), path)).read();
}

std::string runs_predictions(const RunsReport& report) {
  std::string out = fmt::format("{}\n", fmt::join(columns, ","));
  for (const RunResult& row : report.rows) {
    if (!row.simulated()) continue;
    const Predicted& time = row.step_time.predicted;
    const Predicted& memory = row.peak_memory.predicted;
    out += fmt::format("{},{},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},{}\n", csv_cell(row.row_id),
                       csv_cell(row.left_out), time.value, time.low, time.high, memory.value,
                       memory.low, memory.high, row.predicted_to_fit);
  }
  return out;
}

RunsReport with_predictions(RunsReport report, LeaveOut by, const KeptPredictions& kept) {
  report.left_out = by;
  report.searched.clear();  // with other constants
  for (RunResult& row : report.rows) {
    if (!row.simulated()) continue;
    const auto found = kept.find(row.row_id);
    if (found == kept.end()) {
      row.status = "no prediction of it was kept";
      continue;
    }
    const KeptPrediction& one = found->second;
    row.left_out = one.left_out;
    row.step_time.predicted = one.step_time;
    row.peak_memory.predicted = one.peak_memory;
    row.predicted_to_fit = one.fits;
  }
  analyse(report);
  return report;
}

}  // namespace lockstep
