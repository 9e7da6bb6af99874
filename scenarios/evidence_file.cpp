// The file is YAML whose last key, `runs`, is a block scalar: the table. Its lines are read here and
// only what stands before it by the YAML reader, which would take 20 times as long for it.
//
// The table, a line each, indented by two spaces:
//   = source|model|gpu|generation|system|software|precision|parameters in millions|experts 0 or 1
// opens a group of runs, and each of its runs is a line of 19 columns:
//   row_id's end, gpus, tensor, pipeline, context, expert, data, micro_batch, sequence,
//   sharding 0-3, recompute 0-2, step time in us, its error, its error with the source left out,
//   its spread, memory in MiB, its kind 0-3, its error, its spread
// Errors and spreads are in units of 1e-4.
#include "scenarios/evidence_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <tuple>

#include "scenarios/fields.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/tree_reader.hpp"
#include "scenarios/yaml_reader.hpp"

namespace lockstep {
namespace {

constexpr const char* file_name = "evidence.yaml";
constexpr std::string_view table_opens = "\nruns: |\n";
constexpr std::string_view indent = "  ";
constexpr const char* hint = "`lockstep calibrate --corpus runs` writes it";
constexpr double error_unit = 1e-4;
constexpr double time_unit = 1e-6;
constexpr double memory_unit = 0x1p20;
constexpr double parameter_unit = 1e6;
constexpr std::size_t group_columns = 9;
constexpr std::size_t run_columns = 18;  // numbers, after the first word

constexpr std::array<const char*, 4> shardings{"none", "optimizer", "gradients", "fsdp"};
constexpr std::array<const char*, 3> recomputes{"none", "selective", "full"};
constexpr std::array<const char*, 4> memory_kinds{"", "allocated", "reserved", "device"};

struct EvidenceFile {
  ResidualLaw step, memory;
};

void describe(FieldVisitor& visitor, ResidualLaw& law) {
  constexpr Range scale{0.0, 3.0};
  constexpr Range factor{0.0, 100.0};
  visitor.number({"scale", "Standard deviation of ln(measured/predicted).", true}, law.scale,
                 scale);
  visitor.number({"experts", "Factor on it with experts.", true}, law.experts, factor);
  visitor.number({"context", "Factor with context parallelism.", true}, law.context, factor);
  visitor.number({"narrow", "Factor with linears of 8 or 4 bit.", true}, law.narrow, factor);
  visitor.number({"unknown", "Factor where this software never met this generation of GPUs.", true},
                 law.unknown, factor);
  visitor.number({"lower", "Factor below the prediction.", true}, law.lower, factor);
  visitor.number({"upper", "Factor above the prediction.", true}, law.upper, factor);
  visitor.number({"peculiar", "Share of the variance that is a plan's own.", true}, law.peculiar,
                 {0.0, 1.0});
}

void describe(FieldVisitor& visitor, EvidenceFile& file) {
  visitor.group({"step_time", "What is left of the errors of step times.", true},
                [&](FieldVisitor& inner) { describe(inner, file.step); });
  visitor.group({"peak_memory", "What is left of the errors of peak memory.", true},
                [&](FieldVisitor& inner) { describe(inner, file.memory); });
}

// Cuts the text at each separator; an empty text is one empty piece.
std::vector<std::string_view> cut(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (std::size_t at = 0;;) {
    const std::size_t end = text.find(separator, at);
    pieces.push_back(text.substr(at, end - at));
    if (end == std::string_view::npos) return pieces;
    at = end + 1;
  }
}

bool to_number(std::string_view text, double& number) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  number = static_cast<double>(value);
  return error == std::errc{} && end == text.data() + text.size();
}

template <std::size_t N>
bool to_name(double number, const std::array<const char*, N>& names, std::string& name) {
  if (number < 0 || number >= static_cast<double>(N)) return false;
  name = names[static_cast<std::size_t>(number)];
  return true;
}

bool read_group(std::string_view line, EvidenceRow& group) {
  const std::vector<std::string_view> words = cut(line, '|');
  if (words.size() != group_columns) return false;
  std::size_t next = 0;
  for (std::string* text : {&group.source, &group.model, &group.gpu, &group.generation,
                            &group.system, &group.software, &group.precision}) {
    *text = words[next++];
  }
  double millions = 0;
  double experts = 0;
  if (!to_number(words[7], millions) || !to_number(words[8], experts)) return false;
  group.parameters = millions * parameter_unit;
  group.experts = experts != 0;
  return true;
}

bool read_run(std::string_view line, EvidenceRow& row) {
  std::array<double, run_columns> numbers{};
  const std::size_t name_end = line.find(' ');
  if (name_end == std::string_view::npos) return false;
  row.row_id = row.source + "-" + std::string(line.substr(0, name_end));
  std::size_t at = name_end + 1;
  for (double& number : numbers) {
    if (at > line.size()) return false;
    const std::size_t end = std::min(line.find(' ', at), line.size());
    if (!to_number(line.substr(at, end - at), number)) return false;
    at = end + 1;
  }
  if (at <= line.size()) return false;
  std::size_t next = 0;
  for (double* number : {&row.gpus, &row.tensor, &row.pipeline, &row.context, &row.expert,
                         &row.data, &row.micro_batch, &row.sequence}) {
    *number = numbers[next++];
  }
  if (!to_name(numbers[8], shardings, row.sharding)) return false;
  if (!to_name(numbers[9], recomputes, row.recompute)) return false;
  if (!to_name(numbers[15], memory_kinds, row.memory_kind)) return false;
  row.step_time_s = numbers[10] * time_unit;
  row.step_error = numbers[11] * error_unit;
  row.step_error_new_source = numbers[12] * error_unit;
  row.step_spread = numbers[13] * error_unit;
  row.peak_memory_bytes = numbers[14] * memory_unit;
  row.memory_error = numbers[16] * error_unit;
  row.memory_spread = numbers[17] * error_unit;
  return true;
}

// Number of the first line that is no line of the table, from 1; 0 where all are.
std::size_t read_runs(std::string_view table, std::vector<EvidenceRow>& rows) {
  EvidenceRow group;
  bool open = false;
  std::size_t number = 0;
  rows.reserve(static_cast<std::size_t>(std::count(table.begin(), table.end(), '\n')));
  for (std::string_view line : cut(table, '\n')) {
    ++number;
    if (line.empty()) continue;
    if (line.substr(0, indent.size()) != indent) return number;
    line.remove_prefix(indent.size());
    if (line.substr(0, 2) == "= ") {
      group = {};
      open = read_group(line.substr(2), group);
      if (!open) return number;
      continue;
    }
    if (!open) return number;
    rows.push_back(group);
    if (!read_run(line, rows.back())) return number;
  }
  return 0;
}

std::int64_t whole(double value, double unit) {
  return static_cast<std::int64_t>(std::llround(value / unit));
}

template <std::size_t N>
std::size_t number_of(const std::string& name, const std::array<const char*, N>& names) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? 0 : static_cast<std::size_t>(found - names.begin());
}

std::string word(std::string text) {
  for (char& c : text) {
    if (c == '|' || static_cast<unsigned char>(c) < 0x20) c = '/';
  }
  return text;
}

std::string group_line(const EvidenceRow& row) {
  return fmt::format("  = {}|{}|{}|{}|{}|{}|{}|{}|{}\n", word(row.source), word(row.model),
                     word(row.gpu), word(row.generation), word(row.system), word(row.software),
                     word(row.precision), whole(row.parameters, parameter_unit),
                     row.experts ? 1 : 0);
}

std::string run_line(const EvidenceRow& row) {
  // The part of row_id behind its source.
  const std::string id = row.row_id.substr(std::min(row.row_id.size(), row.source.size() + 1));
  return fmt::format("  {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}\n", word(id),
                     row.gpus, row.tensor, row.pipeline, row.context, row.expert, row.data,
                     row.micro_batch, row.sequence, number_of(row.sharding, shardings),
                     number_of(row.recompute, recomputes), whole(row.step_time_s, time_unit),
                     whole(row.step_error, error_unit),
                     whole(row.step_error_new_source, error_unit),
                     whole(row.step_spread, error_unit), whole(row.peak_memory_bytes, memory_unit),
                     number_of(row.memory_kind, memory_kinds), whole(row.memory_error, error_unit),
                     whole(row.memory_spread, error_unit));
}

std::string law_text(const char* key, const ResidualLaw& law) {
  return fmt::format(
      "{}: {{scale: {:.4f}, experts: {:.3f}, context: {:.3f}, narrow: {:.3f}, unknown: {:.3f}, "
      "lower: {:.3f}, upper: {:.3f}, peculiar: {:.3f}}}\n",
      key, law.scale, law.experts, law.context, law.narrow, law.unknown, law.lower, law.upper,
      law.peculiar);
}

auto group_of(const EvidenceRow& row) {
  return std::tie(row.source, row.model, row.gpu, row.system, row.software, row.precision);
}

}  // namespace

std::string evidence_text(const Evidence& evidence, const std::string& heading) {
  std::string out = heading;
  out += law_text("step_time", evidence.step);
  out += law_text("peak_memory", evidence.memory);
  out += "runs: |\n";
  std::vector<const EvidenceRow*> rows;
  for (const EvidenceRow& row : evidence.rows) rows.push_back(&row);
  std::stable_sort(rows.begin(), rows.end(), [](const EvidenceRow* a, const EvidenceRow* b) {
    return group_of(*a) < group_of(*b);
  });
  const EvidenceRow* before = nullptr;
  for (const EvidenceRow* row : rows) {
    if (before == nullptr || group_of(*before) != group_of(*row)) out += group_line(*row);
    out += run_line(*row);
    before = row;
  }
  return out;
}

void load_evidence(const std::filesystem::path& folder, Evidence& evidence,
                   std::vector<Diagnostic>& problems) {
  const std::filesystem::path path = folder / file_name;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return;
  const std::size_t before = problems.size();
  const std::optional<std::string> text = read_text_file(path, Origin::catalog, problems);
  if (!text) return;
  const std::size_t opens = text->find(table_opens);
  const auto source = std::make_shared<const SourceText>(path.string(), text->substr(0, opens),
                                                         Origin::catalog);
  const std::optional<Node> root = parse_yaml(source, problems);
  if (!root || problems.size() > before) return;
  if (root->kind != Node::Kind::map) {
    problems.push_back(diagnose(root->where, "E204", "the file must be a map of keys", hint));
    return;
  }
  EvidenceFile file;
  NoEntries entries;
  ReadContext context{problems, entries};
  read_map(*root, Location{source, 0, 0, 1}, "", context,
           [&](FieldVisitor& visitor) { describe(visitor, file); });
  if (problems.size() > before) return;
  if (opens == std::string::npos) {
    problems.push_back(diagnose(root->where, "E612", "the table 'runs' is missing", hint));
    return;
  }
  std::vector<EvidenceRow> rows;
  const std::string_view table = std::string_view(*text).substr(opens + table_opens.size());
  if (const std::size_t line = read_runs(table, rows); line > 0) {
    problems.push_back(diagnose(root->where, "E612",
                                fmt::format("line {} of the table 'runs' is no run", line), hint));
    return;
  }
  evidence.rows = std::move(rows);
  evidence.step = file.step;
  evidence.memory = file.memory;
}

}  // namespace lockstep
