#include "sim/search/plan_evaluator.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "sim/engine/memory.hpp"
#include "sim/engine/pipeline_work.hpp"
#include "sim/engine/step_parts.hpp"
#include "sim/engine/step_work.hpp"
#include "strategies/plan_lowering.hpp"

namespace lockstep {

namespace {

// Sums of the same terms in another order differ by rounding.
constexpr double rounding = 1e-9;

// Passes of the blocks that were asked for last. Few are enough: those of the plans that differ
// only in placement and overlap.
class PassBook {
 public:
  const WorkloadPasses& passes(const Cluster& cluster, const Plan& plan,
                               const DistinctWorkload& lowered,
                               const Communication& communication) {
    const Key key = key_of(plan, lowered, communication);
    for (Entry& entry : entries_) {
      if (entry.passes && entry.key == key) return *entry.passes;
    }
    Entry& entry = entries_[next_];
    next_ = (next_ + 1) % entries_.size();
    entry.key = key;
    entry.passes.emplace(cluster, plan, lowered.workload, communication);
    return *entry.passes;
  }

 private:
  // What WorkloadPasses depend on.
  struct Key {
    std::uint64_t blocks = 0;
    std::array<const GroupBook::Group*, 4> groups{};
    bool splits = false;
    Override overlap = Override::software;
    bool operator==(const Key& other) const {
      return blocks == other.blocks && groups == other.groups && splits == other.splits &&
             overlap == other.overlap;
    }
  };
  struct Entry {
    Key key;
    std::optional<WorkloadPasses> passes;
  };

  static Key key_of(const Plan& plan, const DistinctWorkload& lowered,
                    const Communication& communication) {
    return {lowered.blocks,
            {communication.group(GroupKind::tensor), communication.group(GroupKind::context),
             communication.group(GroupKind::expert), communication.group(GroupKind::expert_tensor)},
            find_schedule(lowered.workload.schedule)->splits_backward,
            plan.tensor_overlap};
  }

  std::array<Entry, 64> entries_;
  std::size_t next_ = 0;
};

}  // namespace

struct PlanEvaluator::Parts {
  Parts(const Model& model, const Training& training, const Cluster& of)
      : cluster(of), lowering(model, training), book(of) {}

  void prepare(const Plan& plan);
  void set_beside_pipeline(const Plan& plan);
  void add_stage(const Plan& plan, const DistinctWorkload& lowered, const StageTimer& timer,
                 const Communication& communication, std::int64_t stage);
  // Seconds of the step whose pipeline takes so long.
  [[nodiscard]] double with_host(Seconds pipeline) const {
    const double total = (pipeline + host).value() * (1.0 + stragglers);
    return std::isfinite(total) ? total : std::numeric_limits<double>::infinity();
  }

  const Cluster& cluster;
  PlanLowering lowering;
  GroupBook book;
  PassBook passes;
  PipelineDurations durations;

  // Of the plan at hand.
  PipelineWork work;
  Seconds host;
  double stragglers = 0;
  // Which layout and transfers each kind of the work has.
  struct Kind {
    std::uint16_t layout;
    bool last;  // in a pipeline of V shape the last stage sends nothing on
    PipelineWork::Sends sends;
  };
  std::vector<Kind> kinds;
};

namespace {

bool same_sends(const PipelineWork::Sends& a, const PipelineWork::Sends& b) {
  return a.forward_blocking == b.forward_blocking && a.backward_blocking == b.backward_blocking &&
         a.forward_hidden == b.forward_hidden && a.backward_hidden == b.backward_hidden;
}

}  // namespace

// Stages that hold the same layers and send over the same links do the same.
void PlanEvaluator::Parts::add_stage(const Plan& plan, const DistinctWorkload& lowered,
                                     const StageTimer& timer, const Communication& communication,
                                     std::int64_t stage) {
  const StageTimer::Transfer next = timer.transfer_from(stage);
  const StageTimer::Transfer before = timer.transfer_from(stage - 1);
  const PipelineWork::Sends sends{next.blocking.value(), next.hidden.value(),
                                  before.blocking.value(), before.hidden.value()};
  work.sends.push_back(sends);
  const std::uint16_t layout = lowered.kind_of[static_cast<std::size_t>(stage)];
  const bool last = stage + 1 == plan.pipeline.stages;
  const auto known = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& kind) {
    return kind.layout == layout && kind.last == last && same_sends(kind.sends, sends);
  });
  work.kind_of.push_back(static_cast<std::uint16_t>(known - kinds.begin()));
  if (known != kinds.end()) return;
  kinds.push_back({layout, last, sends});
  const Workload& workload = lowered.workload;
  const Stage& laid_out = workload.stages[layout];
  StageTime time = timer.time(laid_out, stage);
  add_repeated_reductions(plan, workload, laid_out, communication, time);
  work.kinds.push_back(stage_work(cluster, plan, workload, laid_out, communication, time));
}

void PlanEvaluator::Parts::prepare(const Plan& plan) {
  const DistinctWorkload& lowered = lowering.lower(plan);
  const Workload& workload = lowered.workload;
  const Communication communication(cluster, plan, book);
  const StageTimer timer(cluster, plan, workload, communication,
                         passes.passes(cluster, plan, lowered, communication));
  work.schedule = find_schedule(workload.schedule);
  work.interleave = workload.interleave;
  work.micro_batches = workload.micro_batches;
  work.kinds.clear();
  work.kind_of.clear();
  work.sends.clear();
  kinds.clear();
  for (std::int64_t stage = 0; stage < plan.pipeline.stages; ++stage) {
    add_stage(plan, lowered, timer, communication, stage);
  }
  set_beside_pipeline(plan);
}

void PlanEvaluator::Parts::set_beside_pipeline(const Plan& plan) {
  host = *plan.software.host_per_step;
  stragglers = straggler_share(cluster, plan.software);
}

PlanEvaluator::PlanEvaluator(const Model& model, const Training& training, const Cluster& cluster)
    : parts_(std::make_unique<Parts>(model, training, cluster)) {}
PlanEvaluator::~PlanEvaluator() = default;

PlanEvaluator::Memory PlanEvaluator::memory(const Plan& plan) {
  const PlanLowering::Memory memory = parts_->lowering.memory(plan);
  return {reserved_bytes(plan.software, memory.peak_allocated).value(),
          memory.peak_allocated.value(), memory.on_host.value()};
}

void PlanEvaluator::prepare(const Plan& plan) {
  parts_->prepare(plan);
}

double PlanEvaluator::least_step_time() {
  return (1.0 - rounding) * parts_->with_host(parts_->durations.least(parts_->work));
}

double PlanEvaluator::step_time() {
  return parts_->with_host(parts_->durations.total(parts_->work));
}

double PlanEvaluator::least_of_layout(const Plan& plan) {
  if (plan.software.fsdp_gradient_bytes < plan.software.gradient_bytes) return 0;
  parts_->prepare(plan);
  for (StageWork& kind : parts_->work.kinds) {
    kind.gather.clear();
    kind.reduce.clear();
    kind.after_reduce = Seconds{};
    kind.optimizer = Seconds{};
  }
  return least_step_time();
}

double PlanEvaluator::least_of_passes(const Plan& plan) {
  Parts& parts = *parts_;
  if (plan.software.fsdp_gradient_bytes < plan.software.gradient_bytes) return 0;
  if (*plan.software.host_gpu_exponent < 1) return 0;
  const DistinctWorkload& lowered = parts.lowering.lower_in_one_chunk(plan);
  const Workload& workload = lowered.workload;
  const Communication communication(parts.cluster, plan, parts.book);
  const StageTimer timer(parts.cluster, plan, workload, communication,
                         parts.passes.passes(parts.cluster, plan, lowered, communication));
  const Seconds one = timer.time(workload.stages.front()).total();
  const double times =
      static_cast<double>(workload.micro_batches) / static_cast<double>(plan.pipeline.stages);
  parts.set_beside_pipeline(plan);
  return (1.0 - rounding) * parts.with_host(times * one);
}

}  // namespace lockstep
