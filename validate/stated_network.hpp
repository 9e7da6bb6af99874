// The bandwidth that free text states: "4x100 Gb/s RoCE per node", "RDMA 400 Gb/s per GPU".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "topology/quantity.hpp"

namespace lockstep {

struct StatedNetwork {
  BytesPerSecond per_node;    // all compute NICs of a node, per direction
  std::int64_t nics = 0;      // 0: not stated
};

// Nothing where the text leaves the total of a node open ("HDR InfiniBand", "200 Gb/s"): a bare rate may be a
// port's or a GPU's. Storage and management networks, NVLink and PCIe are not counted. Case matters (Gb, GB).
std::optional<StatedNetwork> stated_network(const std::string& text, std::int64_t gpus_per_node);

}  // namespace lockstep
