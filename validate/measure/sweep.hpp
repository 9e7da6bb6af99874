// A collective over a sweep of sizes: warm-up, repeats until the interval is narrow, checked
// results. The same for every backend.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "validate/measure/collective_backend.hpp"
#include "validate/measure/measurement.hpp"
#include "validate/measure/processes.hpp"

namespace lockstep {

struct SweepOptions {
  std::int64_t smallest_bytes = 8;
  std::int64_t largest_bytes = 0;
  double factor = 2;
  std::int64_t warm_up = 5;  // calls before the first repeat of a size, at least 1
  std::int64_t fewest_repeats = 5;
  std::int64_t most_repeats = 40;
  double interval = 0.02;          // stop when the 90 % interval is within this share of the median
  double repeat_seconds = 0.002;   // a repeat takes as many calls as fill this
  double most_seconds = 2.0;       // of one size and side; then it stops as it is
  bool in_place = true;
  bool out_of_place = true;
  bool check = true;
};

// The sizes of a sweep, rising, each once and possible for the collective.
std::vector<std::int64_t> sweep_sizes(Collective collective, const SweepOptions& options,
                                      std::int64_t ranks, std::int64_t element_bytes);

// Median, its 90 % interval and the spread of repeats. `seconds` is not empty.
RepeatedTime repeated_time(std::vector<double> seconds, std::int64_t iterations);

// `repeat` gives the seconds per call of `iterations` calls, agreed on by all processes; it is
// called until the interval is narrow, the repeats or the seconds are used up.
RepeatedTime measure_repeats(const SweepOptions& options,
                             const std::function<double(std::int64_t iterations)>& repeat);

// Every process gets the same sweep. `progress(done, all)` after each size; may be empty.
CollectiveSweep measure_collective(CollectiveBackend& backend, Processes& processes,
                                   Collective collective, const RankGroups& groups,
                                   const SweepOptions& options,
                                   const std::function<void(std::size_t, std::size_t)>& progress);

// The sweeps in nccl-tests' columns, one table after the other; parse_nccl_log() reads each.
std::string sweeps_text(const Measurement& measurement);

}  // namespace lockstep
