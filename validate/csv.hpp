// A strict reader of comma-separated values (RFC 4180): quotes, commas and line breaks inside quotes, LF or
// CRLF, a UTF-8 byte order mark. What is broken is a located error; nothing is guessed.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/node.hpp"

namespace lockstep {

// The text of one cell, and where it begins: line and column from 0, column and length in bytes.
struct CsvCell {
  std::string text;
  std::size_t line = 0;
  std::size_t column = 0;
  std::size_t length = 1;   // in the file, quotes included
};

// One record; as many cells as the header has.
struct CsvRow {
  std::size_t line = 0;     // from 1
  std::vector<CsvCell> cells;
};

class CsvTable {
 public:
  std::string file;
  std::vector<CsvCell> header;
  std::vector<CsvRow> rows;

  // Position of the column of this name; upper and lower case are the same.
  [[nodiscard]] std::optional<std::size_t> find(const std::string& name) const;

  // A diagnostic at a cell, with the excerpt.
  [[nodiscard]] Diagnostic at(const CsvCell& cell, std::string code, std::string message, std::string hint) const;

  std::shared_ptr<const SourceText> source;
};

// Reads a whole file. Throws InputError with every error of the text (the first hundred):
// E181 empty, E182 not text, E183 a quote never closed, E184 text beside quotes, E185 a row with more or fewer
// cells than the header, E186 a header that is empty or repeated, E187 cells separated by something else than
// commas, which is then the only error.
CsvTable parse_csv(const std::string& text, const std::string& file_name);

// The text of one cell to be written: in quotes where it must be.
std::string csv_cell(const std::string& text);

// The text of a file. E180 with the hint where it cannot be read.
std::string csv_text(const std::string& path, const std::string& hint);

}  // namespace lockstep
