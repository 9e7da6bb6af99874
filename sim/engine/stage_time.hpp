// What one micro-batch costs on one pipeline stage, by kind of work.
#pragma once

#include <array>

#include "sim/engine/communication.hpp"

namespace lockstep {

// The lines of the partition, in the order of the report.
enum class Part {
  linear,
  linear_recompute,
  attention,
  elementwise,
  ends,
  slowdown,
  tensor_exposed,
  fsdp_exposed,
  pipeline_exposed,
  bubble,
  data_exposed,
  optimizer,
  host_launch,
  host_sync,
  host_step,
  stragglers,
  count
};

class Parts {
 public:
  Seconds& operator[](Part part) { return values_[static_cast<std::size_t>(part)]; }
  Seconds operator[](Part part) const { return values_[static_cast<std::size_t>(part)]; }
  [[nodiscard]] Seconds total() const;
  void add(const Parts& other, double times = 1.0);

 private:
  std::array<Seconds, static_cast<std::size_t>(Part::count)> values_{};
};

// Forward (with nothing of recompute) and backward (recompute included) of one micro-batch on one
// stage.
struct StageTime {
  Parts forward;
  Parts backward;
  Seconds hidden_compute;  // compute of units whose collectives take longer: the network sets their
                           // pace
  [[nodiscard]] Seconds total() const { return forward.total() + backward.total(); }
};

// Times of the blocks of a workload, computed once and combined per stage.
class StageTimer {
 public:
  StageTimer(const Cluster& cluster, const Plan& plan, const Workload& workload,
             const Communication& communication);

  [[nodiscard]] StageTime time(const Stage& stage) const;

  // Adds the stage's collectives of one micro-batch, times micro-batches, to the tally.
  void tally(const Stage& stage, double micro_batches, CollectiveTally& tally) const;

 private:
  struct BlockTime {
    Parts forward;
    Parts backward;
    Parts recompute;
  };

  [[nodiscard]] Parts pass_time(const Pass& pass, bool recompute, bool ends) const;
  [[nodiscard]] BlockTime block_time(const Block& block, bool ends) const;
  [[nodiscard]] double exposed_share(CommRole role) const;
  void add_layers(StageTime& time, double layers, bool recomputes) const;
  // Returns `beside` where the collectives take longer than it, else zero.
  Seconds add_fsdp(Parts& parts, const std::vector<CollectiveCall>& calls, Seconds beside) const;
  [[nodiscard]] Seconds transfer_from(std::int64_t stage) const;
  void add_host(StageTime& time, const Stage& stage) const;
  void tally_pass(const Pass& pass, double calls, CollectiveTally& tally) const;

  const Gpu& gpu_;
  const Plan& plan_;
  const Software& software_;
  const Workload& workload_;
  const Communication& communication_;
  BlockTime layer_;
  BlockTime embedding_;
  BlockTime head_;
  std::vector<Seconds> transfers_;  // from each stage to the next; empty with one stage
};

}  // namespace lockstep
