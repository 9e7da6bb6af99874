// What performs collectives: NCCL on GPUs, MPI on CPUs, or a synthetic curve in tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "topology/collectives/collective_model.hpp"
#include "validate/measure/rank_groups.hpp"

namespace lockstep {

struct TimedCall {
  Collective collective = Collective::all_reduce;
  std::int64_t size_bytes = 0;  // whole buffer, a multiple of ranks and elements (see call_size)
  bool in_place = false;
};

// This process's part in collectives that all processes of a run perform together: each method is
// called by every process in the same order. All throw MeasurementError, which names the rank and
// the call.
class CollectiveBackend {
 public:
  virtual ~CollectiveBackend() = default;
  [[nodiscard]] virtual std::string name() const = 0;  // "nccl"
  [[nodiscard]] virtual std::int64_t ranks() const = 0;        // of the run
  [[nodiscard]] virtual std::int64_t local_ranks() const = 0;  // of this process
  [[nodiscard]] virtual std::int64_t nodes() const = 0;        // hosts of the run
  [[nodiscard]] virtual std::string element_type() const = 0;  // "float"
  [[nodiscard]] virtual std::int64_t element_bytes() const = 0;

  // Makes the communicators of the groups; they stay until the next call.
  virtual void select(const RankGroups& groups) = 0;
  // Makes buffers ready and fills them.
  virtual void prepare(const TimedCall& call) = 0;
  // Runs the prepared call `iterations` times back to back; seconds per call of each local rank
  // that takes part.
  virtual std::vector<double> run(std::int64_t iterations) = 0;
  // Fills the buffers anew, runs the call once and counts the wrong elements of the local ranks.
  virtual std::int64_t count_wrong() = 0;
  // The library's own estimate of the prepared call's seconds, where it has one.
  virtual std::optional<double> estimate() = 0;
};

// The size nearest below that the collective can have on this many ranks: counts are whole, and
// buffers of all_gather, reduce_scatter and all_to_all have equal parts. 0 where none is.
std::int64_t call_size(Collective collective, std::int64_t wanted_bytes, std::int64_t ranks,
                       std::int64_t element_bytes);

// nccl-tests' "count" of a call: elements of one rank's part for all_gather, reduce_scatter and
// all_to_all, else of the buffer.
std::int64_t call_count(Collective collective, std::int64_t size_bytes, std::int64_t ranks,
                        std::int64_t element_bytes);

}  // namespace lockstep
