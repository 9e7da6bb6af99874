// The hardware that a scenario names: GPU, system (a node with its NICs), fabric, cluster.
// Plain data; every number carries its provenance. Member names are the keys of the catalog files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "topology/collectives/nccl_graphs.hpp"
#include "topology/constant.hpp"

namespace lockstep {

enum class Dtype { fp32, tf32, fp16, bf16, fp8, mxfp8, fp4 };

// Bytes per element of the payload (block scales of mxfp8 and nvfp4 not counted).
double bytes_per_element(Dtype dtype);

struct Gpu {
  std::string name;
  std::string description;
  std::string architecture;  // volta | turing | ampere | ada | hopper | blackwell

  // Dense matrix peak per data type; zero where the hardware lacks the type.
  Constant<FlopsPerSecond> peak_fp32;
  Constant<FlopsPerSecond> peak_tf32;
  Constant<FlopsPerSecond> peak_fp16;
  Constant<FlopsPerSecond> peak_bf16;
  Constant<FlopsPerSecond> peak_fp8;
  Constant<FlopsPerSecond> peak_fp4;

  Constant<Bytes> memory_capacity;  // as the driver reports it to the framework
  Constant<BytesPerSecond> memory_bandwidth;
  Constant<Bytes> l2_capacity;
  std::int64_t sm_count = 0;
  Constant<Watts> power_limit;
  // The shares of the peak below hold at this power limit per PFLOP/s of the 16-bit peak; elsewhere
  // they follow (power_limit / (rated_power peak_fp16))^power_exponent. 0: no such rule.
  Constant<Watts> rated_power;
  Constant<double> power_exponent;

  // Largest share of the peak that a very large GEMM sustains, per data type (power and clock
  // included).
  Constant<double> gemm_efficiency_fp32;
  Constant<double> gemm_efficiency_tf32;
  Constant<double> gemm_efficiency_half;  // fp16, bf16
  Constant<double> gemm_efficiency_fp8;
  Constant<double> gemm_efficiency_mxfp8;
  Constant<double> gemm_efficiency_fp4;
  Constant<double> fp8_rowwise_rate;    // rate of fp8 GEMMs scaled by rows over those by tensors
  Constant<double> fp8_blockwise_rate;  // ... by blocks of 128
  Constant<double> gemm_m0;  // half-efficiency sizes: t = F/(P e) (1+m0/M)(1+n0/N)(1+k0/K)
  Constant<double> gemm_n0;
  Constant<double> gemm_k0;
  Constant<Seconds> gemm_fixed_time;   // per kernel
  Constant<double> gemm_misaligned;    // efficiency factor when N or K is not a multiple of 64
  Constant<double> memory_efficiency;  // share of memory_bandwidth that streaming kernels reach
  Constant<Seconds> memory_fixed_time;  // per memory-bound kernel
  // Bandwidth of other kernels over that of a streaming one (a residual addition).
  Constant<double> memory_norm;
  Constant<double> memory_rope;
  Constant<double> memory_activation;
  Constant<double> memory_softmax;
  Constant<double> memory_cast;         // to fp8 and fp4, with what it finds out about scales
  Constant<double> memory_permutation;  // rows gathered or scattered by index
  Constant<double> memory_loss;
  Constant<double> memory_optimizer;

  // Attention kernels: share of the half-precision peak in the forward pass at long sequences, head
  // size 128.
  Constant<double> attention_flash1;
  Constant<double> attention_flash2;
  Constant<double> attention_flash3;         // FlashAttention-3 or cuDNN/Transformer Engine
  Constant<double> attention_half_sequence;  // e(s) = e * s / (s + this)
  Constant<double> attention_backward;       // backward efficiency over forward efficiency
  Constant<double> attention_head64;         // efficiency factor at head size 64
  Constant<double> batched_gemm_efficiency;  // unfused attention: share of gemm_efficiency_half
  Constant<double> batched_gemm_half_head;   // e(d) = e / (1 + this/d)
  Constant<double> batched_gemm_misaligned;  // factor when head size is not a multiple of 8

  Constant<double>
      overlap_slowdown;  // seconds of compute lost per second of communication beside it
};

enum class IntraNode {
  nvswitch,      // every GPU at full NVLink bandwidth to every other
  nvlink_mesh,   // direct links, hybrid cube mesh (DGX-1V)
  pcie,          // through PCIe switches or the CPU
  nvlink_bridge  // PCIe cards, joined in pairs by NVLink bridges: 0-1, 2-3 …
};

// The network that joins the nodes, as NCCL's transport meets it.
enum class Network {
  infiniband,
  roce,
  efa,        // AWS, through aws-ofi-nccl
  tcpx,       // GPUDirect-TCPX, Google A3 High
  tcpxo,      // GPUDirect-TCPXO, Google A3 Mega
  slingshot,  // HPE, through aws-ofi-nccl
  ethernet,   // TCP sockets
  none
};

enum class CpuVendor { intel, amd, arm, other };

// NCCL's constants changed in these versions; the newest that is not newer than the one in use
// holds.
enum class NcclVersion { v2_16, v2_18, v2_20, v2_22, v2_24, v2_26, v2_28, v2_30 };

// What NCCL_ALGO and NCCL_PROTO allow: everything, or one; 1 + its place in nccl::methods().
enum class NcclAlgorithmSetting {
  automatic,
  ring,
  tree,
  collnet_direct,
  collnet_chain,
  nvls,
  nvls_tree,
  pat
};
enum class NcclProtocolSetting { automatic, ll, ll128, simple };

enum class FabricType { rail_optimized, fat_tree, single_switch };

// One node: GPUs, how they are linked, and the NICs.
struct System {
  std::string name;
  std::string description;
  std::string gpu_name;  // key `gpu` in the file
  Gpu gpu;
  std::int64_t gpus_per_node = 8;  // GPUs under one operating system
  std::int64_t gpus_per_nvlink_domain =
      8;  // GPUs that share one NVLink (or PCIe) domain; 72 in an NVL72
  IntraNode intra_node = IntraNode::nvswitch;
  std::int64_t nvswitch_planes = 1;       // switches that a GPU's NVLinks are spread over evenly
  std::int64_t gpus_per_pcie_switch = 2;  // 0: no PCIe switches, the slots are the CPU's
  std::int64_t sockets = 0;               // 0: two from four GPUs a node on, else one

  Constant<BytesPerSecond> link_bandwidth;         // per GPU and direction: NVLink sum, or PCIe
  std::int64_t nics_per_node = 8;                  // compute NICs
  Constant<BytesPerSecond> nic_bandwidth;          // per NIC and direction, nominal
  Constant<BytesPerSecond> pcie_bandwidth;         // GPU to host, per direction, practical
  Constant<BytesPerSecond> host_memory_bandwidth;  // of a node, practical; all its GPUs share it
  Constant<Bytes> host_memory;                     // of a node, for all its GPUs; 0: not known

  // Collectives inside a training step against the same calls under nccl-tests: the share of the
  // bandwidth that is left beside other kernels and other groups, and what is paid of the fixed
  // time, since calls are queued but ranks wait for each other. See nccl::Conditions.
  Constant<double> link_share;       // in the NVLink (or PCIe) domain
  Constant<double> link_latency;     // factor
  Constant<double> network_share;    // across nodes
  Constant<double> network_latency;  // factor
  Constant<double> network_decay;    // network_share falls as 1/(1 + this * log2(domains))

  // What NCCL's own model of collectives needs to know besides.
  Network network = Network::infiniband;
  CpuVendor cpu_vendor = CpuVendor::intel;
  std::int64_t pcie_generation = 0;   // of the GPUs' slots; 0: the GPU's own
  bool peer_to_peer = true;           // false: GPUs without NVLink meet in host memory (GeForce)
  bool in_network_reduction = false;  // SHARP, with NCCL_COLLNET_ENABLE=1
  NcclVersion nccl_version = NcclVersion::v2_26;
  NcclAlgorithmSetting nccl_algorithm = NcclAlgorithmSetting::automatic;
  NcclProtocolSetting nccl_protocol = NcclProtocolSetting::automatic;
};

struct Fabric {
  FabricType type = FabricType::rail_optimized;
  double oversubscription = 1.0;  // leaf uplink bandwidth is 1/this of its downlinks
  std::int64_t nodes_per_leaf =
      32;  // nodes that reach each other without leaving the leaf (or scalable unit)
  std::int64_t nodes_per_pod = 0;      // below one group of spines; 0: no core switches
  double core_oversubscription = 1.0;  // a spine's uplink bandwidth is 1/this of its downlinks
  std::int64_t spines = 0;  // of a pod, or of the cluster without pods; 0: as many as ports ask for
  std::int64_t cores = 0;   // 0: as many as ports ask for
};

// A link "A-B" between two parts that carries only a share of what it should, per direction.
struct Degraded {
  std::string link;
  double bandwidth_left = 1.0;
};

class Calibrations;

struct Cluster {
  System system;
  std::int64_t nodes = 1;
  Fabric fabric;

  // What is down: parts ("node3.nic2", "spine1", "node5" whole) and links
  // ("node0.gpu1-node0.nvswitch2"). failures.hpp says what becomes of each.
  std::vector<std::string> failed;
  std::vector<Degraded> degraded;

  // GPUs of the whole cluster. `gpus` in the file may ask for less than whole nodes on one node.
  // 0: all of the nodes.
  std::int64_t gpus = 0;

  nccl::ImportedFiles imported;  // NCCL's own dumps of this cluster's nodes
  // What was measured of the system's collectives (topology/collectives/calibration.hpp); null:
  // nothing. No key of files: --calibration sets it.
  std::shared_ptr<const Calibrations> calibrations;
};

// GPUs that a plan may use: `gpus`, or all of the nodes that are not out (failures.hpp).
std::int64_t gpu_count(const Cluster& cluster);

// Nodes that make up one NVLink domain: 1 in a DGX, 18 in an NVL72 of 4-GPU trays, below 1 where a
// node holds several domains.
double nodes_per_domain(const System& system);

// NVLink (or PCIe) domains that the GPUs in use touch.
std::int64_t domain_count(const Cluster& cluster);

// What the fabric and the NICs offer one GPU when all send: "400 Gb/s" of a DGX H100.
BytesPerSecond network_bandwidth_per_gpu(const System& system);

// One line for a report: "64 x H100 SXM in 8 nodes, NVSwitch 450 GB/s, 8 x 400 Gb/s per node,
// rail-optimised".
std::string summary(const Cluster& cluster);

const char* to_string(Dtype dtype);
const char* to_string(IntraNode intra_node);
const char* to_string(FabricType type);
const char* to_string(Network network);

}  // namespace lockstep
