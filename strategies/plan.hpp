// A parallelism plan: how a training is spread over the cluster.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "strategies/model.hpp"
#include "strategies/software.hpp"
#include "strategies/training.hpp"

namespace lockstep {

enum class Sharding { none, optimizer, gradients, fsdp };  // ZeRO stage 0, 1, 2, 3
enum class Recompute { none, selective, full };

// A schedule by its registered name (pipeline/registry.hpp).
struct Pipeline {
  std::int64_t stages = 1;
  std::int64_t interleave = 1;  // model chunks per stage
  std::string schedule = "1f1b";
};

struct Plan {
  std::string name;
  Software software;      // the scenario's, or the plan's own
  std::int64_t data = 0;  // data-parallel degree; 0: what is left of the GPUs
  std::int64_t tensor = 1;
  bool sequence_parallel = false;
  Pipeline pipeline;
  std::string placement = "tp-dp-pp";  // order of the dimensions over the GPUs (rank_order.hpp)
  Sharding sharding = Sharding::none;
  std::int64_t shard_group = 0;  // ranks that share one sharded copy (HSDP); 0: all of data
  std::int64_t micro_batch = 1;  // sequences per forward pass
  Recompute recompute = Recompute::none;
  std::int64_t recompute_layers = 0;  // only so many layers of each stage recompute; 0: all
  std::int64_t recompute_every = 1;   // every n-th layer recomputes

  [[nodiscard]] std::int64_t shard_ranks() const { return shard_group > 0 ? shard_group : data; }
};

// One broken rule. `field` is the plan's key (dotted) that the message is about.
struct Violation {
  std::string code;  // stable, "E4xx"
  std::string field;
  std::string message;
  std::string hint;
};

// Every rule that the plan breaks on so many GPUs: degrees that do not multiply to the GPUs, heads,
// kv heads or widths not divisible by tensor, layers against stages as the software's partition
// demands, the batch against data * micro_batch, an unknown schedule, keys that contradict each
// other. Empty: legal. `plan.data` must be resolved (see resolve_data_degree).
std::vector<Violation> violations(const Model& model, const Training& training, const Plan& plan,
                                  std::int64_t gpus);

// plan.data, or what the GPUs leave for it where it is 0 (at least 1; violations() reports a
// remainder).
std::int64_t resolve_data_degree(const Plan& plan, std::int64_t gpus);

}  // namespace lockstep
