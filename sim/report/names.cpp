#include "sim/report/names.hpp"

#include <fmt/format.h>

namespace lockstep {

const char* to_string(Provenance kind) {
  switch (kind) {
    case Provenance::datasheet: return "datasheet";
    case Provenance::measured: return "measured";
    case Provenance::fitted: return "fitted";
    case Provenance::assumed: return "assumed";
  }
  return "";
}

const char* to_string(Precision precision) {
  switch (precision) {
    case Precision::fp32: return "fp32";
    case Precision::tf32: return "tf32";
    case Precision::fp16: return "fp16";
    case Precision::bf16: return "bf16";
    case Precision::fp8: return "fp8";
    case Precision::mxfp8: return "mxfp8";
    case Precision::nvfp4: return "nvfp4";
  }
  return "";
}

const char* to_string(Optimizer optimizer) {
  switch (optimizer) {
    case Optimizer::adamw: return "adamw";
    case Optimizer::sgd: return "sgd";
  }
  return "";
}

const char* to_string(Sharding sharding) {
  switch (sharding) {
    case Sharding::none: return "none";
    case Sharding::optimizer: return "optimizer";
    case Sharding::gradients: return "gradients";
    case Sharding::fsdp: return "fsdp";
  }
  return "";
}

const char* to_string(Recompute recompute) {
  switch (recompute) {
    case Recompute::none: return "none";
    case Recompute::selective: return "selective";
    case Recompute::full: return "full";
  }
  return "";
}

const char* to_string(ContextMethod method) {
  switch (method) {
    case ContextMethod::ring: return "ring";
    case ContextMethod::all_gather: return "all-gather";
    case ContextMethod::ulysses: return "ulysses";
  }
  return "";
}

const char* to_string(Override override) {
  switch (override) {
    case Override::software: return "software";
    case Override::yes: return "always";
    case Override::no: return "never";
  }
  return "";
}

namespace {

// "ep 8", "ep 8 (whole experts, capacity 1.25)", "ep 8 (imbalance 1.3)"
std::string expert_piece(const Plan& plan) {
  std::string notes;
  const auto add = [&](const std::string& note) { notes += (notes.empty() ? "" : ", ") + note; };
  if (plan.expert_tensor() != plan.tensor) {
    add(plan.expert_tensor() == 1 ? "whole experts" : fmt::format("expert tensor {}", plan.expert_tensor()));
  }
  if (plan.expert.capacity_factor > 0) add(fmt::format("capacity {:g}", plan.expert.capacity_factor));
  if (plan.expert.imbalance > 1) add(fmt::format("imbalance {:g}", plan.expert.imbalance));
  return fmt::format("ep {}{}", plan.expert.degree, notes.empty() ? "" : " (" + notes + ")");
}

// "cp 4 (ring)", "cp 4 (ring, one piece a rank)"
std::string context_piece(const Context& context) {
  const bool uneven = !context.balanced && context.method != ContextMethod::ulysses;
  return fmt::format("cp {} ({}{})", context.degree, to_string(context.method), uneven ? ", one piece a rank" : "");
}

// "optimizer 50 % and activations on the host"; empty where everything is on the device.
std::string offload_piece(const Offload& offload) {
  std::string text;
  const auto add = [&](const char* name, double share) {
    if (share <= 0) return;
    text += fmt::format("{}{}", text.empty() ? "" : ", ", name);
    if (share < 1) text += fmt::format(" {:.0f} %", 100 * share);
  };
  add("optimizer", offload.optimizer);
  add("weights", offload.weights);
  add("activations", offload.activations);
  if (text.empty()) return text;
  return text + (offload.overlapped ? " on the host" : " on the host, not overlapped");
}

}  // namespace

std::string plan_summary(const PlanReport& report) {
  const Plan& plan = report.plan;
  std::string text;
  const auto add = [&](const std::string& piece) { text += (text.empty() ? "" : " · ") + piece; };
  if (plan.tensor > 1) add(fmt::format("tp {}{}", plan.tensor, plan.sequence_parallel ? " (sequence parallel)" : ""));
  if (plan.tensor > 1 && plan.tensor_overlap == Override::yes) text += " overlapped";
  if (plan.context.degree > 1) add(context_piece(plan.context));
  const bool expert_words = plan.expert.tensor > 0 || plan.expert.capacity_factor > 0 || plan.expert.imbalance > 1;
  if (plan.expert.degree > 1 || expert_words) add(expert_piece(plan));
  if (plan.pipeline.stages > 1) {
    const std::string chunks = plan.pipeline.interleave > 1 ? fmt::format(" × {}", plan.pipeline.interleave) : "";
    add(fmt::format("pp {}{} ({})", plan.pipeline.stages, chunks, plan.pipeline.schedule));
  }
  add(fmt::format("dp {}", plan.data));
  const bool hybrid = plan.shard_group > 0 && plan.shard_group < plan.replicas();
  switch (plan.sharding) {
    case Sharding::none: break;
    case Sharding::optimizer: add("optimizer sharded"); break;
    case Sharding::gradients: add("optimizer and gradients sharded"); break;
    case Sharding::fsdp: add(hybrid ? "hsdp" : "fsdp"); break;
  }
  if (plan.sharding != Sharding::none && hybrid) text += fmt::format(" in groups of {}", plan.shard_group);
  add(fmt::format("micro-batch {}", plan.micro_batch));
  if (report.legal) text += fmt::format(" × {}", report.workload.micro_batches);
  if (plan.recompute == Recompute::none) {
    add("no recompute");
  } else {
    std::string piece = fmt::format("{} recompute", to_string(plan.recompute));
    if (!plan.recompute_parts.empty()) piece += fmt::format(" ({})", plan.recompute_parts);
    if (plan.recompute_layers > 0) piece += fmt::format(" of {} layers a stage", plan.recompute_layers);
    if (plan.recompute_every > 1) piece += fmt::format(" of 1 layer in {}", plan.recompute_every);
    add(piece);
  }
  if (const std::string piece = offload_piece(plan.offload); !piece.empty()) add(piece);
  return text;
}

}  // namespace lockstep
