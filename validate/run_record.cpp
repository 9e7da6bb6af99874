#include "validate/run_record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <utility>

namespace lockstep {
namespace {

struct CountColumn {
  const char* name;
  StatedCount RunRecord::*member;
  std::int64_t low;
  std::int64_t high;
  bool zero_means_unstated;
};

// Bounds are far beyond any machine or model, so that what lies outside is a slip of the pen.
constexpr std::array<CountColumn, 22> count_columns{{
    {"layers", &RunRecord::layers, 1, 100'000, false},
    {"hidden", &RunRecord::hidden, 1, 10'000'000, false},
    {"ffn_hidden", &RunRecord::ffn_hidden, 1, 100'000'000, true},
    {"heads", &RunRecord::heads, 1, 1'000'000, false},
    {"kv_heads", &RunRecord::kv_heads, 1, 1'000'000, true},
    {"head_dim", &RunRecord::head_dim, 1, 1'000'000, true},
    {"vocab", &RunRecord::vocab, 1, 100'000'000, true},
    {"seq_len", &RunRecord::seq_len, 1, 1'000'000'000, false},
    {"moe_experts", &RunRecord::moe_experts, 1, 1'000'000, true},
    {"moe_topk", &RunRecord::moe_topk, 1, 1'000'000, true},
    {"gpus_per_node", &RunRecord::gpus_per_node, 1, 100'000, true},
    {"num_gpus", &RunRecord::num_gpus, 1, 10'000'000, false},
    {"tp", &RunRecord::tp, 1, 1'000'000, true},
    {"pp", &RunRecord::pp, 1, 1'000'000, true},
    {"vpp", &RunRecord::vpp, 1, 1'000'000, true},
    {"dp", &RunRecord::dp, 1, 10'000'000, true},
    {"cp", &RunRecord::cp, 1, 1'000'000, true},
    {"ep", &RunRecord::ep, 1, 1'000'000, true},
    {"zero_stage", &RunRecord::zero_stage, 0, 3, false},
    {"hsdp_shard_size", &RunRecord::hsdp_shard_size, 1, 10'000'000, true},
    {"micro_batch", &RunRecord::micro_batch, 1, 10'000'000, false},
    {"global_batch", &RunRecord::global_batch, 1, 1'000'000'000, false},
}};

struct NumberColumn {
  const char* name;
  StatedNumber RunRecord::*member;
  double high;
  const char* unit;
};

constexpr std::array<NumberColumn, 7> number_columns{{
    {"step_time_s", &RunRecord::step_time_s, 1e7, "seconds"},
    {"tokens_per_s_per_gpu", &RunRecord::tokens_per_s_per_gpu, 1e9, "tokens per second and GPU"},
    {"derived_step_time_s", &RunRecord::derived_step_time_s, 1e7, "seconds"},
    {"derived_tokens_per_s_per_gpu", &RunRecord::derived_tokens_per_s_per_gpu, 1e9, "tokens per second and GPU"},
    {"peak_mem_gib", &RunRecord::peak_mem_gib, 1e5, "GiB"},
    {"params_b", &RunRecord::params_b, 1e6, "10^9 parameters"},
    {"trainable_params", &RunRecord::trainable_params, 1e15, "parameters"},
}};

constexpr std::array text_columns{"model",         "arch",          "mode",
                                  "gpu_key",       "gpu",           "interconnect_intra",
                                  "interconnect_inter", "precision", "sp",
                                  "activation_recompute", "flash_attention", "torch_compile",
                                  "framework",     "overlap_notes", "peak_mem_kind",
                                  "quality",       "optimizer"};

std::string normalized(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isspace(byte) != 0) {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else {
      out += static_cast<char>(std::tolower(byte));
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

bool says_nothing(const std::string& normalized_text) {
  static constexpr std::array words{"", "n/a", "na", "none", "null", "-", "unknown", "not stated", "?"};
  return std::find(words.begin(), words.end(), normalized_text) != words.end();
}

// The whole text as a finite number, or nothing. The C locale's form only.
std::optional<double> number(const std::string& text) {
  double value = 0.0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

class RecordReader {
 public:
  explicit RecordReader(const CsvTable& table) : table_(table) {
    const auto locate = [&](const std::string& name) {
      if (const auto index = table_.find(name)) columns_.emplace(name, *index);
    };
    for (const CountColumn& column : count_columns) locate(column.name);
    for (const NumberColumn& column : number_columns) locate(column.name);
    for (const char* name : text_columns) locate(name);
    locate("row_id");
    for (std::size_t i = 0; i < table_.header.size(); ++i) {
      if (names_experts(normalized(table_.header[i].text))) expert_columns_.push_back(i);
    }
  }

  std::vector<RunRecord> read() {
    for (const std::string& name : required_run_columns()) {
      if (columns_.count(name) == 0) missing_column(name);
    }
    std::vector<RunRecord> records;
    for (std::size_t i = 0; i < table_.rows.size() && diagnostics_.size() < 100; ++i) records.push_back(record(i));
    if (!diagnostics_.empty()) throw InputError(std::move(diagnostics_));
    return records;
  }

 private:
  void missing_column(const std::string& name) {
    std::vector<std::string> present;
    for (const CsvCell& cell : table_.header) present.push_back(cell.text);
    const std::string near = nearest_name(name, present);
    std::string hint = "required are: " + fmt::format("{}", fmt::join(required_run_columns(), ", "));
    if (!near.empty() && !is_run_column(near)) {
      hint = fmt::format("is '{}' this column? {}", near, hint);
    }
    diagnostics_.push_back(table_.at(table_.header.front(), "E281",
                                     fmt::format("the required column '{}' is missing", name), hint));
  }

  // "num_experts", "n_routed_experts", "moe_topk", "is_moe": more than one of it is a mixture of experts. The
  // degrees of expert parallelism are none of these.
  static bool names_experts(const std::string& column) {
    if (column == "moe_experts" || column.find("parallel") != std::string::npos) return false;
    const std::string words = "_" + std::string(column) + "_";
    return column.find("expert") != std::string::npos || words.find("_moe_") != std::string::npos;
  }

  static bool is_run_column(const std::string& name) {
    const auto named = [&](const auto& column) { return name == column.name; };
    return std::any_of(count_columns.begin(), count_columns.end(), named) ||
           std::any_of(number_columns.begin(), number_columns.end(), named) ||
           std::find(text_columns.begin(), text_columns.end(), name) != text_columns.end();
  }

  [[nodiscard]] const CsvCell* cell(const CsvRow& row, const std::string& name) const {
    const auto found = columns_.find(name);
    return found == columns_.end() ? nullptr : &row.cells[found->second];
  }

  RunRecord record(std::size_t index) {
    const CsvRow& row = table_.rows[index];
    RunRecord out;
    out.file = table_.file;
    out.line = row.line;
    for (const CountColumn& column : count_columns) count(row, column, out);
    for (const NumberColumn& column : number_columns) measurement(row, column, out);
    for (const char* name : text_columns) {
      const CsvCell* at = cell(row, name);
      if (at == nullptr) continue;
      const std::string& word = out.text.emplace(name, normalized(at->text)).first->second;
      if (word != at->text) out.as_written.emplace(name, at->text);
    }
    out.hints_at_experts = !out.moe_experts && hints_at_experts(row);
    out.identity = identity(row);
    if (!out.trainable_params) {
      out.trainable_params = trainable_among(row);
      if (out.trainable_params) out.identity += fmt::format(" trainable {}", *out.trainable_params);
    }
    if (const CsvCell* at = cell(row, "model")) out.model = at->text;
    if (const CsvCell* at = cell(row, "interconnect_inter")) out.network = at->text;
    const std::string stem = std::filesystem::path(table_.file).stem().string();
    const CsvCell* id = cell(row, "row_id");
    out.row_id = id != nullptr ? id->text : std::string{};
    const auto dash = out.row_id.rfind('-');
    out.source = dash == std::string::npos || dash == 0 ? stem : out.row_id.substr(0, dash);
    if (out.row_id.empty()) out.row_id = fmt::format("{}:{}", stem, index + 1);
    return out;
  }

  // "trainable 1,229,760" in the notes.
  [[nodiscard]] std::optional<double> trainable_among(const CsvRow& row) const {
    const std::optional<std::size_t> notes = table_.find("notes");
    if (!notes) return std::nullopt;
    static constexpr std::string_view word = "trainable ";
    const std::string& text = row.cells[*notes].text;
    std::size_t at = text.find(word);
    if (at == std::string::npos) return std::nullopt;
    std::string digits;
    for (at += word.size(); at < text.size(); ++at) {
      if (std::isdigit(static_cast<unsigned char>(text[at])) != 0) {
        digits += text[at];
      } else if (text[at] != ',') {
        break;
      }
    }
    return number(digits);
  }

  // Whether a column that is not one of ours, but named after experts, says that there are some.
  [[nodiscard]] bool hints_at_experts(const CsvRow& row) const {
    return std::any_of(expert_columns_.begin(), expert_columns_.end(), [&](std::size_t column) {
      const std::string text = normalized(row.cells[column].text);
      const std::optional<double> value = number(text);
      return (value && *value > 1.0) || text == "true" || text == "yes";
    });
  }

  // The known columns but those that only name or measure the run.
  [[nodiscard]] std::string identity(const CsvRow& row) const {
    std::string all;
    for (const auto& [name, index] : columns_) {
      const bool measured = name.find("step_time_s") != std::string::npos || name == "peak_mem_gib" ||
                            name.find("tokens_per_s_per_gpu") != std::string::npos;
      if (measured || name == "row_id") continue;
      all += row.cells[index].text;
      all += '\n';
    }
    return all;
  }

  void count(const CsvRow& row, const CountColumn& column, RunRecord& out) {
    const CsvCell* at = cell(row, column.name);
    if (at == nullptr) return;
    const std::string text = normalized(at->text);
    if (says_nothing(text)) return;
    const std::optional<double> value = number(text);
    if (!value) return not_a_number(*at, column.name, "a whole number");
    if (*value != std::floor(*value)) {
      return impossible(*at, fmt::format("'{}' is {}: a count has no fraction", column.name, at->text),
                        fmt::format("write {} or {}", std::floor(*value), std::ceil(*value)));
    }
    if (*value == 0.0 && column.zero_means_unstated) return;
    if (*value < static_cast<double>(column.low) || *value > static_cast<double>(column.high)) {
      return impossible(*at, fmt::format("'{}' is {}", column.name, at->text),
                        fmt::format("it lies between {} and {}", column.low, column.high));
    }
    out.*column.member = static_cast<std::int64_t>(*value);
  }

  void measurement(const CsvRow& row, const NumberColumn& column, RunRecord& out) {
    const CsvCell* at = cell(row, column.name);
    if (at == nullptr) return;
    const std::string text = normalized(at->text);
    if (says_nothing(text)) return;
    const std::optional<double> value = number(text);
    if (!value) return not_a_number(*at, column.name, fmt::format("a number of {}", column.unit));
    if (*value <= 0.0 || *value > column.high) {
      return impossible(*at, fmt::format("'{}' is {}", column.name, at->text),
                        fmt::format("it is above 0 and at most {:g} {}", column.high, column.unit));
    }
    out.*column.member = *value;
  }

  void not_a_number(const CsvCell& at, const char* name, const std::string& wanted) {
    std::string hint = fmt::format("expected {}, or nothing where it is not stated", wanted);
    if (at.text.find(',') != std::string::npos) hint += "; digits are not grouped with commas";
    diagnostics_.push_back(table_.at(at, "E282", fmt::format("'{}' is '{}', not a number", name, shortened(at.text)), hint));
  }

  void impossible(const CsvCell& at, std::string message, std::string hint) {
    diagnostics_.push_back(table_.at(at, "E283", std::move(message), std::move(hint)));
  }

  static std::string shortened(const std::string& text) {
    return text.size() <= 40 ? text : text.substr(0, 37) + "...";
  }

  const CsvTable& table_;
  std::map<std::string, std::size_t> columns_;   // of the known columns that the file has
  std::vector<std::size_t> expert_columns_;
  std::vector<Diagnostic> diagnostics_;
};

}  // namespace

const std::string& RunRecord::word(const std::string& column) const {
  static const std::string nothing;
  const auto found = text.find(column);
  return found == text.end() ? nothing : found->second;
}

const std::string& RunRecord::written(const std::string& column) const {
  const auto found = as_written.find(column);
  return found == as_written.end() ? word(column) : found->second;
}

const std::vector<std::string>& required_run_columns() {
  static const std::vector<std::string> columns{"layers",  "hidden",   "heads",       "seq_len",
                                                "gpu_key", "num_gpus", "micro_batch", "global_batch"};
  return columns;
}

std::vector<RunRecord> read_run_records(const CsvTable& table) { return RecordReader(table).read(); }

std::vector<RunRecord> load_run_records(const std::string& path) {
  const char* hint = std::filesystem::exists(path) ? "is it a file that you may read?" : "there is no such file";
  return read_run_records(parse_csv(csv_text(path, hint), path));
}

std::vector<RunRecord> load_run_records(const std::vector<std::string>& files) {
  std::vector<RunRecord> records;
  std::vector<Diagnostic> problems;
  for (const std::string& file : files) {
    try {
      std::vector<RunRecord> one = load_run_records(file);
      std::move(one.begin(), one.end(), std::back_inserter(records));
    } catch (const InputError& error) {
      problems.insert(problems.end(), error.diagnostics().begin(), error.diagnostics().end());
    }
  }
  if (!problems.empty()) throw InputError(std::move(problems));
  return records;
}

}  // namespace lockstep
