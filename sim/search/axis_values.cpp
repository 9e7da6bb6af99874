#include "sim/search/axis_values.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "strategies/pipeline/schedule.hpp"
#include "strategies/rank_order.hpp"

namespace lockstep {

namespace {

using Counts = std::vector<std::int64_t>;
using Names = std::vector<std::string>;

Counts divisors(std::int64_t n) {
  Counts found;
  for (std::int64_t d = 1; d * d <= n; ++d) {
    if (n % d != 0) continue;
    found.push_back(d);
    if (d != n / d) found.push_back(n / d);
  }
  std::sort(found.begin(), found.end());
  return found;
}

Counts up_to(Counts counts, std::int64_t most) {
  counts.erase(std::upper_bound(counts.begin(), counts.end(), most), counts.end());
  return counts;
}

Counts first_counts(std::int64_t most) {
  Counts counts;
  for (std::int64_t n = 1; n <= most; ++n) counts.push_back(n);
  return counts;
}

// Every order of the four dimensions, Megatron's default first.
Names placements() {
  constexpr std::array names{"tp", "cp", "dp", "pp"};
  std::array<std::size_t, 4> order{0, 1, 2, 3};
  Names all;
  do {
    all.push_back(fmt::format("{}-{}-{}-{}", names[order[0]], names[order[1]], names[order[2]],
                              names[order[3]]));
  } while (std::next_permutation(order.begin(), order.end()));
  return all;
}

InputError no_value(const std::string& dimension, const std::string& possible) {
  Diagnostic problem;
  problem.code = "E471";
  problem.path = "search." + dimension;
  problem.message = fmt::format("the search is left without a value of {}", dimension);
  problem.hint = fmt::format("possible here: {}", possible);
  return InputError({problem});
}

// Head-room leaves something of the memory.
void check_headroom(const Scenario& scenario) {
  constexpr double gib = 0x1p30;
  const double capacity = scenario.cluster.system.gpu.memory_capacity.value;
  if (scenario.search.memory_headroom_bytes < capacity) return;
  Diagnostic problem;
  problem.code = "E474";
  problem.path = "search.memory_headroom";
  problem.message = fmt::format("head-room of {:.1f} GiB leaves nothing of a GPU's {:.1f} GiB",
                                scenario.search.memory_headroom_bytes / gib, capacity / gib);
  problem.hint = "less than the GPU has";
  throw InputError({problem});
}

// "1, 2, 4, 8"; of many the first and the last.
std::string possible_counts(const Counts& counts) {
  constexpr std::size_t most = 16;
  if (counts.size() <= most) return fmt::format("{}", fmt::join(counts, ", "));
  const auto first = counts.begin();
  return fmt::format("{}, …, {}", fmt::join(first, first + most / 2, ", "), counts.back());
}

class Lists {
 public:
  explicit Lists(const Scenario& scenario)
      : scenario_(scenario), request_(scenario.search), model_(scenario.model) {}

  AxisValues take() {
    add_degrees();
    add_experts();
    add_passes();
    add_pipeline();
    add_sharding();
    add_offload();
    add_overlap();
    return std::move(values_);
  }

 private:
  void add_counts(Axis axis, const char* dimension, const Counts& counts) {
    std::vector<AxisValue>& values = values_[index_of(axis)];
    for (const std::int64_t count : counts) {
      const auto number = static_cast<double>(count);
      if (request_.allows(dimension, number)) values.push_back({number, {}});
    }
    if (values.empty()) throw no_value(dimension, possible_counts(counts));
  }

  // Numbers are places in `names`, which are in the order of the enum behind them.
  void add_names(Axis axis, const char* dimension, const Names& names, std::size_t only_first = 0) {
    std::vector<AxisValue>& values = values_[index_of(axis)];
    const std::size_t most = only_first > 0 ? only_first : names.size();
    for (std::size_t i = 0; i < most; ++i) {
      if (request_.allows(dimension, std::string_view(names[i])))
        values.push_back({static_cast<double>(i), names[i]});
    }
    if (values.empty()) throw no_value(dimension, fmt::format("{}", fmt::join(names, ", ")));
  }

  // What only a request that lists values has; else these.
  void add_listed(Axis axis, const char* dimension, const Counts& otherwise, std::int64_t most) {
    const bool listed = request_.limit(dimension) != nullptr;
    add_counts(axis, dimension, listed ? first_counts(most) : otherwise);
  }

  Counts unless(const char* feature, Counts counts) const {
    return request_.forbids(feature) ? Counts{1} : counts;
  }

  Counts node_counts() const {
    const std::int64_t all = scenario_.cluster.nodes;
    if (const DimensionLimit* limit = request_.limit("nodes")) {
      double most = 1;
      for (const ValueRange& range : limit->ranges) most = std::max(most, range.high);
      constexpr double most_nodes = 100'000;
      return first_counts(static_cast<std::int64_t>(std::min(most, most_nodes)));
    }
    if (request_.objective != Objective::gpus_for_deadline) return {all};
    Counts halves;
    for (std::int64_t nodes = all; nodes >= 1; nodes = nodes % 2 == 0 ? nodes / 2 : 0) {
      halves.insert(halves.begin(), nodes);
    }
    return halves;
  }

  void add_degrees() {
    add_counts(Axis::nodes, "nodes", node_counts());
    std::set<std::int64_t> degrees;
    for (const AxisValue& nodes : values_[index_of(Axis::nodes)]) {
      const Cluster cluster =
          cluster_with(scenario_.cluster, static_cast<std::int64_t>(nodes.number));
      for (const std::int64_t d : divisors(gpu_count(cluster))) degrees.insert(d);
    }
    degrees_.assign(degrees.begin(), degrees.end());
    add_counts(Axis::tensor, "tensor", unless("tensor", up_to(degrees_, model_.heads)));
    add_counts(Axis::stages, "stages", unless("pipeline", up_to(degrees_, model_.layers)));
    add_counts(Axis::context, "context",
               unless("context", up_to(degrees_, scenario_.training.sequence_length)));
    add_names(Axis::context_method, "context_method", {"ring", "all-gather", "ulysses"});
  }

  void add_experts() {
    const bool spread = model_.has_experts() && !request_.forbids("expert");
    add_counts(Axis::expert, "expert", spread ? divisors(model_.experts.count) : Counts{1});
    Counts tensor{0};  // the plan's
    if (spread) {
      for (const std::int64_t d : up_to(degrees_, model_.heads)) tensor.push_back(d);
    }
    add_counts(Axis::expert_tensor, "expert_tensor", tensor);
  }

  void add_passes() {
    add_names(Axis::sequence_parallel, "sequence_parallel", {"false", "true"},
              request_.forbids("sequence-parallel") ? 1 : 0);
    add_counts(Axis::micro_batch, "micro_batch", divisors(scenario_.training.global_batch));
    add_names(Axis::recompute, "recompute", {"none", "selective", "full"},
              request_.forbids("recompute") ? 1 : 0);
    add_listed(Axis::recompute_every, "recompute_every", {1}, model_.layers);
    std::vector<AxisValue>& parts = values_[index_of(Axis::recompute_parts)];
    const DimensionLimit* limit = request_.limit("recompute_parts");
    for (const std::string& name : limit != nullptr ? limit->names : Names{"software"}) {
      parts.push_back({0, name == "software" ? std::string{} : name});
    }
  }

  void add_pipeline() {
    Names names;
    for (const Schedule& schedule : schedules()) {
      if (request_.forbids("zero-bubble") && schedule.splits_backward) continue;
      names.emplace_back(schedule.name);
    }
    add_names(Axis::schedule, "schedule", names);
    add_counts(Axis::interleave, "interleave",
               request_.forbids("interleave") ? Counts{1} : first_counts(model_.layers));
  }

  void add_sharding() {
    const bool forbidden = request_.forbids("sharding");
    add_names(Axis::sharding, "sharding", {"none", "optimizer", "gradients", "fsdp"},
              forbidden ? 1 : 0);
    Counts groups{0};  // all replicas
    if (!forbidden && !request_.forbids("hsdp")) {
      groups.insert(groups.end(), degrees_.begin() + 1, degrees_.end());
    }
    add_counts(Axis::shard_group, "shard_group", groups);
    add_overrides(Axis::reshard_after_forward, "reshard_after_forward");
    std::vector<AxisValue>& prefetch = values_[index_of(Axis::prefetch)];
    const DimensionLimit* limit = request_.limit("prefetch");
    constexpr double by_software = -1;
    if (limit == nullptr || request_.allows("prefetch", std::string_view("software")))
      prefetch.push_back({by_software, {}});
    // The other way: without where the software prefetches, one unit ahead where it does not.
    const Counts counts =
        limit != nullptr ? Counts{0, 1, 2, 3, 4} : Counts{scenario_.software.fsdp_prefetch ? 0 : 1};
    for (const std::int64_t count : counts) {
      const auto number = static_cast<double>(count);
      if (limit == nullptr || request_.allows("prefetch", number)) prefetch.push_back({number, {}});
    }
    if (prefetch.empty()) throw no_value("prefetch", "software, 0, 1, 2, 3, 4");
  }

  void add_overrides(Axis axis, const char* dimension) {
    add_names(axis, dimension, {"software", "always", "never"});
  }

  void add_offload() {
    add_shares(Axis::offload_optimizer, "offload_optimizer");
    add_shares(Axis::offload_weights, "offload_weights");
    add_shares(Axis::offload_activations, "offload_activations");
  }

  // Nothing and everything; in between what the request lists.
  void add_shares(Axis axis, const char* dimension) {
    std::set<double> shares{0.0};
    if (!request_.forbids("offload")) {
      shares.insert(1.0);
      if (const DimensionLimit* limit = request_.limit(dimension)) {
        for (const ValueRange& range : limit->ranges) shares.insert({range.low, range.high});
      }
    }
    std::vector<AxisValue>& values = values_[index_of(axis)];
    for (const double share : shares) {
      if (request_.allows(dimension, share)) values.push_back({share, {}});
    }
    if (values.empty()) throw no_value(dimension, "shares from 0 to 1");
  }

  void add_overlap() {
    // Pieces beside the GEMM they belong to are for software that can: whose profile hides some.
    const bool can = *scenario_.software.tensor_forward_exposed < 1.0;
    const bool listed = request_.limit("tensor_overlap") != nullptr;
    if (request_.forbids("tensor-overlap") || (!can && !listed)) {
      values_[index_of(Axis::tensor_overlap)].push_back({0, "software"});
    } else if (listed) {
      add_overrides(Axis::tensor_overlap, "tensor_overlap");
    } else {
      values_[index_of(Axis::tensor_overlap)] = {{0, "software"}, {1, "always"}};
    }
    add_placements();
  }

  // A request may leave cp out, which then lies inside dp.
  void add_placements() {
    const DimensionLimit* limit = request_.limit("placement");
    std::vector<AxisValue>& values = values_[index_of(Axis::placement)];
    for (const std::string& order : placements()) {
      const bool listed =
          limit == nullptr ||
          std::any_of(limit->names.begin(), limit->names.end(), [&](const std::string& name) {
            return rank_order(name) == rank_order(order);
          });
      if (listed) values.push_back({0, order});
    }
    if (values.empty())
      throw no_value("placement", fmt::format("{}", fmt::join(placements(), ", ")));
  }

  const Scenario& scenario_;
  const SearchRequest& request_;
  const Model& model_;
  AxisValues values_;
  Counts degrees_;
};

}  // namespace

AxisValues axis_values(const Scenario& scenario) {
  check_headroom(scenario);
  return Lists(scenario).take();
}

Cluster cluster_with(const Cluster& cluster, std::int64_t nodes) {
  Cluster other = cluster;
  if (nodes == cluster.nodes) return other;
  if (!cluster.failed.empty() || !cluster.degraded.empty()) {
    Diagnostic problem;
    problem.code = "E472";
    problem.path = "search.nodes";
    problem.message = fmt::format(
        "the search looks at {} nodes, but cluster.failed and cluster.degraded name parts of {}",
        nodes, cluster.nodes);
    problem.hint = "remove search.nodes, or the failed parts";
    throw InputError({problem});
  }
  other.nodes = nodes;
  other.gpus = 0;
  other.gpus = gpu_count(other);
  return other;
}

}  // namespace lockstep
