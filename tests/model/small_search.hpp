// Scenarios that tests search, and a search of all their items.
#pragma once

#include <string>

#include "scenarios/scenario.hpp"
#include "sim/search/search.hpp"

namespace lockstep::test {

inline const Catalog& catalog() {
  static const Catalog shipped(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios");
  return shipped;
}

inline Scenario bundled(const std::string& name) {
  return load_scenario(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios/" + name, catalog());
}

// 8 GPUs, 4 layers, 8 heads: small enough to look at every combination.
inline Scenario small(const std::string& search, const std::string& model_more = "") {
  return parse_scenario(
      "lockstep: 1\n"
      "model: {layers: 4, hidden: 1024, heads: 8, kv_heads: 4, ffn_hidden: 4096, vocabulary: "
      "32000" +
          model_more +
          "}\n"
          "cluster: {system: dgx-h100, nodes: 1}\n"
          "training: {sequence_length: 2048, global_batch: 8, total_tokens: 1.0e9}\n"
          "software: megatron-core\n"
          "price: {per_gpu_hour: 2, currency: USD, date: 2026-11-01}\n"
          "search: {" +
          search + "}\n",
      "small.yaml", catalog());
}

inline SearchState search_all(const PlanSearch& search) {
  SearchState state = search.empty();
  for (std::size_t item = 0; item < search.items(); ++item) search.run(item, state);
  return state;
}

}  // namespace lockstep::test
