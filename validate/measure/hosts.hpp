// The hosts of a run's ranks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

// Each host once, in the order of their first rank.
std::vector<std::string> distinct_hosts(const std::vector<std::string>& host_of_rank);

// Hosts of ranks that lie in blocks of equal size, as groups and predictions take them. Throws
// MeasurementError where they do not.
std::int64_t nodes_in_blocks(const std::vector<std::string>& host_of_rank);

}  // namespace lockstep
