#include "validate/run_facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <regex>

namespace lockstep {
namespace {

bool assumes(const RunScenario& run, const std::string& what) {
  return std::any_of(run.assumed.begin(), run.assumed.end(),
                     [&](const std::string& line) { return line.rfind(what + ":", 0) == 0; });
}

// "B200-180GB (power limited)", "H100-96GB-HBM2e (2.4TB/s, 500W)": the words, or nothing.
std::string power_words(const RunRecord& record) {
  static const std::regex limit(R"(power.?(limit|cap)[a-z]*|\b\d{3,4} ?w\b)");
  std::smatch found;
  for (const char* column : {"gpu", "gpu_key", "overlap_notes"}) {
    const std::string& text = record.word(column);
    if (std::regex_search(text, found, limit)) return found.str();
  }
  return {};
}

const char* recompute_word(Recompute recompute) {
  switch (recompute) {
    case Recompute::none:
      return "none";
    case Recompute::selective:
      return "selective";
    case Recompute::full:
      return "full";
  }
  return "";
}

}  // namespace

std::string parallelism_class(const Plan& plan) {
  if (plan.expert.degree > 1) return "EP";
  if (plan.context.degree > 1) return "CP";
  const bool tensor = plan.tensor > 1;
  if (plan.pipeline.stages > 1) return tensor ? "TP+PP" : "PP";
  if (tensor) return "TP";
  if (plan.data <= 1) return "one GPU";
  return plan.sharding == Sharding::fsdp ? "FSDP" : "DP/ZeRO";
}

std::string software_family(const std::string& profile) {
  return profile.substr(0, profile.find('-'));
}

std::string choice_key(const RunRecord& record, const RunScenario& run) {
  const Model& model = run.model;
  return fmt::format("{} {} L{} h{} a{} f{} v{} {} {} gpus{} s{} b{} p{}.{}/{}/{} t{} {} {}",
                     record.source, record.model, model.layers, model.hidden, model.heads,
                     model.ffn(), model.vocabulary, run.cluster.system.gpu.name,
                     run.cluster.system.name, run.cluster.gpus, run.training.sequence_length,
                     run.training.global_batch, static_cast<int>(run.training.precision),
                     static_cast<int>(run.training.fp8_scaling), run.plan.software.gradient_bytes,
                     run.plan.software.gradient_reduce_bytes,
                     static_cast<int>(run.training.adapter.kind), record.word("mode"),
                     software_family(run.plan.software.name));
}

std::string plan_key(const Plan& plan) {
  return fmt::format(
      "tp{}{} cp{} ep{}/{} pp{}x{} dp{} zero{}/{} mb{} rc{}/{}/{}/{} {} k{} off{}/{}/{}",
      plan.tensor, plan.sequence_parallel ? "s" : "", plan.context.degree, plan.expert.degree,
      plan.expert.tensor, plan.pipeline.stages, plan.pipeline.interleave, plan.data,
      static_cast<int>(plan.sharding), plan.shard_group, plan.micro_batch,
      static_cast<int>(plan.recompute), plan.recompute_layers, plan.recompute_every,
      plan.recompute_parts, plan.software.name, static_cast<int>(plan.software.attention),
      plan.offload.optimizer, plan.offload.weights, plan.offload.activations);
}

RunFacts scenario_facts(const RunRecord& record, const RunScenario& run) {
  RunFacts facts;
  const Plan& plan = run.plan;
  facts.parallelism = parallelism_class(plan);
  facts.software_family = software_family(plan.software.name);
  facts.choice = choice_key(record, run);
  facts.plan = plan_key(plan);
  facts.recompute = recompute_word(plan.recompute);
  facts.experts = run.model.has_experts();
  const Precision precision = run.training.precision;
  facts.low_precision =
      precision == Precision::fp8 || precision == Precision::mxfp8 || precision == Precision::nvfp4;
  facts.grade_a = record.word("quality") == "a";
  facts.schedule_assumed = plan.pipeline.stages > 1 && assumes(run, "vpp");
  facts.network_assumed = run.cluster.nodes > 1 && assumes(run, "network");
  facts.software_assumed = plan.software.name == "default" || assumes(run, "framework");
  facts.efa = run.cluster.system.network == Network::efa;
  facts.power_words = power_words(record);
  facts.gpus = run.cluster.gpus;
  facts.nodes = run.cluster.nodes;
  facts.stages = plan.pipeline.stages;
  facts.micro_batches =
      std::max<std::int64_t>(1, run.training.global_batch / (plan.data * plan.micro_batch));
  facts.sequence = run.training.sequence_length;
  return facts;
}

void add_prediction_facts(const PlanReport& report, RunFacts& facts) {
  const double step = report.step_time_s.value;
  if (report.usable_memory_bytes > 0) {
    facts.memory_share = report.peak_memory_bytes.value / report.usable_memory_bytes;
  }
  for (const BoundCause& cause : report.step.causes) {
    if (cause.name == "host") facts.host_share += cause.time.value() / step;
  }
  facts.ideal_step_s = report.mfu.value * step;
}

}  // namespace lockstep
