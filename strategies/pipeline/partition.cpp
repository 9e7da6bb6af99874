#include "strategies/pipeline/partition.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace lockstep {

namespace {

using Counts = std::vector<std::int64_t>;

// Every stage floor(L/p); the remainder to the middle stages first, then to the first, then to the
// last: the end stages carry the embedding and the head besides.
Counts ends_lighter(std::int64_t layers, std::int64_t stages) {
  Counts counts(static_cast<std::size_t>(stages), layers / stages);
  std::int64_t left = layers % stages;
  for (std::size_t i = 1; i + 1 < counts.size() && left > 0; ++i, --left) ++counts[i];
  if (left > 0) {
    ++counts.front();
    --left;
  }
  if (left > 0) ++counts.back();
  return counts;
}

Counts front_loaded(std::int64_t layers, std::int64_t stages) {
  Counts counts(static_cast<std::size_t>(stages), layers / stages);
  for (std::size_t i = 0; i < static_cast<std::size_t>(layers % stages); ++i) ++counts[i];
  return counts;
}

// Weights of embedding, layers and head in order; the first and last weight are not layers.
struct BlockWeights {
  double embedding;
  double layer;
  double head;
};

// Greedy filling with a bound; the number of stages that it takes and, by `counts`, the layers of
// each.
std::int64_t fill(const BlockWeights& weights, std::int64_t layers, double bound, Counts* counts) {
  std::int64_t used = 1;
  double filled = weights.embedding;
  std::int64_t here = 0;
  for (std::int64_t i = 0; i < layers; ++i) {
    const double extra = weights.layer + (i + 1 == layers ? weights.head : 0.0);
    if (filled + extra > bound && filled > 0) {
      if (counts != nullptr) counts->push_back(here);
      ++used;
      filled = 0;
      here = 0;
    }
    filled += extra;
    ++here;
  }
  if (counts != nullptr) counts->push_back(here);
  return used;
}

// The contiguous partition with the smallest largest weight (DeepSpeed's partition_balanced),
// weights being parameters. Found by bisection on the bound; stages left over by the greedy filling
// take single layers from the fullest ones.
Counts parameters_balanced(const Model& model, std::int64_t stages) {
  const ParameterCount count = count_parameters(model, model.vocabulary, 0);
  const BlockWeights weights{count.embedding, count.layers / static_cast<double>(model.layers),
                             count.head > 0 ? count.head : count.embedding};
  double low = weights.layer;
  double high = count.total + weights.head;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (fill(weights, model.layers, middle, nullptr) <= stages ? high : low) = middle;
  }
  Counts counts;
  fill(weights, model.layers, high, &counts);
  while (static_cast<std::int64_t>(counts.size()) < stages) {
    const auto fullest = std::max_element(counts.begin(), counts.end());
    const std::int64_t half = *fullest / 2;
    *fullest -= half;
    counts.insert(fullest + 1, half);
  }
  return counts;
}

// nanotron: a block goes to the next stage once the cumulative cost before it exceeds its share of
// the total. Cost: 4h^2 + 3fh per layer, V h for the head, nothing for the embedding.
Counts cost_balanced(const Model& model, std::int64_t stages) {
  const auto h = static_cast<double>(model.hidden);
  const double layer = 4 * h * h + 3 * static_cast<double>(model.ffn()) * h;
  const double total =
      layer * static_cast<double>(model.layers) + static_cast<double>(model.vocabulary) * h;
  Counts counts(static_cast<std::size_t>(stages), 0);
  std::size_t stage = 0;
  double sum = 0;
  for (std::int64_t i = 0; i < model.layers; ++i) {
    ++counts[stage];
    sum += layer;
    const double share = total * static_cast<double>(stage + 1) / static_cast<double>(stages);
    if (sum > share && stage + 1 < counts.size()) ++stage;
  }
  return counts;
}

}  // namespace

Counts layers_per_stage(const Model& model, StagePartition partition, std::int64_t stages) {
  switch (partition) {
    case StagePartition::uniform:
    case StagePartition::ends_lighter:
      return ends_lighter(model.layers, stages);
    case StagePartition::front_loaded:
      return front_loaded(model.layers, stages);
    case StagePartition::parameters_balanced:
      return parameters_balanced(model, stages);
    case StagePartition::cost_balanced:
      return cost_balanced(model, stages);
  }
  return ends_lighter(model.layers, stages);
}

bool partition_fits(const Model& model, StagePartition partition, std::int64_t stages,
                    std::int64_t interleave) {
  const std::int64_t chunks = stages * interleave;
  return model.layers >= chunks &&
         (partition != StagePartition::uniform || model.layers % chunks == 0);
}

std::string partition_problem(const Model& model, StagePartition partition, std::int64_t stages,
                              std::int64_t interleave) {
  if (partition_fits(model, partition, stages, interleave)) return {};
  if (model.layers < stages * interleave) {
    return fmt::format("{} layers cannot fill {} stages x {} chunks", model.layers, stages,
                       interleave);
  }
  return fmt::format(
      "{} layers do not divide into {} stages x {} chunks, and this software lays layers out "
      "evenly",
      model.layers, stages, interleave);
}

}  // namespace lockstep
