#include "validate/measure/small_step.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "sim/compute/op_cost.hpp"
#include "sim/engine/communication.hpp"
#include "sim/engine/timeline.hpp"
#include "validate/arguments.hpp"
#include "validate/measure/step_tasks.hpp"

namespace lockstep {
namespace {

// Layers of a stage and what a short run of one stage leaves out of the model.
void cut_model(const Plan& plan, const SmallStepSize& size, SmallStep& small) {
  Model& model = small.model;
  const std::int64_t layers = std::min(size.layers, model.layers);
  if (layers < model.layers)
    small.not_run.push_back(fmt::format("{} of {} layers", model.layers - layers, model.layers));
  if (model.has_experts() && model.experts.dense_layers > 0) {
    model.experts.dense_layers = model.experts.dense_layers * layers / model.layers;
  }
  model.experts.every = std::min(model.experts.every, layers);
  model.attention_window_every = std::min(model.attention_window_every, layers);
  model.layers = layers;
  if (model.predicted_tokens > 0) small.not_run.emplace_back("multi-token prediction");
  model.predicted_tokens = 0;
  if (plan.pipeline.stages > 1)
    small.not_run.push_back(plan.pipeline.stages == 2
                                ? std::string{"1 pipeline stage and its transfers"}
                                : fmt::format("{} pipeline stages and their transfers",
                                              plan.pipeline.stages - 1));
}

// The smallest number of data ranks, from `data` on, that the experts can be spread over.
std::int64_t data_for_experts(const Plan& plan, std::int64_t data) {
  const std::int64_t group = plan.expert.degree * plan.expert_tensor();
  const std::int64_t each = plan.tensor * plan.context.degree;
  const std::int64_t multiple = group / std::gcd(group, each);
  return (data + multiple - 1) / multiple * multiple;
}

void cut_plan(const SmallStepSize& size, SmallStep& small) {
  Plan& plan = small.plan;
  const std::int64_t before = plan.data;
  const std::int64_t each = plan.tensor * plan.context.degree;
  plan.pipeline = {};
  plan.data = data_for_experts(plan, std::clamp<std::int64_t>(size.gpus / each, 1, before));
  small.ranks = each * plan.data;
  small.collectives = small.ranks > 1 && small.ranks <= size.gpus;
  if (plan.data < before)
    small.not_run.push_back(fmt::format("{} of {} data ranks", before - plan.data, before));
  if (plan.shard_group > plan.replicas() ||
      (plan.shard_group > 0 && plan.replicas() % plan.shard_group != 0)) {
    plan.shard_group = 0;
  }
  if (plan.replicas() == 1) plan.sharding = Sharding::none;
  if (plan.offload.optimizer > 0 || plan.offload.weights > 0 || plan.offload.activations > 0)
    small.not_run.emplace_back("copies of offloaded tensors");
  plan.offload = {};
}

// What the run does in its own way is predicted in that way too.
void cut_software(SmallStep& small) {
  Software& software = small.plan.software;
  if (software.attention != AttentionKernel::unfused) {
    small.not_run.emplace_back(
        "the fused attention kernel: attention runs, and is predicted, as batched products");
  }
  software.attention = AttentionKernel::unfused;
  for (Constant<double>* exposed :
       {&software.tensor_forward_exposed, &software.tensor_backward_exposed,
        &software.tensor_sequence_backward_exposed, &software.expert_exposed}) {
    exposed->value = 1.0;  // what stands between two ops does so
  }
  software.data_exposed.value = 0.0;  // pieces start as soon as they are ready
}

void strip_collectives(Workload& workload) {
  const auto strip = [](Block& block) {
    for (Pass* pass : {&block.forward, &block.backward, &block.recompute}) pass->calls.clear();
  };
  strip(workload.embedding);
  strip(workload.head);
  for (LayerKind& kind : workload.kinds) {
    strip(kind.block);
    kind.fsdp_forward.clear();
    kind.fsdp_backward.clear();
  }
  workload.fsdp_embedding.clear();
  workload.fsdp_head.clear();
  for (Stage& stage : workload.stages) {
    stage.data_calls.clear();
    stage.repeated_calls.clear();
  }
}

// A cluster that holds the ranks of the small plan, of as many nodes as they need.
void cut_cluster(const Cluster& cluster, SmallStep& small) {
  small.cluster = cluster;
  small.cluster.failed.clear();
  small.cluster.degraded.clear();
  const std::int64_t in_node = cluster.system.gpus_per_node;
  small.cluster.nodes = (small.ranks + in_node - 1) / in_node;
  small.cluster.gpus = small.ranks;
}

void check(const SmallStep& small) {
  const std::vector<Violation> broken =
      violations(small.model, small.training, small.plan, small.ranks);
  if (broken.empty()) return;
  throw validation::UsageError(
      fmt::format("the plan cannot be cut down to {} {}: {}", small.ranks,
                  small.ranks == 1 ? "GPU" : "GPUs", broken.front().message),
      broken.front().hint.empty() ? std::string{"name another --plan or other --layers"}
                                  : broken.front().hint);
}

bool shown(StepPart part) {
  switch (part) {
    case StepPart::copy_exposed:
    case StepPart::pipeline_exposed:
    case StepPart::bubble:
    case StepPart::host_launch:
    case StepPart::host_sync:
    case StepPart::host_step:
    case StepPart::stragglers:
    case StepPart::count:
      return false;
    default:
      return true;
  }
}

Seconds length_of(const StepTask& task, const SmallStep& step,
                  const Communication& communication) {
  if (task.op != nullptr) return op_time(step.cluster.system.gpu, step.plan.software, *task.op);
  const Seconds whole = task.part == StepPart::fsdp_exposed
                            ? communication.overlapped_time(*task.call)
                            : communication.cost(*task.call).time;
  return (task.bytes / task.call->bytes.value()) * whole;
}

// What the compute stream does and waits for; a wait counts for the call that was queued last.
Parts place(const SmallStep& step, const std::vector<StepTask>& tasks) {
  const Communication communication(step.cluster, step.plan);
  Timeline timeline(static_cast<std::size_t>(TaskStream::count) - 1,
                    *step.cluster.system.gpu.overlap_slowdown);
  std::vector<Seconds> ends;
  Seconds last;
  Parts parts;
  for (const StepTask& task : tasks) {
    Seconds ready;
    for (const std::size_t at : task.waits_for) ready = std::max(ready, ends[at]);
    const Seconds length = length_of(task, step, communication);
    if (task.op == nullptr) {
      const auto stream = static_cast<std::size_t>(task.stream) - 1;
      ends.push_back(timeline.communicate(stream, length, ready).end);
    } else {
      const Seconds before = timeline.now();
      if (ready > before) {
        const StepTask* call = last_call(tasks, task);
        parts[call == nullptr ? StepPart::bubble : call->part] += ready - before;
      }
      ends.push_back(timeline.compute(length, ready).end);
      parts[task.part] += length;
    }
    last = std::max(last, ends.back());
  }
  parts[StepPart::slowdown] += timeline.lost();
  parts[StepPart::data_exposed] += std::max(Seconds{}, last - timeline.now());
  return parts;
}

}  // namespace

SmallStep small_step(const Model& model, const Training& training, const ScenarioPlan& plan,
                     const SmallStepSize& size) {
  SmallStep small;
  small.model = model;
  small.training = training;
  small.plan = plan.plan;
  cut_model(plan.plan, size, small);
  cut_plan(size, small);
  cut_software(small);
  cut_cluster(plan.cluster, small);
  small.training.global_batch = small.plan.micro_batch * small.plan.data * size.micro_batches;
  check(small);
  small.workload = lower(small.model, small.training, small.plan);
  if (!small.collectives) {
    if (small.ranks > 1) {
      small.not_run.push_back(
          fmt::format("collectives: the plan's groups take {} GPUs, here {} {}", small.ranks,
                      size.gpus == 1 ? "is" : "are", size.gpus));
    }
    strip_collectives(small.workload);
  }
  small.not_run.emplace_back("the framework's work on the host");
  return small;
}

std::vector<PredictedTerm> predicted_terms(const SmallStep& step) {
  constexpr auto parts = static_cast<std::size_t>(StepPart::count);
  const Parts placed = place(step, step_tasks(step.plan, step.workload));
  std::vector<PredictedTerm> terms;
  for (std::size_t i = 0; i < parts; ++i) {
    const auto part = static_cast<StepPart>(i);
    if (shown(part)) terms.push_back({part, line_name(part), placed[part].value()});
  }
  return terms;
}

}  // namespace lockstep
