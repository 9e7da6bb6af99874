// What memory lists and offload read of a plan's blocks, added up once for all stages.
#pragma once

#include <vector>

#include "strategies/layer/blocks.hpp"

namespace lockstep {

// Of a layer of one kind, for one micro-batch on one rank.
struct LayerSizes {
  Bytes whole;       // saved without recompute
  Bytes kept;        // saved as the plan recomputes
  Flops recomputed;  // recomputed_flops()
};

// Parameters are those of one rank, before data sharding.
struct BlockSizes {
  BlockSizes() = default;
  // Needs the workload's kinds, embedding and head.
  BlockSizes(const BlockContext& context, const Workload& workload);

  std::vector<LayerSizes> layers;  // by kind
  Bytes embedding_saved;
  Bytes head_saved;
  double largest_layer = 0;      // parameters of the largest layer, experts included
  double largest_quantized = 0;  // of the layer with most parameters in 4 bits
  double largest_trained = 0;    // of the layer with most trained ones
  // Parameters of one tensor of every weight shape of a layer: experts have one shape between them.
  double weight_shapes = 0;
  Bytes exchange_forward;  // largest buffers of context parallelism
  Bytes exchange_backward;
};

}  // namespace lockstep
