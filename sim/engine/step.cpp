#include "sim/engine/step.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "sim/compute/op_cost.hpp"
#include "sim/engine/pipeline_time.hpp"
#include "sim/engine/stage_time.hpp"

namespace lockstep {

namespace {

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

struct PartInfo {
  Part part;
  const char* name;
  const char* bound_by;
};

// Stragglers are counted per doubling above one node of the fitted runs.
constexpr double straggler_free_gpus = 8.0;

constexpr const char* tensor_cores = "tensor cores";
constexpr const char* hbm = "HBM";
constexpr const char* sharing = "SM and HBM sharing";

constexpr std::array part_table{
    PartInfo{Part::linear, "linear GEMM, forward and backward", tensor_cores},
    PartInfo{Part::linear_recompute, "linear GEMM, recompute", tensor_cores},
    PartInfo{Part::attention, "attention, recompute included", tensor_cores},
    PartInfo{Part::elementwise, "norms, activations, residuals, casts", hbm},
    PartInfo{Part::ends, "embedding, vocabulary projection, loss", tensor_cores},
    PartInfo{Part::slowdown, "compute slowed while NCCL runs", sharing},
    PartInfo{Part::tensor_exposed, "tensor-parallel collectives exposed", ""},
    PartInfo{Part::context_exposed, "context-parallel exchange exposed", ""},
    PartInfo{Part::expert_exposed, "expert all-to-all exposed", ""},
    PartInfo{Part::fsdp_exposed, "FSDP gather and scatter exposed", ""},
    PartInfo{Part::copy_exposed, "copies to and from the host exposed", "host link"},
    PartInfo{Part::pipeline_exposed, "pipeline transfers exposed", ""},
    PartInfo{Part::bubble, "pipeline bubble", "pipeline bubble"},
    PartInfo{Part::data_exposed, "gradient and parameter sync exposed", ""},
    PartInfo{Part::optimizer, "optimizer", hbm},
    PartInfo{Part::host_launch, "GPU waits for kernel launches", "host"},
    PartInfo{Part::host_sync, "host synchronisation", "host"},
    PartInfo{Part::host_step, "fixed work per step", "host"},
    PartInfo{Part::stragglers, "stragglers and jitter", "variation between GPUs"},
};

// A collective that overlaps with `window` of compute only by the share that the software manages:
// x C + (1 - x) max(0, C - window). Fitted share x; the schedule of buckets is ignored.
Seconds exposed_beside(Seconds time, Seconds window, double share) {
  return share * time + (1 - share) * std::max(Seconds{}, time - window);
}

// Gradient reduction runs beside the last micro-batch's backward, parameter gather beside the first
// forward; calls of one kind share their window. The tied embedding is reduced after everything,
// beside nothing.
Seconds data_exposed(const Stage& stage, const StageTime& time, const Plan& plan,
                     const Communication& communication, double repeats, CollectiveTally* tally) {
  const double share = *plan.software.data_exposed;
  Seconds sum;
  const auto visit = [&](const std::vector<CollectiveCall>& calls, double times) {
    for (const CommRole role :
         {CommRole::parameter_gather, CommRole::gradient_reduce, CommRole::tied_embedding}) {
      Seconds all;
      for (const CollectiveCall& call : calls) {
        if (call.role == role) all += communication.cost(call).time;
      }
      if (all.value() <= 0) continue;
      Seconds exposed = all;
      if (role == CommRole::parameter_gather) {
        exposed = exposed_beside(all, time.forward(), share);
      } else if (role == CommRole::gradient_reduce) {
        exposed = exposed_beside(all, time.backward(), share);
      }
      sum += times * exposed;
      if (tally == nullptr) continue;
      for (const CollectiveCall& call : calls) {
        if (call.role != role) continue;
        const Seconds one = communication.cost(call).time;
        tally->add(call, times, one, one * (exposed / all));
      }
    }
  };
  visit(stage.data_calls, 1.0);
  visit(stage.repeated_calls, repeats);
  return sum;
}

// The link that limits the calls behind a line of exposed communication: that of the call which
// takes longest.
std::string link_of(Part part, const Workload& workload, const Stage& stage,
                    const Communication& communication) {
  nccl::CollectiveChoice slowest;
  slowest.bottleneck = "network";
  const auto consider = [&](const nccl::CollectiveChoice& cost) {
    if (cost.time > slowest.time) slowest = cost;
  };
  const auto consider_all = [&](const std::vector<CollectiveCall>& calls) {
    for (const CollectiveCall& call : calls) consider(communication.cost(call));
  };
  if (part == Part::fsdp_exposed) {
    for (const LayerKind& kind : workload.kinds) {
      consider_all(kind.fsdp_forward);
      consider_all(kind.fsdp_backward);
    }
  } else if (part == Part::data_exposed) {
    consider_all(stage.data_calls);
  } else if (part == Part::pipeline_exposed) {
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

bool is_communication(Part part) {
  return part == Part::tensor_exposed || part == Part::context_exposed ||
         part == Part::expert_exposed || part == Part::fsdp_exposed ||
         part == Part::pipeline_exposed || part == Part::data_exposed;
}

// Share of the tensor-core peak that the layer's linears reach.
std::string gemm_detail(const Gpu& gpu, const Software& software, const Workload& workload) {
  Flops flops;
  Seconds time;
  FlopsPerSecond peak;
  for (const LayerKind& kind : workload.kinds) {
    for (const Pass* pass : {&kind.block.forward, &kind.block.backward}) {
      for (const Op& op : pass->ops) {
        if (op.kind != OpKind::gemm) continue;
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

}  // namespace

StepTime step_time(const Cluster& cluster, const Plan& plan, const Workload& workload) {
  const Communication communication(cluster, plan);
  const StageTimer timer(cluster, plan, workload, communication);
  const Software& software = plan.software;
  const double micro_batches = as_double(workload.micro_batches);

  std::vector<StageTime> times;
  std::vector<StageCost> costs;
  std::size_t slowest = 0;
  for (const Stage& stage : workload.stages) {
    times.push_back(timer.time(stage));
    costs.push_back({times.back().forward(), times.back().backward()});
    if (costs.back().total() > costs[slowest].total()) slowest = costs.size() - 1;
  }
  const StageTime& slow = times[slowest];

  // The slowest stage works through all micro-batches; what the pipeline takes beyond that is
  // bubble.
  Parts parts;
  parts.add(slow.parts(), micro_batches);
  const Seconds pipeline = pipeline_time(*find_schedule(workload.schedule), costs,
                                         workload.interleave, workload.micro_batches);
  parts[Part::bubble] += std::max(Seconds{}, pipeline - micro_batches * slow.total());

  std::size_t data_stage = slowest;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const Seconds exposed =
        data_exposed(workload.stages[i], times[i], plan, communication, micro_batches - 1, nullptr);
    if (exposed > parts[Part::data_exposed]) {
      parts[Part::data_exposed] = exposed;
      data_stage = i;
    }
    Seconds update;
    for (const Op& op : workload.stages[i].optimizer_ops)
      update += op_time(cluster.system.gpu, software, op);
    parts[Part::optimizer] = std::max(parts[Part::optimizer], update);
  }
  parts[Part::host_step] += *software.host_per_step;
  const double doublings =
      std::max(0.0, std::log2(as_double(gpu_count(cluster)) / straggler_free_gpus));
  parts[Part::stragglers] += *software.straggler_per_doubling * doublings * parts.total();

  StepTime step;
  CollectiveTally tally(communication);
  timer.tally(workload.stages[slowest], micro_batches, tally);
  data_exposed(workload.stages[data_stage], times[data_stage], plan, communication,
               micro_batches - 1, &tally);
  step.collectives = tally.take();
  for (const PartInfo& info : part_table) {
    const Seconds time = parts[info.part];
    if (time.value() <= 0) continue;
    PartitionLine line{info.name, time, info.bound_by, {}};
    if (is_communication(info.part)) {
      line.bound_by = link_of(info.part, workload, workload.stages[data_stage], communication);
    }
    if (info.part == Part::linear)
      line.detail = gemm_detail(cluster.system.gpu, software, workload);
    step.total += time;
    step.partition.push_back(std::move(line));
  }
  const Stage& worst = workload.stages[slowest];
  step.causes = bound_causes(step.partition, micro_batches * slow.hidden_compute(),
                             link_of(Part::fsdp_exposed, workload, worst, communication));
  step.bound = bound_text(step.causes, step.total);
  return step;
}

}  // namespace lockstep
