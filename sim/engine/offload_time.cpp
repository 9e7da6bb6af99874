#include "sim/engine/offload_time.hpp"

#include <algorithm>

namespace lockstep {

namespace {

// Of the host's memory, where every GPU of the node draws on it alike.
BytesPerSecond host_share(const Cluster& cluster) {
  const std::int64_t used = std::min(cluster.system.gpus_per_node, gpu_count(cluster));
  return *cluster.system.host_memory_bandwidth /
         static_cast<double>(std::max<std::int64_t>(1, used));
}

// A bandwidth of zero is one that nobody states: no limit.
Seconds over(Bytes bytes, BytesPerSecond bandwidth) {
  return bandwidth.value() > 0 ? bytes / bandwidth : Seconds{};
}

}  // namespace

// t = bytes / min(W, H / g): W one direction of the GPU's host link (PCIe, or NVLink-C2C), H the
// node's memory bandwidth, g its GPUs. Ignores the time to issue a copy, some microseconds.
Seconds host_copy_time(const Cluster& cluster, Bytes bytes) {
  return std::max(over(bytes, *cluster.system.pcie_bandwidth), over(bytes, host_share(cluster)));
}

Seconds exposed_copies(const Cluster& cluster, const Plan& plan,
                       const std::vector<HostCopy>& copies, Seconds beside) {
  Seconds out;
  Seconds in;
  for (const HostCopy& copy : copies) {
    (copy.to_host ? out : in) += host_copy_time(cluster, copy.bytes);
  }
  if (!plan.offload.overlapped) return out + in;
  return std::max(Seconds{}, std::max(out, in) - beside);
}

// Gradients leave in buckets beside the last backward pass; the host then updates, and weights go
// back piece by piece beside it. ZeRO-Offload (arXiv:2101.06840), section 5; without its delayed
// update, which changes the training.
HostUpdate host_update(const Cluster& cluster, const Plan& plan, const Stage& stage,
                       Seconds backward) {
  HostUpdate result;
  result.update = over(stage.host_update, host_share(cluster));
  Seconds out;
  Seconds in;
  for (const HostCopy& copy : stage.optimizer_copies) {
    (copy.to_host ? out : in) += host_copy_time(cluster, copy.bytes);
  }
  if (plan.offload.overlapped) {
    out = std::max(Seconds{}, out - backward);
    in = std::max(Seconds{}, in - result.update);
  }
  result.copies = out + in;
  return result;
}

}  // namespace lockstep
