// Options of the commands that measure collectives over a sweep of sizes.
#pragma once

#include <string>
#include <vector>

#include "validate/arguments.hpp"
#include "validate/measure/sweep.hpp"

namespace lockstep::validation {

// -c, --smallest, --largest, --factor, --groups, --interval, --seconds; `largest` as it is written
// in the help: "4M".
std::vector<Option> sweep_options(const std::string& default_largest);

// What the options say; `most_bytes` is the largest size that the backend can take. Throws
// UsageError.
SweepOptions sweep_of(const Arguments& arguments, const std::string& default_largest,
                      std::int64_t most_bytes);

// -c: names between commas, each once, or "all" (default). nccl-tests' own names count too:
// "alltoall", "sendrecv". Throws UsageError.
std::vector<Collective> collectives_of(const Arguments& arguments);

// --groups: rules of rank_groups.hpp between commas (default: world). Throws UsageError.
std::vector<RankGroups> groups_of(const Arguments& arguments, std::int64_t ranks,
                                  std::int64_t ranks_per_node);

}  // namespace lockstep::validation
