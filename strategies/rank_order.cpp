// stride(d) = product of the degrees of the dimensions before d.
// Source: Megatron-LM, megatron/core/parallel_state.py, RankGenerator; the default there and in
// DeepSpeed and PyTorch device meshes is tensor innermost, pipeline outermost.
#include "strategies/rank_order.hpp"

namespace lockstep {

std::optional<RankStrides> rank_strides(std::string_view order, std::int64_t tensor,
                                        std::int64_t data, std::int64_t pipeline) {
  constexpr std::size_t length = std::string_view{"tp-dp-pp"}.size();
  if (order.size() != length || order[2] != '-' || order[5] != '-') return std::nullopt;
  RankStrides strides;
  std::int64_t stride = 1;
  int seen = 0;
  for (const std::size_t at : {0U, 3U, 6U}) {
    const std::string_view name = order.substr(at, 2);
    if (name == "tp") {
      strides.tensor = stride;
      stride *= tensor;
      seen |= 1;
    } else if (name == "dp") {
      strides.data = stride;
      stride *= data;
      seen |= 2;
    } else if (name == "pp") {
      strides.pipeline = stride;
      stride *= pipeline;
      seen |= 4;
    }
  }
  return seen == 7 ? std::optional{strides} : std::nullopt;
}

RankStrides rank_strides(const Plan& plan) {
  return rank_strides(plan.placement, plan.tensor, plan.data, plan.pipeline.stages)
      .value_or(RankStrides{});
}

}  // namespace lockstep
