#include "validate/nccl_columns.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

namespace lockstep {
namespace {

constexpr std::size_t most_foreign_words = 6;   // before a row, of a launcher that is not known
constexpr double gigabyte = 1e9;

struct FieldName {
  std::string_view name;
  NcclField field;
};
constexpr std::array<FieldName, 17> field_names{{{"size", NcclField::size},
                                                 {"bytes", NcclField::size},
                                                 {"count", NcclField::count},
                                                 {"n", NcclField::count},
                                                 {"type", NcclField::type},
                                                 {"datatype", NcclField::type},
                                                 {"redop", NcclField::redop},
                                                 {"op", NcclField::redop},
                                                 {"root", NcclField::root},
                                                 {"time", NcclField::time},
                                                 {"cputime", NcclField::cpu_time},
                                                 {"algbw", NcclField::algorithm_bandwidth},
                                                 {"busbw", NcclField::bus_bandwidth},
                                                 {"#wrong", NcclField::wrong},
                                                 {"wrong", NcclField::wrong},
                                                 {"error", NcclField::wrong},
                                                 {"res", NcclField::wrong}}};

NcclField field_of(const std::string& name) {
  const auto found =
      std::find_if(field_names.begin(), field_names.end(), [&](const FieldName& one) { return one.name == name; });
  return found == field_names.end() ? NcclField::other : found->field;
}

bool begins_with_letter(std::string_view text) {
  return !text.empty() && ((text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z'));
}

// Names of element types in every version of nccl-tests and rccl-tests begin like this.
constexpr std::array<std::string_view, 12> type_beginnings{"int", "uint", "char", "half", "float", "double",
                                                           "bf",  "f8",   "fp",   "f16",  "f32",   "f64"};

bool is_type(std::string_view text) {
  const std::string word = lower_case(text);
  return std::any_of(type_beginnings.begin(), type_beginnings.end(),
                     [&](std::string_view beginning) { return word.rfind(beginning, 0) == 0; });
}

// The value of the last printed digit: 0.01 of "12.34", 1e5 of "1.1e+06".
double printed_step(std::string_view text) {
  const std::size_t exponent = text.find_first_of("eE");
  const std::string_view digits = text.substr(0, exponent);
  const std::size_t point = digits.find('.');
  const auto decimals = point == std::string_view::npos ? 0.0 : static_cast<double>(digits.size() - point - 1);
  double power = 0;
  if (exponent != std::string_view::npos) {
    std::string_view after = text.substr(exponent + 1);
    if (!after.empty() && after.front() == '+') after.remove_prefix(1);
    power = static_cast<double>(whole_number(after).value_or(0));
  }
  return std::pow(10.0, power - decimals);
}

// A time or bandwidth; false where the word is neither a number of at least 0 nor "N/A".
bool read_number(std::string_view text, double unit, std::optional<double>& out) {
  if (is_not_available(text)) return true;
  const std::optional<double> value = decimal_number(text);
  if (!value || *value < 0.0) return false;
  out = *value * unit;
  return true;
}

// Puts a word where its column belongs. False where it cannot be.
bool read_cell(std::string_view text, const NcclColumn& column, double time_unit, NcclRow& row) {
  NcclTiming& side = column.side == 0 ? row.out_of_place : row.in_place;
  switch (column.field) {
    case NcclField::size:
    case NcclField::count: {
      const std::optional<std::int64_t> value = whole_number(text);
      if (!value || *value < 0) return false;
      (column.field == NcclField::size ? row.size_bytes : row.count) = *value;
      return true;
    }
    case NcclField::type: row.type = text; return begins_with_letter(text);
    case NcclField::redop: row.redop = text; return true;
    case NcclField::root: row.root = whole_number(text); return row.root.has_value();
    case NcclField::time: return read_number(text, time_unit, side.time);
    case NcclField::cpu_time: {
      std::optional<double> of_host;
      return read_number(text, time_unit, of_host);
    }
    case NcclField::algorithm_bandwidth: return read_number(text, gigabyte, side.algorithm_bandwidth);
    case NcclField::bus_bandwidth:
      side.bandwidth_step = printed_step(text) * gigabyte;
      return read_number(text, gigabyte, side.bus_bandwidth);
    case NcclField::wrong: side.wrong = text; return true;
    case NcclField::other: return true;
  }
  return true;
}

}  // namespace

bool NcclColumns::has(NcclField field) const {
  return std::any_of(columns.begin(), columns.end(), [&](const NcclColumn& one) { return one.field == field; });
}

std::optional<double> stated_time_unit(const LogLine& line) {
  for (const LogWord& word : line.words) {
    if (word.text == "(us)") return 1e-6;
    if (word.text == "(ms)") return 1e-3;
    if (word.text == "(s)") return 1.0;
  }
  return std::nullopt;
}

std::optional<NcclColumns> read_header(const LogLine& line) {
  constexpr std::size_t fewest = 4;
  if (line.words.size() < fewest) return std::nullopt;
  NcclColumns out;
  int timings = 0;
  for (const LogWord& word : line.words) {
    NcclColumn column;
    column.name = lower_case(word.text);
    if (column.name == "timestamp") {
      out.time_stamp = true;
      continue;
    }
    column.field = field_of(column.name);
    if (column.field == NcclField::time || column.field == NcclField::cpu_time) ++timings;
    column.side = std::clamp(timings - 1, 0, 1);
    out.columns.push_back(std::move(column));
  }
  const bool begins = !out.columns.empty() && out.columns.front().field == NcclField::size;
  if (!begins || !(out.has(NcclField::bus_bandwidth) || out.has(NcclField::algorithm_bandwidth))) return std::nullopt;
  if (out.columns.front().name == "bytes") out.time_unit = 1e-3;   // 1.x, which has no line of units
  return out;
}

std::vector<LogWord> row_words(const LogLine& line, const NcclColumns& columns) {
  if (line.comment) return {};
  const std::vector<LogWord>& words = line.words;
  for (std::size_t i = 0; i < words.size() && i <= most_foreign_words; ++i) {
    bool fits = words.size() - i >= 3;
    for (std::size_t c = 0; fits && c < std::min<std::size_t>(3, columns.columns.size()); ++c) {
      const NcclField field = columns.columns[c].field;
      const std::string_view text = words[i + c].text;
      if (field == NcclField::size || field == NcclField::count) fits = whole_number(text).value_or(-1) >= 0;
      if (field == NcclField::type) fits = is_type(text);
    }
    if (fits) return {words.begin() + static_cast<std::ptrdiff_t>(i), words.end()};
  }
  return {};
}

bool continues_row(const LogLine& line) {
  return !line.comment && !line.words.empty() &&
         std::all_of(line.words.begin(), line.words.end(), [](const LogWord& word) {
           return is_not_available(word.text) || decimal_number(word.text).has_value();
         });
}

// Only redop and root may be empty. An empty redop shows, since operations are words; an empty root shows by the
// number of words. So 16964 is a time and not a root where the row would be a word short otherwise.
RowCells fit_row(const std::vector<LogWord>& words, const NcclColumns& columns) {
  RowCells out;
  const auto optional_cells = static_cast<std::size_t>(columns.has(NcclField::redop)) +
                              static_cast<std::size_t>(columns.has(NcclField::root));
  const std::size_t wanted = columns.columns.size();
  std::size_t empty = wanted > words.size() ? wanted - words.size() : 0;
  if (empty > optional_cells) {
    out.fit = RowFit::too_few;
    return out;
  }
  std::size_t next = 0;
  for (const NcclColumn& column : columns.columns) {
    const std::string_view word = next < words.size() ? words[next].text : std::string_view{};
    const bool may_be_empty = (column.field == NcclField::redop && !begins_with_letter(word)) ||
                              (column.field == NcclField::root && word != "-1");
    if (may_be_empty && empty > 0) {
      --empty;
      continue;
    }
    if (next == words.size()) {
      out.fit = RowFit::too_few;
      return out;
    }
    if (!read_cell(word, column, columns.time_unit, out.row)) {
      out.fit = RowFit::wrong_cell;
      out.cell = words[next];
      out.column = column.name;
      return out;
    }
    ++next;
  }
  if (next < words.size() && !columns.time_stamp) {
    out.fit = RowFit::too_many;
    out.cell = words[next];
  }
  return out;
}

}  // namespace lockstep
