// The order in which the stages of a pipeline do their passes, as one list; used by pass_table.cpp
// alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sim/engine/pass_table.hpp"

namespace lockstep::pass_waves {

struct WavePass {
  std::int32_t wave = 0;  // when it is done if every pass takes as long as every other
  std::int32_t stage = 0;
  ChunkPass pass;
};

// Where results are on their way, by the chunk that they come from; in each, micro-batches follow
// each other in order.
struct Queues {
  std::optional<std::size_t> waits;
  std::optional<std::size_t> gives;
};
Queues queues_of(const PassTableShape& shape, std::int64_t stage, const ChunkPass& pass);

// All passes by waves, in a wave by stages. A pass is in a later wave than those it waits for, and
// neighbours in the list mostly do not wait for each other. Throws std::logic_error if the stages
// wait for each other.
std::vector<WavePass> passes_in_waves(const PassTableShape& shape);

}  // namespace lockstep::pass_waves
