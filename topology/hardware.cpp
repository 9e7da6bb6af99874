#include "topology/hardware.hpp"

#include <fmt/format.h>

#include "topology/failures.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep {

double bytes_per_element(Dtype dtype) {
  switch (dtype) {
    case Dtype::fp32:
    case Dtype::tf32:
      return 4.0;  // tf32 is a way to multiply; the payload in memory is fp32
    case Dtype::fp16:
    case Dtype::bf16:
      return 2.0;
    case Dtype::fp8:
    case Dtype::mxfp8:
      return 1.0;
    case Dtype::fp4:
      return 0.5;
  }
  return 0.0;
}

std::int64_t gpu_count(const Cluster& cluster) {
  if (cluster.gpus > 0) return cluster.gpus;
  const auto out = static_cast<std::int64_t>(nodes_out(cluster).size());
  return (cluster.nodes - out) * cluster.system.gpus_per_node;
}

double nodes_per_domain(const System& system) {
  return static_cast<double>(system.gpus_per_nvlink_domain) /
         static_cast<double>(system.gpus_per_node);
}

std::int64_t domain_count(const Cluster& cluster) {
  const std::int64_t domain = cluster.system.gpus_per_nvlink_domain;
  return (gpu_count(cluster) + domain - 1) / domain;
}

BytesPerSecond network_bandwidth_per_gpu(const System& system) {
  const double nics_per_gpu =
      static_cast<double>(system.nics_per_node) / static_cast<double>(system.gpus_per_node);
  return *system.nic_bandwidth * nics_per_gpu;
}

std::string summary(const Cluster& cluster) {
  const System& system = cluster.system;
  std::string text =
      fmt::format("{} x {}", gpu_count(cluster), system.gpu.name.empty() ? "GPU" : system.gpu.name);
  if (cluster.nodes > 1) text += fmt::format(" in {} nodes", cluster.nodes);
  text += fmt::format(", {} {}", to_string(system.intra_node), to_text(*system.link_bandwidth));
  if (system.gpus_per_nvlink_domain > system.gpus_per_node) {
    text += fmt::format(" over {} GPUs", system.gpus_per_nvlink_domain);
  }
  if (cluster.nodes > 1) {
    text += fmt::format(", {} x {} per node, {}", system.nics_per_node,
                        to_bit_rate_text(*system.nic_bandwidth), to_string(cluster.fabric.type));
    if (cluster.fabric.oversubscription > 1.0) {
      text += fmt::format(" {}:1 oversubscribed", cluster.fabric.oversubscription);
    }
  }
  return text;
}

const char* to_string(Dtype dtype) {
  switch (dtype) {
    case Dtype::fp32:
      return "fp32";
    case Dtype::tf32:
      return "tf32";
    case Dtype::fp16:
      return "fp16";
    case Dtype::bf16:
      return "bf16";
    case Dtype::fp8:
      return "fp8";
    case Dtype::mxfp8:
      return "mxfp8";
    case Dtype::fp4:
      return "fp4";
  }
  return "";
}

const char* to_string(IntraNode intra_node) {
  switch (intra_node) {
    case IntraNode::nvswitch:
      return "NVSwitch";
    case IntraNode::nvlink_mesh:
      return "NVLink mesh";
    case IntraNode::pcie:
      return "PCIe";
    case IntraNode::nvlink_bridge:
      return "NVLink bridges";
  }
  return "";
}

const char* to_string(Network network) {
  switch (network) {
    case Network::infiniband:
      return "InfiniBand";
    case Network::roce:
      return "RoCE";
    case Network::efa:
      return "EFA";
    case Network::tcpx:
      return "TCPX";
    case Network::tcpxo:
      return "TCPXO";
    case Network::slingshot:
      return "Slingshot";
    case Network::ethernet:
      return "Ethernet";
    case Network::none:
      return "no network";
  }
  return "";
}

const char* to_string(FabricType type) {
  switch (type) {
    case FabricType::rail_optimized:
      return "rail-optimised";
    case FabricType::fat_tree:
      return "fat tree";
    case FabricType::single_switch:
      return "single switch";
  }
  return "";
}

}  // namespace lockstep
