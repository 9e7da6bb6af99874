#include "sim/engine/step.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sim/compute/op_cost.hpp"
#include "sim/engine/stage_time.hpp"
#include "sim/engine/step_parts.hpp"

namespace lockstep {

namespace {

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

struct PartInfo {
  StepPart part;
  const char* name;
  const char* bound_by;
};

constexpr const char* tensor_cores = "tensor cores";
constexpr const char* hbm = "HBM";
constexpr const char* sharing = "SM and HBM sharing";

constexpr std::array part_table{
    PartInfo{StepPart::linear, "linear GEMM, forward and backward", tensor_cores},
    PartInfo{StepPart::linear_recompute, "linear GEMM, recompute", tensor_cores},
    PartInfo{StepPart::attention, "attention, recompute included", tensor_cores},
    PartInfo{StepPart::elementwise, "norms, activations, residuals, casts", hbm},
    PartInfo{StepPart::ends, "embedding, vocabulary projection, loss", tensor_cores},
    PartInfo{StepPart::slowdown, "compute slowed while NCCL runs", sharing},
    PartInfo{StepPart::tensor_exposed, "tensor-parallel collectives exposed", ""},
    PartInfo{StepPart::context_exposed, "context-parallel exchange exposed", ""},
    PartInfo{StepPart::expert_exposed, "expert all-to-all exposed", ""},
    PartInfo{StepPart::fsdp_exposed, "FSDP gather and scatter exposed", ""},
    PartInfo{StepPart::copy_exposed, "copies to and from the host exposed", "host link"},
    PartInfo{StepPart::pipeline_exposed, "pipeline transfers exposed", ""},
    PartInfo{StepPart::bubble, "pipeline bubble", "pipeline bubble"},
    PartInfo{StepPart::data_exposed, "gradient and parameter sync exposed", ""},
    PartInfo{StepPart::optimizer, "optimizer", hbm},
    PartInfo{StepPart::host_launch, "GPU waits for kernel launches", "host"},
    PartInfo{StepPart::host_sync, "host synchronisation", "host"},
    PartInfo{StepPart::host_step, "fixed work per step", "host"},
    PartInfo{StepPart::stragglers, "stragglers and jitter", "variation between GPUs"},
};

// The link that limits the calls behind a line of exposed communication: that of the call which
// takes longest.
std::string link_of(StepPart part, const Workload& workload, const Stage& stage,
                    const Communication& communication) {
  nccl::CollectiveChoice slowest;
  slowest.bottleneck = "network";
  const auto consider = [&](const nccl::CollectiveChoice& cost) {
    if (cost.time > slowest.time) slowest = cost;
  };
  const auto consider_all = [&](const std::vector<CollectiveCall>& calls) {
    for (const CollectiveCall& call : calls) consider(communication.cost(call));
  };
  if (part == StepPart::fsdp_exposed) {
    for (const LayerKind& kind : workload.kinds) {
      consider_all(kind.fsdp_forward);
      consider_all(kind.fsdp_backward);
    }
  } else if (part == StepPart::data_exposed) {
    consider_all(stage.data_calls);
  } else if (part == StepPart::pipeline_exposed) {
    for (const Stage& from : workload.stages) {
      consider(communication.transfer_cost(workload.boundary, from.index));
    }
  } else {
    for (const LayerKind& kind : workload.kinds) {
      for (const Pass* pass : {&kind.block.forward, &kind.block.backward}) {
        for (const CollectiveCall& call : pass->calls) {
          if (part_of(call.role) == part) consider(communication.cost(call));
        }
      }
    }
  }
  return slowest.bottleneck;
}

bool is_communication(StepPart part) {
  return part == StepPart::tensor_exposed || part == StepPart::context_exposed ||
         part == StepPart::expert_exposed || part == StepPart::fsdp_exposed ||
         part == StepPart::pipeline_exposed || part == StepPart::data_exposed;
}

// Share of the tensor-core peak that the layer's linears reach.
std::string gemm_detail(const Gpu& gpu, const Software& software, const Workload& workload) {
  Flops flops;
  Seconds time;
  FlopsPerSecond peak;
  for (const LayerKind& kind : workload.kinds) {
    for (const Pass* pass : {&kind.block.forward, &kind.block.backward}) {
      for (const Op& op : pass->ops) {
        if (op.kind != OpKind::gemm && op.kind != OpKind::grouped_gemm) continue;
        flops += op.flops;
        time += op_time(gpu, software, op);
        peak = peak_rate(gpu, op.dtype);
      }
    }
  }
  if (time.value() <= 0) return {};
  return fmt::format("{:.0f} % of peak", 100 * (flops / time / peak));
}

void add_cause(std::vector<BoundCause>& causes, const std::string& name, Seconds time) {
  const auto known = std::find_if(causes.begin(), causes.end(),
                                  [&](const BoundCause& cause) { return cause.name == name; });
  if (known == causes.end()) {
    causes.push_back({name, time});
  } else {
    known->time += time;
  }
}

bool is_compute(const PartitionLine& line) {
  return line.bound_by == tensor_cores || line.bound_by == hbm || line.bound_by == sharing;
}

// What the lines wait for. Where FSDP's collectives take longer than the compute beside them, that
// compute
// (`hidden`) is no cause: the network sets the pace of those layers.
std::vector<BoundCause> bound_causes(const std::vector<PartitionLine>& lines, Seconds hidden,
                                     const std::string& network) {
  Seconds compute;
  for (const PartitionLine& line : lines) {
    if (is_compute(line)) compute += line.time;
  }
  const double covered = compute.value() > 0 ? std::min(1.0, hidden / compute) : 0.0;
  std::vector<BoundCause> causes;
  for (const PartitionLine& line : lines) {
    const double kept = is_compute(line) ? 1.0 - covered : 1.0;
    add_cause(causes, line.bound_by, kept * line.time);
  }
  if (covered > 0) add_cause(causes, network, covered * compute);
  std::stable_sort(causes.begin(), causes.end(),
                   [](const BoundCause& a, const BoundCause& b) { return a.time > b.time; });
  return causes;
}

// The largest cause, and the second where it takes at least this share of the step.
constexpr double second_cause_share = 0.125;

std::string bound_text(const std::vector<BoundCause>& causes, Seconds total) {
  std::string text = causes.front().name;
  if (causes.size() > 1 && causes[1].time / total >= second_cause_share) {
    text += ", " + causes[1].name;
  }
  return text;
}

Seconds data_time(const Stage& stage, const Communication& communication) {
  Seconds sum;
  for (const CollectiveCall& call : stage.data_calls) sum += communication.cost(call).time;
  return sum;
}

// The stage whose gathers and reductions take longest: the one that the report shows.
const Stage& most_data(const Workload& workload, const Communication& communication) {
  const Stage* most = &workload.stages.front();
  Seconds longest = data_time(*most, communication);
  for (const Stage& stage : workload.stages) {
    const Seconds time = data_time(stage, communication);
    if (time > longest) most = &stage;
    longest = std::max(longest, time);
  }
  return *most;
}

// What the step waits for belongs to the stage's calls together; each gets its share by time.
void tally_data(const Stage& stage, Seconds exposed, double micro_batches,
                const Communication& communication, CollectiveTally& tally) {
  const bool repeats = !stage.repeated_calls.empty();
  const auto each = [&](const auto& visit) {
    for (const CollectiveCall& call : stage.data_calls) {
      const bool repeated = repeats && call.role == CommRole::gradient_reduce;
      visit(call, repeated ? micro_batches : 1.0, communication.cost(call).time);
    }
  };
  Seconds all;
  each([&](const CollectiveCall&, double times, Seconds one) { all += times * one; });
  if (all <= Seconds{}) return;
  const double share = std::min(1.0, exposed / all);
  each([&](const CollectiveCall& call, double times, Seconds one) {
    tally.add(call, StepPart::data_exposed, times, one, share * one);
  });
}

}  // namespace

const char* line_name(StepPart part) {
  const auto* const info = std::find_if(part_table.begin(), part_table.end(),
                                        [&](const PartInfo& one) { return one.part == part; });
  return info == part_table.end() ? "" : info->name;
}

StepTime step_time(const Cluster& cluster, const Plan& plan, const Workload& workload) {
  const Communication communication(cluster, plan);
  const WorkloadPasses passes(cluster, plan, workload, communication);
  const StageTimer timer(cluster, plan, workload, communication, passes);
  const Software& software = plan.software;
  const double micro_batches = as_double(workload.micro_batches);

  PipelineDurations durations;
  StepParts sum = step_parts(cluster, plan, workload, timer, communication, durations);
  StepTime step;
  step.stages = std::move(sum.stages);
  step.work = std::move(sum.work);
  const std::size_t slowest = sum.slowest;
  const StageTime& slow = step.stages[slowest];
  const Parts& parts = sum.parts;

  CollectiveTally tally(communication);
  timer.tally(workload.stages[slowest], micro_batches, tally);
  const Stage& data_stage = most_data(workload, communication);
  tally_data(data_stage, parts[StepPart::data_exposed], micro_batches, communication, tally);
  step.collectives = tally.take();
  for (const PartInfo& info : part_table) {
    const Seconds time = parts[info.part];
    if (time.value() <= 0) continue;
    PartitionLine line{info.name, time, info.bound_by, {}};
    if (is_communication(info.part)) {
      line.bound_by = link_of(info.part, workload, data_stage, communication);
    }
    if (info.part == StepPart::linear)
      line.detail = gemm_detail(cluster.system.gpu, software, workload);
    step.total += time;
    step.partition.push_back(std::move(line));
  }
  const Stage& worst = workload.stages[slowest];
  step.causes = bound_causes(step.partition, micro_batches * slow.hidden_compute(),
                             link_of(StepPart::fsdp_exposed, workload, worst, communication));
  step.bound = bound_text(step.causes, step.total);
  return step;
}

}  // namespace lockstep
