// Ways inside a node that use no NVLink: over PCIe switches, CPUs and the links between sockets.
// Each device has one link up to a switch or a CPU, each switch one to a CPU: one way is all there
// is.
#pragma once

#include <cstddef>
#include <vector>

#include "topology/graph.hpp"

namespace lockstep {

class HostPaths {
 public:
  explicit HostPaths(const ClusterGraph& graph);

  // pix, phb, sys, or dis where none is left.
  [[nodiscard]] PathKind kind(std::size_t from, std::size_t to) const;
  // Zero where none is left.
  [[nodiscard]] BytesPerSecond bandwidth(std::size_t from, std::size_t to) const;
  // The link from a device to the switch or CPU above it.
  [[nodiscard]] BytesPerSecond slot(std::size_t device) const { return above_[device].bandwidth; }

 private:
  struct Above {
    std::size_t part = none;
    BytesPerSecond bandwidth;
  };
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  [[nodiscard]] std::size_t cpu_of(std::size_t device) const;
  [[nodiscard]] BytesPerSecond to_cpu(std::size_t device) const;
  [[nodiscard]] BytesPerSecond socket(std::size_t a, std::size_t b) const;

  std::vector<Above> above_;     // of each part
  std::vector<bool> is_switch_;  // PCIe switch, of each part
  std::vector<PartLink> sockets_;
};

}  // namespace lockstep
