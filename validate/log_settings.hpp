// What the notes of a log say NCCL was told: NCCL_ALGO, NCCL_PROTO, NCCL_TREE_THRESHOLD.
#pragma once

#include <string>
#include <vector>

#include "scenarios/log_metadata.hpp"
#include "topology/hardware.hpp"

namespace lockstep {

// Finds NAME=VALUE in every text of the notes and sets what the system lets NCCL choose from.
// Returns a line for each: what was applied, or that it was not understood (lists, exclusions,
// names that NCCL does not have).
std::vector<std::string> apply_log_settings(const LogMetadata& notes, System& system);

}  // namespace lockstep
