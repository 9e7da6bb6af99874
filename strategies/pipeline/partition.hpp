// Which layers a pipeline stage gets, as each framework lays them out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "strategies/model.hpp"
#include "strategies/software.hpp"

namespace lockstep {

// Layers of every stage (all chunks of a stage together); sums to model.layers.
std::vector<std::int64_t> layers_per_stage(const Model& model, StagePartition partition,
                                           std::int64_t stages);

// Whether so many layers can be laid out so.
bool partition_fits(const Model& model, StagePartition partition, std::int64_t stages,
                    std::int64_t interleave);
// Why this layout is impossible for so many layers, or "" if it isn't.
std::string partition_problem(const Model& model, StagePartition partition, std::int64_t stages,
                              std::int64_t interleave);

}  // namespace lockstep
