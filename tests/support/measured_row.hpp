// Rows of a table of measured runs, built into scenarios with the shipped catalog and aliases.
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "validate/run_row.hpp"

namespace lockstep::testing {

inline const Catalog& catalog() {
  static const Catalog one(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios");
  return one;
}

inline const Aliases& aliases() {
  static const Aliases one =
      load_aliases(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios/aliases/measured_runs.yaml");
  return one;
}

// A row of 16 H100 for a small Llama, with these cells changed or added.
inline RunScenario build(const std::map<std::string, std::string>& changed) {
  std::map<std::string, std::string> cells{{"layers", "32"},       {"hidden", "4096"},      {"heads", "32"},
                                           {"seq_len", "4096"},    {"gpu_key", "h100-sxm-80gb"},
                                           {"num_gpus", "16"},     {"micro_batch", "1"},    {"global_batch", "128"},
                                           {"arch", "llama_dense"}, {"step_time_s", "1"}};
  for (const auto& [name, text] : changed) cells[name] = text;
  std::string header;
  std::string row;
  for (const auto& [name, text] : cells) {
    header += (header.empty() ? "" : ",") + name;
    row += (row.empty() ? "\"" : ",\"") + text + "\"";
  }
  RunBuilder builder(catalog(), aliases());
  return builder.build(read_run_records(parse_csv(header + "\n" + row + "\n", "t.csv")).front());
}

inline bool assumes(const RunScenario& run, const std::string& text) {
  return std::find(run.assumed.begin(), run.assumed.end(), text) != run.assumed.end();
}

}  // namespace lockstep::testing
