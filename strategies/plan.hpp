// A parallelism plan: how a training is spread over the cluster.
#pragma once

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "strategies/model.hpp"
#include "strategies/software.hpp"
#include "strategies/training.hpp"

namespace lockstep {

enum class Sharding { none, optimizer, gradients, fsdp };  // ZeRO stage 0, 1, 2, 3
enum class Recompute { none, selective, full };

// How context parallelism brings every key and value to every query.
enum class ContextMethod {
  ring,  // keys and values travel round the ranks beside attention (parallel/context_ring.cpp)
  all_gather,  // gathered before attention (context_all_gather.cpp)
  ulysses      // all-to-all from sequence to heads and back (context_ulysses.cpp)
};

// Context parallelism: the sequence is split over ranks.
struct Context {
  std::int64_t degree = 1;
  ContextMethod method = ContextMethod::ring;
  bool balanced = true;  // two chunks a rank, one from each end, so that causal work is even
};

// Expert parallelism: experts are split over ranks of the data and context dimensions (and of the
// tensor dimension where `tensor` is smaller than the plan's).
struct ExpertParallel {
  std::int64_t degree = 1;
  std::int64_t tensor = 0;       // tensor-parallel degree of the experts; 0: the plan's
  double capacity_factor = 0.0;  // tokens beyond this times the mean are dropped; 0: dropless
  double imbalance = 1.0;        // tokens of the busiest rank over the mean, where dropless
};

// Shares of what is kept in host memory and copied when it's needed.
struct Offload {
  double optimizer = 0.0;
  double weights = 0.0;
  double activations = 0.0;
  bool overlapped = true;  // copies run beside compute
};

// What a plan may say over its software profile.
enum class Override { software, yes, no };

// How FSDP and data parallelism communicate, where the plan says it and not the software.
struct DataCommunication {
  Override reshard_after_forward = Override::software;
  double gradient_bucket_bytes = 0;  // of one piece of a reduction or gather; 0: software's
  std::int64_t prefetch = -1;        // FSDP units gathered ahead of the one in use; -1: software's
};

// A schedule by its registered name (pipeline/schedule.hpp).
struct Pipeline {
  std::int64_t stages = 1;
  std::int64_t interleave = 1;  // model chunks per stage
  std::string schedule = "1f1b";
};

// Whether embedding and head lie on different stages, as they do unless there is one stage or the
// chunks come back to the first one.
bool ends_apart(const Pipeline& pipeline);

struct Plan {
  std::string name;
  Software software;      // the scenario's, or the plan's own
  std::int64_t data = 0;  // data-parallel degree; 0: what is left of the GPUs
  std::int64_t tensor = 1;
  bool sequence_parallel = false;
  // Collectives of tensor parallelism cut in pieces that run beside the GEMM they belong to.
  Override tensor_overlap = Override::software;
  Context context;
  ExpertParallel expert;
  Pipeline pipeline;
  // Order of the dimensions over the GPUs (rank_order.hpp); cp follows tp where it isn't named.
  std::string placement = "tp-dp-pp";
  Sharding sharding = Sharding::none;
  DataCommunication sync;
  std::int64_t shard_group = 0;  // ranks that share one sharded copy (HSDP); 0: all of them
  std::int64_t micro_batch = 1;  // sequences per forward pass
  Recompute recompute = Recompute::none;
  std::int64_t recompute_layers = 0;  // only so many layers of each stage recompute; 0: all
  std::int64_t recompute_every = 1;   // every n-th layer recomputes
  // What selective recomputes, by part of the layer (recompute.hpp names them); empty: what the
  // software means by selective.
  std::string recompute_parts;
  Offload offload;

  // What the plan or else its software says of FSDP's units: whether they are freed after forward,
  // whether the next is gathered beside compute, and how many are whole at once.
  [[nodiscard]] bool reshards_after_forward() const {
    return sync.reshard_after_forward == Override::software
               ? software.reshard_after_forward
               : sync.reshard_after_forward == Override::yes;
  }
  [[nodiscard]] bool prefetches() const {
    return sync.prefetch < 0 ? software.fsdp_prefetch : sync.prefetch > 0;
  }
  [[nodiscard]] double units_in_flight() const {
    return sync.prefetch < 0 ? software.fsdp_units_in_flight
                             : 1.0 + static_cast<double>(sync.prefetch);
  }
  [[nodiscard]] double gradient_bucket_bytes() const {
    return sync.gradient_bucket_bytes > 0 ? sync.gradient_bucket_bytes
                                          : software.gradient_bucket_bytes;
  }

  // Ranks that hold the same parameters and reduce their gradients: context ranks see different
  // tokens of a sequence, so they count as data.
  [[nodiscard]] std::int64_t replicas() const { return data * context.degree; }
  [[nodiscard]] std::int64_t shard_ranks() const {
    return shard_group > 0 ? shard_group : replicas();
  }
  [[nodiscard]] std::int64_t expert_tensor() const {
    return expert.tensor > 0 ? expert.tensor : tensor;
  }
  // Ranks that hold the same experts, and those of them that share one sharded copy.
  [[nodiscard]] std::int64_t expert_replicas() const {
    return tensor * replicas() / (expert_tensor() * expert.degree);
  }
  [[nodiscard]] std::int64_t expert_shard_ranks() const {
    return shard_group > 0 ? std::gcd(shard_group, expert_replicas()) : expert_replicas();
  }
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

// The code of the first of them, or null: without words, for whoever asks about millions of plans.
const char* first_violation(const Model& model, const Training& training, const Plan& plan,
                            std::int64_t gpus);

// adapter_rules.cpp: what is wrong with training.adapter for this model, whatever the plan. `field`
// is a key of the training.
std::vector<Violation> adapter_violations(const Model& model, const Training& training);

// plan.data, or what the GPUs leave for it where it is 0 (at least 1; violations() reports a
// remainder).
std::int64_t resolve_data_degree(const Plan& plan, std::int64_t gpus);

}  // namespace lockstep
