#include "sim/engine/step.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "sim/compute/op_cost.hpp"
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

constexpr std::array part_table{
    PartInfo{Part::linear, "linear GEMM, forward and backward", "tensor cores"},
    PartInfo{Part::linear_recompute, "linear GEMM, recompute", "tensor cores"},
    PartInfo{Part::attention, "attention, recompute included", "tensor cores"},
    PartInfo{Part::elementwise, "norms, activations, residuals, casts", "HBM"},
    PartInfo{Part::ends, "embedding, vocabulary projection, loss", "tensor cores"},
    PartInfo{Part::slowdown, "compute slowed while NCCL runs", "SM and HBM sharing"},
    PartInfo{Part::tensor_exposed, "tensor-parallel collectives exposed", ""},
    PartInfo{Part::fsdp_exposed, "FSDP gather and scatter exposed", ""},
    PartInfo{Part::pipeline_exposed, "pipeline transfers exposed", ""},
    PartInfo{Part::bubble, "pipeline bubble", "pipeline bubble"},
    PartInfo{Part::data_exposed, "gradient and parameter sync exposed", ""},
    PartInfo{Part::optimizer, "optimizer", "HBM"},
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
// forward.
Seconds data_exposed(const Stage& stage, const StageTime& time, const Plan& plan,
                     const Communication& communication, double repeats, CollectiveTally* tally) {
  const double share = *plan.software.data_exposed;
  Seconds sum;
  const auto visit = [&](const CollectiveCall& call, double times) {
    const Seconds one = communication.cost(call).time;
    const Seconds window =
        call.role == CommRole::parameter_gather ? time.forward.total() : time.backward.total();
    const Seconds exposed = exposed_beside(one, window, share);
    sum += times * exposed;
    if (tally != nullptr) tally->add(call, times, one, exposed);
  };
  for (const CollectiveCall& call : stage.data_calls) visit(call, 1.0);
  for (const CollectiveCall& call : stage.repeated_calls) visit(call, repeats);
  return sum;
}

// The link that limits the calls behind a line of exposed communication.
std::string link_of(Part part, const Workload& workload, const Stage& stage,
                    const Communication& communication) {
  const CollectiveCall* call = nullptr;
  if (part == Part::tensor_exposed && !workload.layer.forward.calls.empty()) {
    call = &workload.layer.forward.calls.front();
  } else if (part == Part::fsdp_exposed && !workload.fsdp_layer_backward.empty()) {
    call = &workload.fsdp_layer_backward.front();
  } else if (part == Part::pipeline_exposed && workload.boundary.bytes.value() > 0) {
    call = &workload.boundary;
  } else if (part == Part::data_exposed && !stage.data_calls.empty()) {
    call = &stage.data_calls.front();
  }
  return call == nullptr ? "network" : communication.cost(*call).bottleneck;
}

bool is_communication(Part part) {
  return part == Part::tensor_exposed || part == Part::fsdp_exposed ||
         part == Part::pipeline_exposed || part == Part::data_exposed;
}

// Share of the tensor-core peak that the layer's linears reach.
std::string gemm_detail(const Gpu& gpu, const Software& software, const Workload& workload) {
  Flops flops;
  Seconds time;
  FlopsPerSecond peak;
  for (const Pass* pass : {&workload.layer.forward, &workload.layer.backward}) {
    for (const Op& op : pass->ops) {
      if (op.kind != OpKind::gemm) continue;
      flops += op.flops;
      time += op_time(gpu, software, op);
      peak = peak_rate(gpu, op.dtype);
    }
  }
  if (time.value() <= 0) return {};
  return fmt::format("{:.0f} % of peak", 100 * (flops / time / peak));
}

// What the largest sums of lines wait for: one cause, or two when the second takes at least an
// eighth.
std::string bound_text(const std::vector<PartitionLine>& lines, Seconds total) {
  std::vector<std::pair<std::string, Seconds>> causes;
  for (const PartitionLine& line : lines) {
    const auto known = std::find_if(causes.begin(), causes.end(), [&](const auto& cause) {
      return cause.first == line.bound_by;
    });
    if (known == causes.end()) {
      causes.emplace_back(line.bound_by, line.time);
    } else {
      known->second += line.time;
    }
  }
  std::stable_sort(causes.begin(), causes.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text = causes.front().first;
  if (causes.size() > 1 && causes[1].second / total >= 0.125) text += ", " + causes[1].first;
  return text;
}

}  // namespace

StepTime step_time(const Cluster& cluster, const Plan& plan, const Workload& workload) {
  const Communication communication(cluster, plan);
  const StageTimer timer(cluster, plan, workload, communication);
  const Software& software = plan.software;
  const double micro_batches = as_double(workload.micro_batches);

  // Stages of equal content are timed once.
  std::vector<StageTime> times;
  std::size_t slowest = 0;
  Seconds sum;
  for (std::size_t i = 0; i < workload.stages.size(); ++i) {
    const Stage& stage = workload.stages[i];
    const bool as_before = i > 0 && !stage.has_head && !workload.stages[i - 1].has_embedding &&
                           stage.layers == workload.stages[i - 1].layers;
    times.push_back(as_before ? times.back() : timer.time(stage));
    sum += times.back().total();
    if (times.back().total() > times[slowest].total()) slowest = i;
  }
  const StageTime& slow = times[slowest];

  // The slowest stage works through all micro-batches; before and after, it waits while the others
  // fill and drain: the sum of the other stages, over the chunks that interleaving cuts them into
  // (Narayanan et al. 2021, section 2.2). Exact for GPipe and 1F1B with equal stages; a lower bound
  // with unequal ones.
  Parts parts;
  parts.add(slow.forward, micro_batches);
  parts.add(slow.backward, micro_batches);
  parts[Part::bubble] += (sum - slow.total()) / as_double(workload.interleave);

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
  const double doublings = std::max(0.0, std::log2(as_double(cluster.gpus) / 8.0));
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
  step.bound = bound_text(step.partition, step.total);
  return step;
}

}  // namespace lockstep
