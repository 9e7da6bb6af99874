// The columns of an nccl-tests table by the names of its header, and which word of a row belongs to which.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "validate/nccl_log_line.hpp"
#include "validate/nccl_tests_log.hpp"

namespace lockstep {

enum class NcclField { size, count, type, redop, root, time, cpu_time, algorithm_bandwidth, bus_bandwidth, wrong, other };

struct NcclColumn {
  NcclField field = NcclField::other;
  int side = 0;       // 0 out of place, 1 in place
  std::string name;   // as the header has it
};

struct NcclColumns {
  std::vector<NcclColumn> columns;
  bool time_stamp = false;   // a last column whose text may have blanks; not among `columns`
  double time_unit = 1e-6;   // seconds

  [[nodiscard]] bool has(NcclField field) const;
};

// The columns, where the line is a header; a header may lack columns that a table needs.
std::optional<NcclColumns> read_header(const LogLine& line);

// The unit of times that the line under the header states: "(us)".
std::optional<double> stated_time_unit(const LogLine& line);

// The words of a row, from its size on; empty where the line is none. A row may be cut off.
std::vector<LogWord> row_words(const LogLine& line, const NcclColumns& columns);

// Whether all words are cells that may continue a row.
bool continues_row(const LogLine& line);

enum class RowFit { complete, too_few, too_many, wrong_cell };

struct RowCells {
  RowFit fit = RowFit::complete;
  NcclRow row;                 // where complete; `line` is not set
  LogWord cell;                // where a cell is wrong: the word
  std::string column;          // and its column
};

RowCells fit_row(const std::vector<LogWord>& words, const NcclColumns& columns);

}  // namespace lockstep
