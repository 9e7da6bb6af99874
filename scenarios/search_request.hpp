// What a search for plans may vary and what it looks for: `search:` of a scenario and the flags
// that say the same.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

enum class Objective {
  step_time,           // the shortest step
  throughput_per_gpu,  // most tokens per second and GPU
  cost_per_token,      // needs a price
  gpus_for_deadline,   // fewest GPUs that are through by the deadline; then the shortest step
  memory               // least memory on the fullest GPU
};

// What a constraint is about. All are point predictions but P(fits).
enum class Measure {
  peak_memory,      // bytes that must fit on a GPU
  fit_probability,  // P(fits)
  step_time,        // seconds
  tokens_per_s_per_gpu,
  mfu,
  gpus,
  days,        // of the whole run; needs training.total_tokens
  cost,        // of the whole run, in the price's currency; needs both
  host_memory  // bytes of a node that its GPUs' offload takes
};

// "peak_memory <= 70 GiB", "P(fits) >= 0.9".
struct Constraint {
  std::string text;  // as written
  Measure measure = Measure::peak_memory;
  bool at_most = true;
  double bound = 0;  // base units: bytes, seconds, share, count, days, currency
};

// What the search varies, one entry for each key of `search:`. Values are whole numbers (count),
// names of `choices`, or shares between 0 and 1.
//
// A count with choices has names besides: prefetch "software", which is also the value -1. The
// parts of recompute_parts may be joined: "norms+mlp".
enum class DimensionKind { count, choice, share };
struct SearchDimension {
  const char* key;  // "tensor", "shard_group", "offload_optimizer"
  const char* doc;
  DimensionKind kind;
  std::span<const char* const> choices;     // of kind choice
  std::int64_t low = 1;                     // smallest value of kind count
  const char* otherwise = "all that work";  // what is looked at where nothing is said
};

// nodes, data, tensor, context, context_method, expert, expert_tensor, stages, interleave,
// schedule, sharding, shard_group, sequence_parallel, micro_batch, recompute, recompute_every,
// recompute_parts, offload_optimizer, offload_weights, offload_activations, tensor_overlap,
// reshard_after_forward, prefetch, placement.
std::span<const SearchDimension> search_dimensions();
const SearchDimension* find_search_dimension(std::string_view key);

// What one dimension is limited to: values that lie in one of the ranges (low = high: one value),
// or that have one of the names.
struct ValueRange {
  double low = 0;
  double high = 0;
};
struct DimensionLimit {
  std::string dimension;
  std::vector<ValueRange> ranges;
  std::vector<std::string> names;
};

struct SearchRequest {
  Objective objective = Objective::step_time;
  double deadline_days = 0;          // of Objective::gpus_for_deadline
  double memory_headroom_bytes = 0;  // of each GPU, kept free
  std::int64_t top = 10;             // plans listed
  std::vector<Constraint> constraints;
  std::vector<DimensionLimit> limits;  // at most one for a dimension
  // Features that no plan may have: "tensor", "pipeline", "interleave", "zero-bubble", "context",
  // "expert", "sharding", "hsdp", "sequence-parallel", "recompute", "offload", "tensor-overlap".
  std::vector<std::string> forbidden;

  [[nodiscard]] const DimensionLimit* limit(std::string_view dimension) const;
  // Whether the dimension may take the value; true where nothing limits it. Placements are equal
  // where their orders are: tp-dp-pp is tp-cp-dp-pp.
  [[nodiscard]] bool allows(std::string_view dimension, double value) const;
  [[nodiscard]] bool allows(std::string_view dimension, std::string_view name) const;
  [[nodiscard]] bool forbids(std::string_view feature) const;
};

// What a GPU costs: `price:` of a scenario. Dated, since prices move.
struct Price {
  double per_gpu_hour = 0;  // 0: not stated
  std::string currency = "USD";
  std::string date;  // "2026-11-01"
  std::string source;
  [[nodiscard]] bool stated() const { return per_gpu_hour > 0; }
};

}  // namespace lockstep
