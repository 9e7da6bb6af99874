// Which GPUs the ranks of each parallel dimension get: the order in which dimensions are laid over
// the GPUs, innermost first.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "strategies/plan.hpp"

namespace lockstep {

// Distance on the GPUs between neighbours of a dimension; 1: on neighbouring GPUs.
struct RankStrides {
  std::int64_t tensor = 1;
  std::int64_t data = 1;  // inside a sharded copy; copies are shard_ranks() times as far apart
  std::int64_t pipeline = 1;
};

// "tp-dp-pp" and so on, as Megatron-LM's --order writes it; the first is on neighbouring GPUs.
// Nothing where `order` is not the three of tp, dp and pp once each.
std::optional<RankStrides> rank_strides(std::string_view order, std::int64_t tensor,
                                        std::int64_t data, std::int64_t pipeline);

// Of a legal plan with its data degree resolved.
RankStrides rank_strides(const Plan& plan);

}  // namespace lockstep
