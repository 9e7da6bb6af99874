#include "scenarios/search_request.hpp"

#include <algorithm>
#include <iterator>

#include "strategies/pipeline/schedule.hpp"
#include "strategies/rank_order.hpp"
#include "strategies/recompute.hpp"

namespace lockstep {

namespace {

constexpr const char* context_methods[] = {"ring", "all-gather", "ulysses"};
constexpr const char* sharding_stages[] = {"none", "optimizer", "gradients", "fsdp"};
constexpr const char* switches[] = {"false", "true"};
constexpr const char* recompute_modes[] = {"none", "selective", "full"};
constexpr const char* overrides[] = {"software", "always", "never"};
constexpr const char* or_software[] = {"software"};
constexpr const char* placements[] = {
    "tp-dp-pp",    "tp-pp-dp",    "dp-tp-pp",    "dp-pp-tp",    "pp-tp-dp",    "pp-dp-tp",
    "tp-cp-dp-pp", "tp-cp-pp-dp", "tp-dp-cp-pp", "tp-dp-pp-cp", "tp-pp-cp-dp", "tp-pp-dp-cp",
    "cp-tp-dp-pp", "cp-tp-pp-dp", "cp-dp-tp-pp", "cp-dp-pp-tp", "cp-pp-tp-dp", "cp-pp-dp-tp",
    "dp-tp-cp-pp", "dp-tp-pp-cp", "dp-cp-tp-pp", "dp-cp-pp-tp", "dp-pp-tp-cp", "dp-pp-cp-tp",
    "pp-tp-cp-dp", "pp-tp-dp-cp", "pp-cp-tp-dp", "pp-cp-dp-tp", "pp-dp-tp-cp", "pp-dp-cp-tp"};

std::span<const char* const> schedule_names() {
  static const std::vector<const char*> names = [] {
    std::vector<const char*> all;
    for (const Schedule& schedule : schedules()) all.push_back(schedule.name);
    return all;
  }();
  return names;
}

std::span<const char* const> recompute_names() {
  static const std::vector<const char*> names = [] {
    std::vector<const char*> all{"software"};
    for (const RecomputePart& part : recompute_parts()) all.push_back(part.name);
    return all;
  }();
  return names;
}

std::vector<SearchDimension> make_dimensions() {
  constexpr auto count = DimensionKind::count;
  constexpr auto choice = DimensionKind::choice;
  constexpr auto share = DimensionKind::share;
  return {
      {"nodes",
       "Nodes of the cluster that a plan runs on.",
       count,
       {},
       1,
       "the cluster's; with gpus_for_deadline also a half, a quarter and so on"},
      {"data",
       "Data-parallel degree: copies of the model, whole or sharded.",
       count,
       {},
       1,
       "what the other degrees leave"},
      {"tensor", "Tensor-parallel degree.", count, {}},
      {"context", "Context-parallel degree: ranks that share each sequence.", count, {}},
      {"context_method", "How every query meets every key, where context is above 1.", choice,
       context_methods},
      {"expert", "Ranks that the experts are spread over.", count, {}},
      {"expert_tensor",
       "Tensor-parallel degree of the experts; 0: that of the plan.",
       count,
       {},
       0},
      {"stages", "Pipeline stages; 1: no pipeline.", count, {}},
      {"interleave", "Model chunks per pipeline stage (virtual stages).", count, {}},
      {"schedule", "Order of forward and backward passes of a pipeline.", choice, schedule_names()},
      {"sharding", "What data-parallel ranks share instead of each holding a copy (ZeRO 0 to 3).",
       choice, sharding_stages},
      {"shard_group",
       "Ranks that share one sharded copy (HSDP); 0: all data and context ranks.",
       count,
       {},
       0},
      {"sequence_parallel", "Whether norms and dropouts are split among the tensor ranks.", choice,
       switches},
      {"micro_batch", "Sequences per forward pass of one data-parallel rank.", count, {}},
      {"recompute", "Activations that are computed again in the backward pass.", choice,
       recompute_modes},
      {"recompute_every", "Every n-th layer recomputes.", count, {}, 1, "1"},
      {"recompute_parts",
       "What selective recomputes: parts of the layer, joined by +; software: what it means there.",
       choice, recompute_names(), 1, "software"},
      {"offload_optimizer",
       "Share of the optimizer state that is kept and updated on the host.",
       share,
       {},
       0,
       "0 and 1"},
      {"offload_weights",
       "Share of the FSDP shards that is kept on the host.",
       share,
       {},
       0,
       "0 and 1"},
      {"offload_activations",
       "Share of the saved activations that waits on the host.",
       share,
       {},
       0,
       "0 and 1"},
      {"tensor_overlap", "Whether tensor-parallel collectives run beside their matrix products.",
       choice, overrides, 1, "software and always"},
      {"reshard_after_forward", "Whether FSDP frees a unit after forward and gathers it again.",
       choice, overrides},
      {"prefetch", "FSDP units gathered ahead of the one in use, or as the software says.", count,
       or_software, 0, "software, and what it does not do: 0 or 1"},
      {"placement", "Order of the dimensions over the GPUs, the first on neighbouring ones.",
       choice, placements},
  };
}

}  // namespace

std::span<const SearchDimension> search_dimensions() {
  static const std::vector<SearchDimension> table = make_dimensions();
  return table;
}

const SearchDimension* find_search_dimension(std::string_view key) {
  const auto all = search_dimensions();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const SearchDimension& one) { return key == one.key; });
  return found == all.end() ? nullptr : &*found;
}

const DimensionLimit* SearchRequest::limit(std::string_view dimension) const {
  const auto found = std::find_if(limits.begin(), limits.end(), [&](const DimensionLimit& one) {
    return one.dimension == dimension;
  });
  return found == limits.end() ? nullptr : &*found;
}

bool SearchRequest::allows(std::string_view dimension, double value) const {
  const DimensionLimit* found = limit(dimension);
  if (found == nullptr) return true;
  return std::any_of(found->ranges.begin(), found->ranges.end(), [&](const ValueRange& range) {
    return range.low <= value && value <= range.high;
  });
}

bool SearchRequest::allows(std::string_view dimension, std::string_view name) const {
  const DimensionLimit* found = limit(dimension);
  if (found == nullptr) return true;
  const bool named =
      std::find(found->names.begin(), found->names.end(), name) != found->names.end();
  if (named || dimension != "placement") return named;
  const std::optional<RankOrder> order = rank_order(name);
  return order && std::any_of(found->names.begin(), found->names.end(),
                              [&](const std::string& other) { return rank_order(other) == order; });
}

bool SearchRequest::forbids(std::string_view feature) const {
  return std::find(forbidden.begin(), forbidden.end(), feature) != forbidden.end();
}

}  // namespace lockstep
