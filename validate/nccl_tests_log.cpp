#include "validate/nccl_tests_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "scenarios/utf8.hpp"
#include "validate/nccl_columns.hpp"
#include "validate/nccl_log_line.hpp"
#include "validate/nccl_log_parts.hpp"

namespace lockstep {
namespace {

constexpr std::size_t most_diagnostics = 100;
constexpr const char* cut_off_hint =
    "was the log cut off, or did another process print into the line? repair or remove the row";

// Reads a log from top to bottom. A row may be printed in pieces with messages of NCCL between them.
class LogReader {
 public:
  explicit LogReader(std::shared_ptr<const SourceText> source) { log_.source = std::move(source); }

  NcclLog read() {
    const std::string_view text = log_.source->text();
    std::size_t begin = 0;
    for (number_ = 0; begin < text.size(); ++number_) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      take(text.substr(begin, end - begin));
      begin = end + 1;
    }
    end_row();
    finish();
    return std::move(log_);
  }

 private:
  void report(std::size_t line, std::size_t column, std::size_t length, const char* code, std::string message,
              std::string hint) {
    if (diagnostics_.size() >= most_diagnostics) return;
    diagnostics_.push_back(diagnose({log_.source, line, column, std::max<std::size_t>(1, length)}, code,
                                    std::move(message), std::move(hint)));
  }

  void take(std::string_view text) {
    const LogLine line = read_log_line(text);
    if (std::optional<NcclColumns> header = read_header(line)) {
      end_row();
      begin_table(line, std::move(*header));
      return;
    }
    if (log_.tables.empty()) {
      if (!stray_row_ && looks_like_row(line)) stray_row_ = number_;
    } else if (take_row(line)) {
      return;
    }
    if (!line.nccl_message) take_remark(text, line);
  }

  // Rows look alike in every version, but without a header their columns have no names.
  [[nodiscard]] static bool looks_like_row(const LogLine& line) {
    static const NcclColumns any{
        {{NcclField::size, 0, {}}, {NcclField::count, 0, {}}, {NcclField::type, 0, {}}}, false, 1e-6};
    constexpr std::size_t fewest = 7;
    return row_words(line, any).size() >= fewest;
  }

  void begin_table(const LogLine& line, NcclColumns columns) {
    NcclTable table;
    const LogWord& first = line.words.front();
    table.where = {log_.source, number_, first.column, first.text.size()};
    if (!columns.has(NcclField::time) && !columns.has(NcclField::cpu_time)) {
      report(number_, first.column, first.text.size(), "E502", "the header of the table has no column 'time'",
             "a table of nccl-tests has the columns size, count, type, time, algbw and busbw");
    }
    table.cpu_time = columns.has(NcclField::cpu_time);
    name_.give(table);
    table.devices = devices_;
    columns_ = std::move(columns);
    log_.tables.push_back(std::move(table));
  }

  // Whether the line belongs to a row.
  bool take_row(const LogLine& line) {
    const std::vector<LogWord> words = row_words(line, columns_);
    if (!words.empty()) {
      end_row();
      row_line_ = number_;
      row_.assign(words.begin(), words.end());
      fit(line.nccl_message);
      return true;
    }
    if (row_.empty() || !continues_row(line)) return false;
    row_.insert(row_.end(), line.words.begin(), line.words.end());
    fit(line.nccl_message);
    return true;
  }

  // Takes the row over as soon as all of it was printed.
  void fit(bool interrupted) {
    RowCells cells = fit_row(row_, columns_);
    // What stands before a message may be half a word.
    if (cells.fit == RowFit::too_few || (cells.fit == RowFit::wrong_cell && interrupted)) return;
    const std::vector<LogWord> words = std::exchange(row_, {});
    const LogWord& cell = cells.cell;
    if (cells.fit == RowFit::wrong_cell) {
      report(number_, cell.column, cell.text.size(), "E504",
             fmt::format("'{}' in the column '{}' is no number", shortened(cell.text), cells.column),
             "a number, or N/A where nothing was measured");
    } else if (cells.fit == RowFit::too_many) {
      report(number_, cell.column, cell.text.size(), "E505",
             fmt::format("{} cells where the header has {} columns", words.size(), columns_.columns.size()),
             cut_off_hint);
    } else {
      cells.row.line = row_line_;
      log_.tables.back().rows.push_back(std::move(cells.row));
    }
  }

  // A row that is still open at its end was cut off.
  void end_row() {
    const std::vector<LogWord> words = std::exchange(row_, {});
    if (words.empty()) return;
    const LogWord& first = words.front();
    report(row_line_, first.column, first.text.size(), "E505",
           fmt::format("the row ends after {} of {} cells", words.size(), columns_.columns.size()), cut_off_hint);
  }

  void take_remark(std::string_view text, const LogLine& line) {
    if (!log_.tables.empty() && log_.tables.back().rows.empty()) {
      if (const std::optional<double> unit = stated_time_unit(line)) columns_.time_unit = *unit;
    }
    if (log_.nccl_version.empty()) log_.nccl_version = stated_nccl_version(text);
    if (starts_list(line)) devices_.clear();
    if (std::optional<NcclDevice> device = read_device(text, line)) {
      device->line = number_;
      if (device->rank == 0) devices_.clear();
      devices_.push_back(std::move(*device));
    }
    name_.take(line, {log_.source, number_, 0, 1});
  }

  void finish() {
    const std::shared_ptr<const SourceText>& source = log_.source;
    if (log_.tables.empty() && stray_row_) {
      report(*stray_row_, 0, source->line(*stray_row_).size(), "E501", "rows of a table without its header line",
             "put back the line above them: '#  size  count  type  redop  root  time  algbw  busbw …'");
    } else if (log_.tables.empty()) {
      Diagnostic diagnostic;
      diagnostic.code = "E501";
      diagnostic.file = source->name();
      diagnostic.message = "no table of nccl-tests in this file";
      diagnostic.hint = "expected the output of all_reduce_perf or another of its programs, or what -J writes";
      diagnostics_.push_back(std::move(diagnostic));
    }
    const bool nothing = std::all_of(log_.tables.begin(), log_.tables.end(),
                                     [](const NcclTable& table) { return table.rows.empty(); });
    if (nothing && diagnostics_.empty()) {
      const Location& where = log_.tables.front().where;
      report(where.line, where.column, where.length, "E503", "the table has no rows", "did the program stop early?");
    }
    if (!diagnostics_.empty()) throw InputError(std::move(diagnostics_));
    auto& tables = log_.tables;   // a header without rows: the program stopped, another one went on
    tables.erase(std::remove_if(tables.begin(), tables.end(), [](const auto& table) { return table.rows.empty(); }),
                 tables.end());
    check_times(log_);
  }

  NcclLog log_;
  NcclColumns columns_;        // of the last table
  ProgramName name_;
  std::vector<NcclDevice> devices_;
  std::vector<LogWord> row_;   // what was printed of a row that is not complete
  std::size_t row_line_ = 0;
  std::size_t number_ = 0;     // of the line
  std::optional<std::size_t> stray_row_;
  std::vector<Diagnostic> diagnostics_;
};

}  // namespace

NcclLog parse_nccl_log(const std::string& text, const std::string& file_name) {
  auto source = std::make_shared<const SourceText>(file_name, text, Origin::scenario);
  const std::size_t first = source->text().find_first_not_of(" \t\r\n");
  if (first != std::string::npos && source->text()[first] == '{') return parse_nccl_json(std::move(source));
  return LogReader(std::move(source)).read();
}

NcclLog load_nccl_log(const std::string& path) {
  std::error_code error;
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  const bool readable = stream.good() && !std::filesystem::is_directory(path, error);
  if (readable) text << stream.rdbuf();
  if (!readable || stream.bad()) {
    Diagnostic diagnostic;
    diagnostic.code = "E500";
    diagnostic.file = path;
    diagnostic.message = "the file cannot be read";
    diagnostic.hint = std::filesystem::exists(path, error) ? "is it a file that you may read?" : "there is no such file";
    throw InputError({std::move(diagnostic)});
  }
  return parse_nccl_log(text.str(), path);
}

}  // namespace lockstep
