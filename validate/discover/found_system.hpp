// What the facts of a node say about the keys of a system; what they do not say stays empty.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "topology/hardware.hpp"
#include "validate/discover/compute_nics.hpp"
#include "validate/discover/node_facts.hpp"

namespace lockstep {

struct FoundSystem {
  std::optional<std::int64_t> gpus_per_node, gpus_per_nvlink_domain, nvswitch_planes,
      gpus_per_pcie_switch, sockets, nics_per_node, pcie_generation;
  std::optional<IntraNode> intra_node;
  std::optional<Network> network;
  std::optional<CpuVendor> cpu_vendor;
  std::optional<bool> peer_to_peer;
  std::optional<Constant<BytesPerSecond>> link_bandwidth, nic_bandwidth, pcie_bandwidth,
      host_memory_bandwidth;

  std::string gpus_by;  // "NVML on 2026-11-23"
  std::string host_by;  // "hwloc 2.9.0 on 2026-11-23"
  ComputeNics nics;
  std::vector<std::string> assumed;  // what was taken for granted, one sentence each
  std::vector<std::string> remarks;  // what does not fit a system of the catalog
};

// `date` is that of the host's facts ("2026-11-23").
//
//   link_bandwidth         active NVLinks of the GPU that has the fewest x the rate of one on the
//   wire; without NVLink
//                          lanes x the rate of one lane of the PCIe generation
//   gpus_per_pcie_switch   GPUs below one switch at the CPU
//   host_memory_bandwidth  sockets x channels x rate by the CPU's model x 0.75
//   pcie_bandwidth         what 16 lanes of the generation reach in practice x lanes / 16
// Source: NVIDIA's and PCI-SIG's data sheets; the shares are those of the catalog's systems.
// Ignores: memory modules that are slower than the CPU allows, GPUs of several kinds (the first
// counts).
FoundSystem found_system(const NodeFacts& facts);

// Nominal memory bandwidth of one socket by the name of its CPU; 0 where it is not known.
BytesPerSecond memory_bandwidth_of(const std::string& cpu_model);

// PCIe bandwidth per direction: on the wire, and what copies reach in practice (0: not known).
BytesPerSecond pcie_wire(std::int64_t generation, std::int64_t width);
BytesPerSecond pcie_in_practice(std::int64_t generation, std::int64_t width);

}  // namespace lockstep
