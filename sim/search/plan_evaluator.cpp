#include "sim/search/plan_evaluator.hpp"

#include <cmath>
#include <limits>

#include "sim/engine/memory.hpp"
#include "sim/engine/pipeline_time.hpp"
#include "sim/engine/step_parts.hpp"

namespace lockstep {

struct PlanEvaluator::Parts {
  const Model& model;
  const Training& training;
  const Cluster& cluster;
};

PlanEvaluator::PlanEvaluator(const Model& model, const Training& training, const Cluster& cluster)
    : parts_(new Parts{model, training, cluster}) {}
PlanEvaluator::~PlanEvaluator() = default;

PlanEvaluator::Memory PlanEvaluator::memory(const Plan& plan) {
  const PeakMemory peak = peak_memory(plan, lower(parts_->model, parts_->training, plan));
  return {peak.worst().reserved.value(), peak.worst().allocated.value()};
}

double PlanEvaluator::step_time(const Plan& plan) {
  const Workload workload = lower(parts_->model, parts_->training, plan);
  const Communication communication(parts_->cluster, plan);
  const WorkloadPasses passes(parts_->cluster, plan, workload, communication);
  const StageTimer timer(parts_->cluster, plan, workload, communication, passes);
  const double total = step_parts(parts_->cluster, plan, workload, timer, communication,
                                  [](const StepWork& work, bool) { return step_total(work); })
                           .total()
                           .value();
  return std::isfinite(total) ? total : std::numeric_limits<double>::infinity();
}

double PlanEvaluator::least_step_time(const Plan& plan) {
  return least_unsharded_step_time(plan);
}
double PlanEvaluator::least_unsharded_step_time(const Plan&) {
  return 0;
}

}  // namespace lockstep
