// One measured run as its table states it: numbers checked, text kept. Nothing is filled in here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "validate/csv.hpp"

namespace lockstep {

using StatedCount = std::optional<std::int64_t>;
using StatedNumber = std::optional<double>;

// What the row states; an empty cell (or "n/a", "none", "unknown", "-") is "not stated".
struct RunRecord {
  std::string file;
  std::size_t line = 0;
  std::string row_id;   // its own, or "<file>:<row>"
  std::string source;   // the part of row_id before the last '-', or the file's name

  StatedCount layers, hidden, ffn_hidden, heads, kv_heads, head_dim, vocab, seq_len;
  StatedCount moe_experts, moe_topk;
  bool hints_at_experts = false;   // a column that is not one of ours tells that there are experts, not how many
  StatedCount gpus_per_node, num_gpus;
  StatedCount tp, pp, vpp, dp, cp, ep, zero_stage, hsdp_shard_size, micro_batch, global_batch;
  StatedNumber step_time_s, tokens_per_s_per_gpu, derived_step_time_s, derived_tokens_per_s_per_gpu, peak_mem_gib;

  StatedNumber params_b;
  StatedNumber trainable_params;   // of a fine-tuning: its column, or "trainable 1,229,760" among the notes

  // Every cell of a known text column, lower case and with single spaces; alias patterns match on these.
  std::map<std::string, std::string> text;
  std::map<std::string, std::string> as_written;   // of these, those that were written in another way
  std::string model;          // as written
  std::string network;        // interconnect_inter as written: Gb and GB differ

  // Every cell that a prediction may depend on: rows of one identity are predicted alike.
  std::string identity;

  // The text of a column as in `text`; "" where the file lacks the column.
  [[nodiscard]] const std::string& word(const std::string& column) const;
  // The same as the file writes it.
  [[nodiscard]] const std::string& written(const std::string& column) const;
};

// The columns that a file must have.
const std::vector<std::string>& required_run_columns();

// Every row of the table. Throws InputError with all of them: E281 a required column is missing, E282 a cell
// that is not a number, E283 a number that cannot be (negative, a fraction of a layer, absurdly large).
std::vector<RunRecord> read_run_records(const CsvTable& table);

// Reads, parses and checks a file. E180: it cannot be read.
std::vector<RunRecord> load_run_records(const std::string& path);
// All of them, or the errors of all of them.
std::vector<RunRecord> load_run_records(const std::vector<std::string>& files);

}  // namespace lockstep
