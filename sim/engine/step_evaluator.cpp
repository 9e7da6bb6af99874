#include "sim/engine/step_evaluator.hpp"

#include "sim/engine/step_parts.hpp"

namespace lockstep {

namespace {

// Calls visit(op) for every op that takes time, in an order that only the shape decides.
template <class AnyWorkload, class Visit>
void visit_ops(AnyWorkload& workload, Visit visit) {
  const auto block = [&](auto& one) {
    for (auto* pass : {&one.forward, &one.backward, &one.recompute}) {
      for (auto& op : pass->ops) visit(op);
    }
  };
  for (auto& kind : workload.kinds) block(kind.block);
  block(workload.embedding);
  block(workload.head);
  for (auto& stage : workload.stages) {
    for (auto& op : stage.optimizer_ops) visit(op);
  }
}

}  // namespace

StepEvaluator::StepEvaluator(const Cluster& cluster, const Plan& plan, const Workload& workload)
    : cluster_(cluster), plan_(plan), workload_(workload), communication_(cluster_, plan_) {
  communication_.list_prices();
}

bool StepEvaluator::moves_routes(std::string_view path) {
  return path == "system.link_bandwidth" || path == "system.nic_bandwidth" ||
         path == "system.pcie_bandwidth";
}

bool StepEvaluator::follow(const ConstantBase& constant, double at, const Workload& moved) {
  apply_slopes();  // back to the base
  std::vector<const Op*> others;
  visit_ops(moved, [&](const Op& op) { others.push_back(&op); });
  std::vector<Slope> found;
  std::size_t next = 0;
  bool same_shape = true;
  visit_ops(workload_, [&](Op& op) {
    same_shape = same_shape && next < others.size();
    if (!same_shape) return;
    const Op& other = *others[next++];
    same_shape = op.kind == other.kind && op.m == other.m && op.n == other.n && op.k == other.k &&
                 op.launches == other.launches;
    if (op.bytes == other.bytes && op.flops == other.flops) return;
    const double step = at - constant.value;
    found.push_back({&op, op.bytes, op.flops, (other.bytes - op.bytes) / step,
                     (other.flops - op.flops) / step, &constant, constant.value});
  });
  if (!same_shape || next != others.size()) return false;
  slopes_.insert(slopes_.end(), found.begin(), found.end());
  return true;
}

void StepEvaluator::apply_slopes() {
  for (const Slope& slope : slopes_) {
    slope.op->bytes = slope.bytes;
    slope.op->flops = slope.flops;
  }
  for (const Slope& slope : slopes_) {
    const double step = slope.constant->value - slope.base;
    slope.op->bytes += step * slope.bytes_slope;
    slope.op->flops += step * slope.flops_slope;
  }
}

double StepEvaluator::total() {
  apply_slopes();
  communication_.reprice();
  const WorkloadPasses passes(cluster_, plan_, workload_, communication_);
  const StageTimer timer(cluster_, plan_, workload_, communication_, passes);
  return step_parts(cluster_, plan_, workload_, timer, communication_, durations_).total().value();
}

}  // namespace lockstep
