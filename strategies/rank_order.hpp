// Which GPUs the ranks of each parallel dimension get: the order in which dimensions are laid over
// the GPUs, innermost first.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "strategies/plan.hpp"

namespace lockstep {

enum class RankDimension { tensor, context, data, pipeline };

using RankOrder = std::array<RankDimension, 4>;  // innermost first

// "tp-dp-pp", "tp-cp-dp-pp" and so on, as Megatron-LM's --order writes it; the first is on
// neighbouring GPUs. Where cp isn't named it's inside dp. Nothing where `order` isn't each of them
// once.
std::optional<RankOrder> rank_order(std::string_view order);

// Distance on the GPUs between neighbours of a dimension; 1: on neighbouring GPUs.
struct RankStrides {
  std::int64_t tensor = 1;
  std::int64_t context = 1;
  std::int64_t data = 1;      // between data ranks
  std::int64_t replicas = 1;  // between ranks that hold the same parameters: context, then data
  std::int64_t pipeline = 1;
  // The ranks of a stage once more: expert-tensor ranks innermost, then experts, then copies.
  std::int64_t expert_tensor = 1;
  std::int64_t expert = 1;
  std::int64_t expert_data = 1;
};

// Of a legal plan with its data degree resolved.
RankStrides rank_strides(const Plan& plan);

// Why groups of this plan would not lie evenly: "" if they do. A plan with an impossible order is
// left to rank_order().
std::string_view uneven_groups(const Plan& plan);

}  // namespace lockstep
