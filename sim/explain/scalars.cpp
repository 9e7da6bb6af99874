#include "sim/explain/scalars.hpp"

#include <stdexcept>

#include <fmt/format.h>

#include "sim/explain/kink.hpp"

namespace lockstep {

namespace {

// The constant of a path. Walks the tables: a fraction of what a prediction takes.
double& constant_in(Question& question, const std::string& path) {
  double* value = nullptr;
  for_each_constant(question.cluster, question.plan,
                    [&](const std::string& name, ConstantBase& constant) {
                      if (name == path) value = &constant.value;
                    });
  if (value == nullptr) throw std::logic_error("no constant " + path);
  return *value;
}

bool starts_with(const std::string& text, const char* prefix) { return text.rfind(prefix, 0) == 0; }

// "gpu.x" -> "cluster.system.gpu.x"; "software.x" holds for plans without software of their own, so
// the profile's entry is named.
std::string setting_of(const std::string& path, const Question& question) {
  if (starts_with(path, "gpu.")) return question.cluster_path + ".system." + path;
  if (starts_with(path, "system.")) return question.cluster_path + "." + path;
  return fmt::format("software.{}.{}", question.plan.software.name, path.substr(path.find('.') + 1));
}

std::string in_plan(const Plan& plan, const char* key) {
  return fmt::format("plans.{}.{}", plan.name, key);
}

Dial constant_dial(const std::string& path, const Question& of, const ConstantTable& table) {
  Dial dial;
  dial.path = path;
  dial.setting = setting_of(path, of);
  dial.owner = starts_with(path, "software.") ? ScalarOwner::software : ScalarOwner::hardware;
  const auto info = table.find(path);
  if (info != table.end()) {
    dial.dimension = info->second.dimension;
    dial.range = info->second.range;
  }
  dial.in = [path](Question& question) -> double& { return constant_in(question, path); };
  return dial;
}

const ConstantTable& known_constants() {
  static const ConstantTable table = constant_table();
  return table;
}

void add_plan_dials(const Question& question, std::vector<Dial>& list) {
  const Plan& plan = question.plan;
  const auto add = [&](const char* path, const std::string& setting, ScalarOwner owner, Range range,
                       Dimension dimension, std::function<double&(Question&)> in) {
    list.push_back({path, setting, owner, dimension, range, std::move(in)});
  };
  add("fabric.oversubscription", question.cluster_path + ".fabric.oversubscription", ScalarOwner::hardware,
      {1, 1e3}, Dimension::none,
      [](Question& q) -> double& { return q.cluster.fabric.oversubscription; });
  if (question.training.dropout > 0) {
    add("training.dropout", "training.dropout", ScalarOwner::training, {0, 0.99}, Dimension::none,
        [](Question& q) -> double& { return q.training.dropout; });
  }
  if (plan.sync.gradient_bucket_bytes > 0) {
    add("plan.sync.gradient_bucket_bytes", in_plan(plan, "sync.gradient_bucket_bytes"),
        ScalarOwner::plan, {1, 1e15}, Dimension::none,
        [](Question& q) -> double& { return q.plan.sync.gradient_bucket_bytes; });
  }
  const auto share = [&](const char* path, const char* key, double Offload::*part) {
    if (plan.offload.*part <= 0) return;
    add(path, in_plan(plan, key), ScalarOwner::plan, {0, 1}, Dimension::none,
        [part](Question& q) -> double& { return q.plan.offload.*part; });
  };
  share("plan.offload.optimizer", "offload.optimizer", &Offload::optimizer);
  share("plan.offload.weights", "offload.weights", &Offload::weights);
  share("plan.offload.activations", "offload.activations", &Offload::activations);
  if (!question.model.has_experts()) return;
  if (plan.expert.capacity_factor > 0) {
    add("plan.expert.capacity_factor", in_plan(plan, "expert.capacity_factor"), ScalarOwner::plan,
        {1e-3, 1e3}, Dimension::none,
        [](Question& q) -> double& { return q.plan.expert.capacity_factor; });
  } else {
    add("plan.expert.imbalance", in_plan(plan, "expert.imbalance"), ScalarOwner::plan, {1, 1e3},
        Dimension::none, [](Question& q) -> double& { return q.plan.expert.imbalance; });
  }
}

}  // namespace

std::string peak_path(Dtype dtype) {
  switch (dtype) {
    case Dtype::fp32: return "gpu.peak_fp32";
    case Dtype::tf32: return "gpu.peak_tf32";
    case Dtype::fp16: return "gpu.peak_fp16";
    case Dtype::bf16: return "gpu.peak_bf16";
    case Dtype::fp8:
    case Dtype::mxfp8: return "gpu.peak_fp8";
    case Dtype::fp4: return "gpu.peak_fp4";
  }
  return {};
}

std::vector<Dial> dials(const Question& question) {
  std::vector<Dial> list;
  Question copy = question;
  for_each_constant(copy.cluster, copy.plan, [&](const std::string& path, ConstantBase& constant) {
    const bool other_type = path.rfind("gpu.peak_", 0) == 0 &&
                            path != peak_path(question.training.linear_dtype()) &&
                            path != peak_path(question.training.activation_dtype());
    // A normalisation of the power rule, not a number of the card.
    const bool of_a_rule = path == "gpu.rated_power";
    if (constant.value == 0 || other_type || of_a_rule) return;
    list.push_back(constant_dial(path, question, known_constants()));
  });
  add_plan_dials(question, list);
  return list;
}

Dial dial(const std::string& path, const Question& question) {
  for (Dial& one : dials(question)) {
    if (one.path == path) return one;
  }
  throw std::logic_error("no dial " + path);
}

std::vector<Count> counts(const Question& question) {
  const Plan& plan = question.plan;
  std::vector<Count> list;
  const auto add = [&](const char* path, const std::string& setting, ScalarOwner owner,
                       std::function<std::int64_t&(Question&)> in) {
    list.push_back({path, setting, owner, owner == ScalarOwner::training, std::move(in)});
  };
  const auto of_plan = [&](const char* path, const char* key, auto in) {
    add(path, in_plan(plan, key), ScalarOwner::plan, in);
  };
  of_plan("plan.tensor", "tensor", [](Question& q) -> std::int64_t& { return q.plan.tensor; });
  of_plan("plan.pipeline.stages", "pipeline.stages",
          [](Question& q) -> std::int64_t& { return q.plan.pipeline.stages; });
  if (plan.pipeline.stages > 1) {
    of_plan("plan.pipeline.interleave", "pipeline.interleave",
            [](Question& q) -> std::int64_t& { return q.plan.pipeline.interleave; });
  }
  of_plan("plan.context.degree", "context.degree",
          [](Question& q) -> std::int64_t& { return q.plan.context.degree; });
  if (question.model.has_experts()) {
    of_plan("plan.expert.degree", "expert.degree",
            [](Question& q) -> std::int64_t& { return q.plan.expert.degree; });
  }
  of_plan("plan.micro_batch", "micro_batch",
          [](Question& q) -> std::int64_t& { return q.plan.micro_batch; });
  if (plan.sharding != Sharding::none && plan.shard_group > 0) {
    of_plan("plan.shard_group", "shard_group",
            [](Question& q) -> std::int64_t& { return q.plan.shard_group; });
  }
  if (plan.recompute_layers > 0) {
    of_plan("plan.recompute_layers", "recompute_layers",
            [](Question& q) -> std::int64_t& { return q.plan.recompute_layers; });
  }
  if (plan.recompute != Recompute::none) {
    of_plan("plan.recompute_every", "recompute_every",
            [](Question& q) -> std::int64_t& { return q.plan.recompute_every; });
  }
  add("training.global_batch", "training.global_batch", ScalarOwner::training,
      [](Question& q) -> std::int64_t& { return q.training.global_batch; });
  add("training.sequence_length", "training.sequence_length", ScalarOwner::training,
      [](Question& q) -> std::int64_t& { return q.training.sequence_length; });
  return list;
}

}  // namespace lockstep
