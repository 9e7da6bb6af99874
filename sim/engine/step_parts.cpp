#include "sim/engine/step_parts.hpp"

#include <algorithm>
#include <cmath>

#include "sim/engine/offload_time.hpp"
#include "sim/engine/step_work.hpp"

namespace lockstep {

namespace {

// Stragglers are counted per doubling above one node of the fitted runs.
constexpr double straggler_free_gpus = 8.0;

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

// What `whole` takes beyond `part`; sums of the same terms in another order differ by rounding, and
// that is nothing.
Seconds beyond(Seconds whole, Seconds part) {
  constexpr double rounding = 1e-12;
  const Seconds rest = whole - part;
  return rest > rounding * whole ? rest : Seconds{};
}

bool has_sync(const StepWork& work) {
  return std::any_of(work.stages.begin(), work.stages.end(), [](const StageWork& stage) {
    return !stage.gather.empty() || !stage.reduce.empty() || stage.after_reduce > Seconds{};
  });
}

// Of the update that takes longest: what it waits for copies to and from the host.
Seconds update_copies(const Cluster& cluster, const Plan& plan, const Workload& workload,
                      const StepParts& step) {
  const auto longest = std::max_element(
      step.work.stages.begin(), step.work.stages.end(),
      [](const StageWork& a, const StageWork& b) { return a.optimizer < b.optimizer; });
  const auto stage = static_cast<std::size_t>(longest - step.work.stages.begin());
  return host_update(cluster, plan, workload.stages[stage], step.stages[stage].backward()).copies;
}

}  // namespace

double straggler_share(const Cluster& cluster, const Software& software) {
  const double doublings =
      std::max(0.0, std::log2(as_double(gpu_count(cluster)) / straggler_free_gpus));
  return *software.straggler_per_doubling * doublings;
}

Seconds StepParts::total() const {
  Seconds sum;
  for (std::size_t i = 0; i < static_cast<std::size_t>(StepPart::count); ++i) {
    const Seconds time = parts[static_cast<StepPart>(i)];
    if (time.value() > 0) sum += time;
  }
  return sum;
}

// The slowest stage works through all micro-batches; what the pipeline takes beyond that is bubble,
// and what the step takes beyond one with free gathers and reductions is theirs.
StepParts step_parts(const Cluster& cluster, const Plan& plan, const Workload& workload,
                     const StageTimer& timer, const Communication& communication,
                     PipelineDurations& durations) {
  const Software& software = plan.software;
  StepParts step;
  step.stages.reserve(workload.stages.size());
  for (const Stage& stage : workload.stages) {
    step.stages.push_back(timer.time(stage));
    StageTime& time = step.stages.back();
    add_repeated_reductions(plan, workload, stage, communication, time);
    if (time.total() > step.stages[step.slowest].total()) step.slowest = step.stages.size() - 1;
  }
  const StageTime& slow = step.stages[step.slowest];
  step.work = step_work(cluster, plan, workload, timer, communication, step.stages);

  Parts& parts = step.parts;
  parts.add(slow.parts(), as_double(workload.micro_batches));
  const Seconds work = parts.total();
  for (const StageWork& stage : step.work.stages) {
    parts[StepPart::optimizer] = std::max(parts[StepPart::optimizer], stage.optimizer);
  }
  const bool synchronised = has_sync(step.work);
  const Seconds pipeline = durations.total(synchronised ? without_sync(step.work) : step.work);
  parts[StepPart::bubble] += beyond(pipeline, parts[StepPart::optimizer] + work);
  const Seconds synced = synchronised ? durations.total(step.work) : pipeline;
  parts[StepPart::data_exposed] += beyond(synced, pipeline);
  const Seconds copies = update_copies(cluster, plan, workload, step);
  parts[StepPart::copy_exposed] += copies;
  parts[StepPart::optimizer] -= copies;
  parts[StepPart::host_step] += *software.host_per_step;
  parts[StepPart::stragglers] += straggler_share(cluster, software) * parts.total();

  step.work.host = parts[StepPart::host_step] + parts[StepPart::stragglers];
  return step;
}

}  // namespace lockstep
