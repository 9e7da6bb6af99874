#include "validate/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

namespace lockstep {
namespace {

constexpr std::size_t most_diagnostics = 100;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

class Reader {
 public:
  Reader(std::string_view text, CsvTable& table) : text_(text), table_(table) {}

  // All records, the header included.
  std::vector<CsvRow> records() {
    std::vector<CsvRow> all;
    while (position_ < text_.size() && !broken_) {
      CsvRow row = record();
      const bool blank = std::all_of(row.cells.begin(), row.cells.end(),
                                     [](const CsvCell& cell) { return trimmed(cell.text).empty(); });
      if (!blank) all.push_back(std::move(row));
    }
    return all;
  }

  void report(const CsvCell& cell, const char* code, std::string message, std::string hint) {
    if (diagnostics_.size() < most_diagnostics) {
      diagnostics_.push_back(table_.at(cell, code, std::move(message), std::move(hint)));
    }
  }

  void finish() {
    if (!diagnostics_.empty()) throw InputError(std::move(diagnostics_));
  }

 private:
  [[nodiscard]] bool at_end() const { return position_ >= text_.size(); }
  [[nodiscard]] bool at_line_break() const {
    if (at_end()) return false;
    return text_[position_] == '\n' ||
           (text_[position_] == '\r' && position_ + 1 < text_.size() && text_[position_ + 1] == '\n');
  }

  char take() {
    const char c = text_[position_++];
    if (c == '\n') {
      ++line_;
      column_ = 0;
    } else {
      ++column_;
    }
    return c;
  }

  CsvRow record() {
    CsvRow row;
    row.line = line_ + 1;
    for (;;) {
      row.cells.push_back(cell());
      if (at_end() || broken_) return row;
      if (at_line_break()) {
        if (take() == '\r') take();
        return row;
      }
      take();  // the comma
    }
  }

  CsvCell cell() {
    CsvCell cell;
    cell.line = line_;
    cell.column = column_;
    const std::size_t begin = position_;
    if (!at_end() && text_[position_] == '"') {
      quoted(cell);
    } else {
      while (!at_end() && text_[position_] != ',' && !at_line_break()) {
        if (text_[position_] == '"' && !stray_quote_) {
          stray_quote_ = true;
          CsvCell here = cell;
          here.column = column_;
          here.length = 1;
          report(here, "E184", "a quote inside a cell that does not begin with one",
                 "put the whole cell in quotes and double the quotes inside: \"8\"\" disk\"");
        }
        cell.text += take();
      }
      stray_quote_ = false;
    }
    cell.length = std::max<std::size_t>(1, position_ - begin);
    return cell;
  }

  void quoted(CsvCell& cell) {
    take();
    for (;;) {
      if (at_end()) {
        report(cell, "E183", "a quote is opened here and never closed",
               "close it with \"; a quote inside a cell is written \"\"");
        broken_ = true;
        return;
      }
      const char c = take();
      if (c != '"') {
        cell.text += c;
      } else if (!at_end() && text_[position_] == '"') {
        cell.text += take();
      } else {
        break;
      }
    }
    if (!at_end() && text_[position_] != ',' && !at_line_break()) {
      CsvCell here = cell;
      here.line = line_;
      here.column = column_;
      report(here, "E184", "text after the closing quote of a cell",
             "a comma or the end of the line must follow; a quote inside a cell is written \"\"");
      while (!at_end() && text_[position_] != ',' && !at_line_break()) take();
    }
  }

  std::string_view text_;
  CsvTable& table_;
  std::size_t position_ = 0;
  std::size_t line_ = 0;
  std::size_t column_ = 0;
  bool broken_ = false;
  bool stray_quote_ = false;
  std::vector<Diagnostic> diagnostics_;
};

Diagnostic empty_file(const std::string& file, std::string message) {
  Diagnostic diagnostic;
  diagnostic.code = "E181";
  diagnostic.file = file;
  diagnostic.message = std::move(message);
  diagnostic.hint = "the first line names the columns, each further line is one run";
  return diagnostic;
}

// What separates the cells of a header that no comma cuts; nullptr if nothing does.
const char* other_separator(const std::vector<CsvCell>& header) {
  if (header.size() != 1) return nullptr;
  if (header.front().text.find(';') != std::string::npos) return "semicolons";
  return header.front().text.find('\t') != std::string::npos ? "tabs" : nullptr;
}

[[noreturn]] void fail(Diagnostic diagnostic) { throw InputError({std::move(diagnostic)}); }

// The first byte that no table in UTF-8 holds.
void check_is_text(const CsvTable& table, std::string_view text) {
  CsvCell here;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool control = byte < 0x20 && c != '\n' && c != '\r' && c != '\t';
    if (control || byte == 0x7f) {
      Diagnostic diagnostic = table.at(here, "E182", fmt::format("not a text file: byte 0x{:02x}", byte),
                                       "save the table as CSV in UTF-8");
      diagnostic.source_line.clear();
      fail(std::move(diagnostic));
    }
    ++here.column;
    if (c == '\n') {
      ++here.line;
      here.column = 0;
    }
  }
}

}  // namespace

std::optional<std::size_t> CsvTable::find(const std::string& name) const {
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (lower(header[i].text) == lower(name)) return i;
  }
  return std::nullopt;
}

Diagnostic CsvTable::at(const CsvCell& cell, std::string code, std::string message, std::string hint) const {
  return diagnose({source, cell.line, cell.column, cell.length}, std::move(code), std::move(message), std::move(hint));
}

CsvTable parse_csv(const std::string& text, const std::string& file_name) {
  CsvTable table;
  table.file = file_name;
  std::string_view body = text;
  if (body.substr(0, 3) == "\xEF\xBB\xBF") body.remove_prefix(3);
  table.source = std::make_shared<SourceText>(file_name, std::string(body), Origin::scenario);
  check_is_text(table, body);
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    fail(empty_file(file_name, "the file is empty"));
  }

  Reader reader(body, table);
  std::vector<CsvRow> records = reader.records();
  if (records.empty()) {
    reader.finish();
    fail(empty_file(file_name, "the file has no cell with text in it"));
  }
  table.header = std::move(records.front().cells);
  records.erase(records.begin());
  if (const char* separator = other_separator(table.header)) {
    fail(table.at(table.header.front(), "E187", fmt::format("the cells are separated by {}, not by commas", separator),
                  "save the table with commas between the cells and points in the numbers"));
  }
  for (std::size_t i = 0; i < table.header.size(); ++i) {
    CsvCell& cell = table.header[i];
    cell.text = trimmed(cell.text);
    if (cell.text.empty()) {
      reader.report(cell, "E186", fmt::format("column {} has no name", i + 1), "give it one or remove the column");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (!cell.text.empty() && lower(table.header[j].text) == lower(cell.text)) {
        reader.report(cell, "E186", fmt::format("the column '{}' appears twice (column {} and column {})", cell.text,
                                                j + 1, i + 1),
                      "remove or rename one of them");
        break;
      }
    }
  }
  for (CsvRow& row : records) {
    if (row.cells.size() != table.header.size()) {
      reader.report(row.cells.front(), "E185",
                    fmt::format("{} cells where the header has {} columns", row.cells.size(), table.header.size()),
                    "is a comma missing or not in quotes?");
    }
  }
  table.rows = std::move(records);
  reader.finish();
  return table;
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string csv_text(const std::string& path, const std::string& hint) {
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
  diagnostic.hint = hint;
  throw InputError({std::move(diagnostic)});
}

}  // namespace lockstep
