// What replicated, ZeRO and FSDP data parallelism share: the collectives that reduce gradients and
// gather parameters of some part of the model.
#pragma once

#include <vector>

#include "strategies/state_bytes.hpp"
#include "strategies/workload.hpp"

namespace lockstep {

// What the report calls the calls of one unit.
struct UnitNames {
  const char* gather;
  const char* scatter;
  const char* reduce;
};

// Parameters that the same ranks replicate and shard: those of experts are held by fewer ranks than
// the others.
class DataSync {
 public:
  static DataSync dense(const Plan& plan, const Training& training);
  static DataSync experts(const Plan& plan, const Training& training);

  // Whether anybody else holds the same parameters.
  [[nodiscard]] bool needed() const { return shard_ * copies_ > 1; }

  // Gradients of so many parameters: all-reduce where every rank keeps everything; else
  // reduce-scatter in the sharded copy, and all-reduce of the shard across copies (HSDP).
  void reduce(std::vector<CollectiveCall>& calls, double parameters, const UnitNames& names) const;
  // Parameters of a sharded copy, gathered; `quantized` of them travel in 4 bits.
  void gather(std::vector<CollectiveCall>& calls, double parameters, const UnitNames& names,
              double quantized = 0) const;

 private:
  // `all` ranks replicate the parameters, `shard` of them share a sharded copy.
  DataSync(const Plan& plan, const Training& training, std::int64_t all, std::int64_t shard);

  Sharding sharding_ = Sharding::none;
  StateBytes bytes_;
  double quantized_bytes_ = 0;
  double shard_ = 1;   // ranks of one sharded copy
  double copies_ = 1;  // copies
  GroupKind all_ = GroupKind::data;
  GroupKind shard_group_ = GroupKind::shard;
  GroupKind copies_group_ = GroupKind::replicate;
};

// replicated.cpp: gradients all-reduced once a step.
// zero.cpp: optimizer state, and gradients, sharded.
// fsdp.cpp: parameters sharded too.
void add_replicated(const Plan& plan, const Training& training, Workload& workload);
void add_zero(const Plan& plan, const Training& training, Workload& workload);
void add_fsdp(const Plan& plan, const Training& training, Workload& workload);

// Every stage as one unit, reduced (and gathered) once a step. The dense parameters and those of
// experts go apart.
void sync_stages(const Plan& plan, const Training& training, Workload& workload, bool gathers);

}  // namespace lockstep
