// The timeline of a predicted plan, with what its slices do.
#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "sim/engine/memory_profile.hpp"
#include "sim/report/timeline_report.hpp"

namespace lockstep {

namespace {

// In the order of SliceKind.
constexpr std::array<const char*, static_cast<std::size_t>(SliceKind::count)> path_names{
    "forward passes",   "backward passes",    "weight gradients", "transfers between stages",
    "parameter gather", "gradient reduction", "optimizer",        "host work and stragglers"};

std::vector<CriticalPart> critical_path(const CriticalPath& path) {
  std::vector<CriticalPart> parts;
  for (std::size_t i = 0; i < path_names.size(); ++i) {
    const double seconds = path.of(static_cast<SliceKind>(i)).value();
    if (seconds > 0) parts.push_back({path_names.at(i), seconds});
  }
  return parts;
}

// For the mean of all chunks.
std::optional<BubbleFormula> formula_of(const StepWork& work) {
  if (work.stages.size() < 2) return std::nullopt;
  PassCost mean;
  double chunks = 0;
  for (const StageWork& stage : work.stages) {
    for (const PassCost& chunk : stage.chunks) {
      mean.forward += chunk.forward;
      mean.backward += chunk.backward;
      mean.weight_gradient += chunk.weight_gradient;
      chunks += 1;
    }
  }
  mean = {mean.forward / chunks, mean.backward / chunks, mean.weight_gradient / chunks};
  const PipelinePosition at{0, static_cast<std::int64_t>(work.stages.size()), work.interleave,
                            work.micro_batches};
  const std::optional<Seconds> bubble = work.schedule->bubble(at, mean);
  if (!bubble) return std::nullopt;
  return BubbleFormula{work.schedule->bubble_equation, bubble->value()};
}

// What may be allocated so that what is reserved, and what lies outside the allocator, fit.
double capacity_of(const PlanReport& plan) {
  const Software& software = plan.plan.software;
  return std::max(0.0, (plan.usable_memory_bytes - (*software.context_bytes).value()) /
                           *software.reserved_factor);
}

// -- what slices do

double flops_of(const Pass& pass, bool weight_gradients, bool others) {
  double flops = 0;
  for (const Op& op : pass.ops) {
    if (op.weight_gradient ? weight_gradients : others) flops += op.flops.value();
  }
  return flops;
}

// FLOPs of the passes of one model chunk.
PassCost flops_of(const Workload& workload, const Chunk& chunk, bool splits) {
  double forward = 0, backward = 0, weight_gradient = 0;
  const auto add = [&](const Block& block, double times, double recomputed) {
    forward += times * flops_of(block.forward, true, true);
    backward += times * flops_of(block.backward, !splits, true) +
                recomputed * flops_of(block.recompute, true, true);
    if (splits) weight_gradient += times * flops_of(block.backward, true, false);
  };
  for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
    add(workload.kinds[kind].block, static_cast<double>(chunk.layers[kind]),
        static_cast<double>(chunk.recomputed[kind]));
  }
  if (chunk.has_embedding) add(workload.embedding, 1, 0);
  if (chunk.has_head) add(workload.head, 1, 0);
  return {Seconds{forward}, Seconds{backward}, Seconds{weight_gradient}};
}

// What most of a pass's time goes to.
const char* bound_of(const Parts& parts) {
  const auto sum = [&](std::initializer_list<StepPart> of) {
    Seconds time;
    for (const StepPart part : of) time += parts[part];
    return time;
  };
  const std::array<std::pair<const char*, Seconds>, 4> causes{{
      {"tensor cores", sum({StepPart::linear, StepPart::linear_recompute, StepPart::attention,
                            StepPart::ends, StepPart::slowdown})},
      {"HBM", sum({StepPart::elementwise})},
      {"communication",
       sum({StepPart::tensor_exposed, StepPart::context_exposed, StepPart::expert_exposed,
            StepPart::fsdp_exposed, StepPart::copy_exposed})},
      {"host", sum({StepPart::host_launch, StepPart::host_sync})},
  }};
  return std::max_element(causes.begin(), causes.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

// The facts of every stage's slices, looked up by stage, chunk and kind.
class Facts {
 public:
  explicit Facts(const PlanReport& plan) {
    const Communication communication(plan.cluster, plan.plan);
    const bool splits = plan.step.work.schedule->splits_backward;
    for (const Stage& stage : plan.workload.stages) {
      StageFacts facts;
      const StageTime& time = plan.step.stages.at(stages_.size());
      for (std::size_t i = 0; i < stage.chunks.size(); ++i) {
        facts.chunks.push_back(passes(plan.workload, stage.chunks[i], time.chunks[i], splits));
      }
      if (plan.workload.boundary.bytes.value() > 0) {
        facts.send_forward = transfer(communication, plan.workload.boundary, stage.index);
        const auto stages = static_cast<std::int64_t>(plan.workload.stages.size());
        facts.send_backward =
            transfer(communication, plan.workload.boundary, (stage.index + stages - 1) % stages);
      }
      facts.gather = collective(communication, stage, CommRole::parameter_gather);
      facts.reduce = collective(communication, stage, CommRole::gradient_reduce);
      stages_.push_back(std::move(facts));
    }
  }

  [[nodiscard]] SliceFacts of(const Slice& slice) const {
    const StageFacts& facts = stages_.at(static_cast<std::size_t>(slice.stage));
    switch (slice.kind) {
      case SliceKind::forward:
      case SliceKind::backward:
      case SliceKind::weight_gradient:
        return facts.chunks.at(static_cast<std::size_t>(slice.chunk))
            .at(static_cast<std::size_t>(slice.kind));
      case SliceKind::transfer:
        return slice.stream == Stream::send_forward ? facts.send_forward : facts.send_backward;
      case SliceKind::parameter_gather:
        return part_of(facts.gather, slice);
      case SliceKind::gradient_reduce:
        return part_of(facts.reduce, slice);
      case SliceKind::optimizer:
        return {0, 0, "", "", "HBM"};
      case SliceKind::host:
        return {0, 0, "", "", "host"};
      case SliceKind::count:
        break;
    }
    return {};
  }

 private:
  struct Collective {
    SliceFacts facts;  // bytes of all calls
    double seconds = 0;
  };
  struct StageFacts {
    std::vector<std::array<SliceFacts, 3>> chunks;  // by pass
    SliceFacts send_forward, send_backward;
    Collective gather, reduce;
  };

  static std::array<SliceFacts, 3> passes(const Workload& workload, const Chunk& chunk,
                                          const ChunkTime& time, bool splits) {
    const PassCost flops = flops_of(workload, chunk, splits);
    return {{{flops.forward.value(), 0, "", "", bound_of(time.forward)},
             {flops.backward.value(), 0, "", "", bound_of(time.backward)},
             {flops.weight_gradient.value(), 0, "", "", bound_of(time.weight_gradient)}}};
  }

  static SliceFacts transfer(const Communication& communication, const CollectiveCall& call,
                             std::int64_t from) {
    const nccl::CollectiveChoice choice = communication.transfer_cost(call, from);
    return {0, call.bytes.value(), choice.algorithm, choice.protocol, choice.bottleneck};
  }

  // All calls of a role; algorithm and bound of the one that takes longest.
  static Collective collective(const Communication& communication, const Stage& stage,
                               CommRole role) {
    Collective all;
    Seconds longest;
    for (const CollectiveCall& call : stage.data_calls) {
      if (call.role != role) continue;
      const nccl::CollectiveChoice choice = communication.cost(call);
      const double bytes = all.facts.bytes + call.bytes.value();
      all.seconds += choice.time.value();
      if (choice.time >= longest) {
        longest = choice.time;
        all.facts = {0, bytes, choice.algorithm, choice.protocol, choice.bottleneck};
      }
      all.facts.bytes = bytes;
    }
    return all;
  }

  // A piece of it has its share of the bytes.
  static SliceFacts part_of(const Collective& whole, const Slice& slice) {
    SliceFacts facts = whole.facts;
    if (whole.seconds > 0) facts.bytes *= (slice.end - slice.start) / whole.seconds;
    return facts;
  }

  std::vector<StageFacts> stages_;
};

// Forward and backward pass of a layer of each kind, one after the other.
std::vector<LayerSlice> layer_slices(const PlanReport& plan) {
  const Communication communication(plan.cluster, plan.plan);
  const LayerTimer timer(plan.cluster, plan.plan, communication);
  std::vector<LayerSlice> all;
  double start = 0;
  for (const LayerKind& kind : plan.workload.kinds) {
    for (const Pass* pass : {&kind.block.forward, &kind.block.backward}) {
      std::vector<LayerSlice> slices;
      [[maybe_unused]] const PassTime time = timer.time(*pass, {}, &slices);
      double end = start;
      for (LayerSlice& slice : slices) {
        slice.start += start;
        slice.end += start;
        end = std::max(end, slice.end);
        all.push_back(std::move(slice));
      }
      start = end;
    }
  }
  return all;
}

}  // namespace

std::optional<TimelineReport> timeline_of(const Report& report, const PlanReport& plan) {
  const bool placed = plan.step.work.schedule != nullptr;
  if (!plan.legal || !placed || !std::isfinite(plan.step.total.value())) return std::nullopt;
  const auto work = std::make_shared<const StepWork>(plan.step.work);
  const auto facts = std::make_shared<const Facts>(plan);
  const StepResult result = run_step(*work);
  TimelineReport timeline;
  timeline.scenario = report.scenario_name;
  timeline.plan = plan.plan.name;
  timeline.schedule = work->schedule->name;
  timeline.stages = static_cast<std::int64_t>(work->stages.size());
  timeline.interleave = work->interleave;
  timeline.micro_batches = work->micro_batches;
  timeline.splits_backward = work->schedule->splits_backward;
  timeline.layout = work->schedule->layout;
  timeline.step_s = result.total.value();
  timeline.critical_path = critical_path(result.path);
  timeline.formula = formula_of(*work);
  for (const Stage& stage : plan.workload.stages) {
    timeline.memory.push_back(memory_profile(stage));
  }
  timeline.capacity_bytes = capacity_of(plan);
  timeline.layer = layer_slices(plan);
  timeline.facts = [facts](const Slice& slice) { return facts->of(slice); };
  timeline.play = [work](SliceSink& sink) { run_step(*work, &sink); };
  return timeline;
}

}  // namespace lockstep
