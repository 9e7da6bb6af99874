// Hardware, software and models with round numbers, so that a test can derive what it expects in
// words.
#pragma once

#include "strategies/plan.hpp"
#include "topology/hardware.hpp"

namespace lockstep::testing {

// 100 TFLOP/s in 16 bit at full efficiency for any shape, 1 TB/s of memory at full efficiency, no
// fixed times.
inline Gpu round_gpu() {
  Gpu gpu;
  gpu.name = "round";
  gpu.peak_fp32 = Constant(FlopsPerSecond{10e12});
  gpu.peak_fp16 = gpu.peak_bf16 = Constant(FlopsPerSecond{100e12});
  gpu.memory_capacity = Constant(Bytes{100e9});
  gpu.memory_bandwidth = Constant(BytesPerSecond{1e12});
  gpu.gemm_efficiency_fp32 = gpu.gemm_efficiency_half = Constant(1.0);
  gpu.gemm_misaligned = Constant(0.5);
  gpu.memory_efficiency = Constant(1.0);
  gpu.fp8_rowwise_rate = Constant(0.5);
  gpu.fp8_blockwise_rate = Constant(0.8);
  gpu.memory_norm = gpu.memory_rope = gpu.memory_activation = gpu.memory_softmax = gpu.memory_cast =
      gpu.memory_permutation = gpu.memory_loss = gpu.memory_optimizer = Constant(1.0);
  gpu.attention_flash1 = Constant(0.25);
  gpu.attention_flash2 = Constant(0.5);
  gpu.attention_flash3 = Constant(0.8);
  gpu.attention_head64 = Constant(0.8);
  gpu.attention_backward = Constant(0.5);
  gpu.batched_gemm_efficiency = Constant(0.5);
  gpu.batched_gemm_misaligned = Constant(0.1);
  return gpu;
}

// 8 GPUs a node; 100 GB/s in the node, 8 NICs of 10 GB/s; no fixed time of collectives in a step.
inline Cluster round_cluster(std::int64_t nodes) {
  Cluster cluster;
  cluster.system.name = "round";
  cluster.system.gpu = round_gpu();
  cluster.system.link_bandwidth = Constant(BytesPerSecond{100e9});
  cluster.system.nic_bandwidth = Constant(BytesPerSecond{10e9});
  cluster.system.link_share = cluster.system.network_share = Constant(1.0);
  cluster.system.pcie_bandwidth = Constant(BytesPerSecond{25e9});
  cluster.nodes = nodes;
  cluster.gpus = nodes * cluster.system.gpus_per_node;
  return cluster;
}

// Nothing hidden, nothing on the host, factors of one.
inline Software plain_software() {
  Software software;
  software.name = "plain";
  software.attention = AttentionKernel::flash2;
  software.stage_partition = StagePartition::uniform;
  software.memory_traffic_factor = software.softmax_traffic_factor = Constant(1.0);
  software.loss_bytes_per_logit = Constant(10.0);
  software.optimizer_bytes_per_parameter = Constant(20.0);
  software.host_backward_factor = Constant(2.0);
  software.host_tensor_parallel_factor = Constant(1.0);
  software.host_gpu_exponent = Constant(4.0);
  software.tensor_forward_exposed = software.tensor_backward_exposed = Constant(1.0);
  software.grouped_gemm_efficiency = Constant(1.0);
  software.expert_exposed = software.tensor_sequence_backward_exposed = software.pipeline_exposed = software.data_exposed =
      Constant(1.0);
  software.fsdp_intra_efficiency = software.fsdp_inter_efficiency = Constant(1.0);
  software.reserved_factor = Constant(1.0);
  return software;
}

// GPT of 4 layers, hidden 1024, 8 heads of 128, vocabulary 1024.
inline Model small_gpt() {
  Model model;
  model.name = "small";
  model.layers = 4;
  model.hidden = 1024;
  model.heads = 8;
  model.vocabulary = 1024;
  return model;
}

inline Training small_training(std::int64_t global_batch = 16) {
  Training training;
  training.sequence_length = 1024;
  training.global_batch = global_batch;
  training.precision = Precision::bf16;
  return training;
}

inline Plan plain_plan(std::int64_t data, std::int64_t tensor = 1, std::int64_t stages = 1) {
  Plan plan;
  plan.name = "plan";
  plan.software = plain_software();
  plan.data = data;
  plan.tensor = tensor;
  plan.pipeline.stages = stages;
  return plan;
}

}  // namespace lockstep::testing
