// stride(d) = product of the degrees of the dimensions before d.
// Source: Megatron-LM, megatron/core/parallel_state.py, RankGenerator; the default there and in
// DeepSpeed and PyTorch device meshes is tensor innermost, pipeline outermost. Experts have an
// order of their own over the same ranks, expert-tensor ranks innermost.
#include "strategies/rank_order.hpp"

#include <algorithm>

namespace lockstep {

namespace {

constexpr std::size_t name_length = 2;

std::optional<RankDimension> dimension_named(std::string_view name) {
  if (name == "tp") return RankDimension::tensor;
  if (name == "cp") return RankDimension::context;
  if (name == "dp") return RankDimension::data;
  if (name == "pp") return RankDimension::pipeline;
  return std::nullopt;
}

std::int64_t degree_of(const Plan& plan, RankDimension dimension) {
  switch (dimension) {
    case RankDimension::tensor:
      return plan.tensor;
    case RankDimension::context:
      return plan.context.degree;
    case RankDimension::data:
      return plan.data;
    case RankDimension::pipeline:
      return plan.pipeline.stages;
  }
  return 1;
}

std::size_t place_of(const RankOrder& order, RankDimension dimension) {
  return static_cast<std::size_t>(std::find(order.begin(), order.end(), dimension) - order.begin());
}

// Ranks of a stage that lie inside the pipeline dimension: beyond them neighbours are `stages`
// times as far apart.
std::int64_t ranks_inside_pipeline(const Plan& plan, const RankOrder& order) {
  std::int64_t ranks = 1;
  for (const RankDimension dimension : order) {
    if (dimension == RankDimension::pipeline) break;
    ranks *= degree_of(plan, dimension);
  }
  return ranks;
}

}  // namespace

std::optional<RankOrder> rank_order(std::string_view order) {
  RankOrder dimensions{};
  std::size_t count = 0;
  bool named_context = order.find("cp") != std::string_view::npos;
  for (std::size_t at = 0;; at += name_length + 1) {
    const auto dimension = dimension_named(order.substr(std::min(at, order.size()), name_length));
    if (!dimension) return std::nullopt;
    if (*dimension == RankDimension::data && !named_context) {
      if (count == dimensions.size()) return std::nullopt;
      dimensions[count++] = RankDimension::context;
      named_context = true;
    }
    const auto end = dimensions.begin() + static_cast<std::ptrdiff_t>(count);
    if (count == dimensions.size() || std::find(dimensions.begin(), end, *dimension) != end) {
      return std::nullopt;
    }
    dimensions[count++] = *dimension;
    if (at + name_length == order.size()) break;
    if (order[at + name_length] != '-') return std::nullopt;
  }
  return count == dimensions.size() ? std::optional{dimensions} : std::nullopt;
}

RankStrides rank_strides(const Plan& plan) {
  RankStrides strides;
  const std::optional<RankOrder> order = rank_order(plan.placement);
  if (!order) return strides;
  std::int64_t stride = 1;
  for (const RankDimension dimension : *order) {
    if (dimension == RankDimension::tensor) strides.tensor = stride;
    if (dimension == RankDimension::context) strides.context = stride;
    if (dimension == RankDimension::data) strides.data = stride;
    if (dimension == RankDimension::pipeline) strides.pipeline = stride;
    stride *= degree_of(plan, dimension);
  }
  strides.replicas = std::min(strides.context, strides.data);
  const std::int64_t inside = ranks_inside_pipeline(plan, *order);
  const auto in_stage = [&](std::int64_t ranks) {
    return ranks < inside ? ranks : ranks * plan.pipeline.stages;
  };
  strides.expert_tensor = in_stage(1);
  strides.expert = in_stage(plan.expert_tensor());
  strides.expert_data = in_stage(plan.expert_tensor() * plan.expert.degree);
  return strides;
}

std::string_view uneven_groups(const Plan& plan) {
  const std::optional<RankOrder> order = rank_order(plan.placement);
  if (!order) return "";
  const std::size_t context = place_of(*order, RankDimension::context);
  const std::size_t data = place_of(*order, RankDimension::data);
  if (plan.context.degree > 1 && plan.data > 1 && context + 1 != data && data + 1 != context) {
    return "context and data ranks hold the same parameters, and this order puts another dimension "
           "between them";
  }
  const std::int64_t inside = ranks_inside_pipeline(plan, *order);
  const std::int64_t first = plan.expert_tensor();
  const std::int64_t last = first * plan.expert.degree;
  const bool pipeline_between =
      plan.pipeline.stages > 1 && plan.expert.degree > 1 && first < inside && inside < last;
  if (pipeline_between)
    return "this order puts pipeline stages between the ranks of an expert group";
  return "";
}

}  // namespace lockstep
