// The step time of one plan at many values of its constants: what sampling calls. Everything that
// does not depend on them is done once: placement of the groups, NCCL's choices, the workload.
//
//   StepEvaluator evaluator(model, training, cluster, plan, workload);
//   evaluator.plan().software.data_exposed.value = 0.4;
//   evaluator.total();   // step_time() with that constant
//
// Three kinds of constants:
// - what the engine reads (gpu.*, system.*, most of software.*): moved in place;
// - what enters the workload (software.loss_bytes_per_logit …): bytes and FLOPs of ops are affine
// in
//   each, so follow() takes their slopes once, from one more lower();
// - bandwidths of links (link, NIC, PCIe), which decide routes, channels and NCCL's choice: they
//   must stay as they are. moves_routes() names them.
#pragma once

#include <string_view>
#include <vector>

#include "sim/engine/communication.hpp"
#include "sim/engine/pipeline_work.hpp"

namespace lockstep {

class StepEvaluator {
 public:
  // `workload` is lower() of the same.
  StepEvaluator(const Cluster& cluster, const Plan& plan, const Workload& workload);
  StepEvaluator(const StepEvaluator&) = delete;
  StepEvaluator& operator=(const StepEvaluator&) = delete;

  // Whose constants may be moved.
  [[nodiscard]] Cluster& cluster() { return cluster_; }
  [[nodiscard]] Plan& plan() { return plan_; }

  // `moved` is lower() with `constant`, one of plan(), at the value `at`. All constants must stand
  // where they stood at the start.
  // False where the workload has another shape then: total() does not know of it.
  bool follow(const ConstantBase& constant, double at, const Workload& moved);

  // Seconds of the step, with the constants as they stand: step_time() to rounding.
  double total();

  static bool moves_routes(std::string_view path);

 private:
  struct Slope {
    Op* op;  // of workload_
    Bytes bytes;
    Flops flops;
    Bytes bytes_slope;  // per unit of the constant
    Flops flops_slope;
    const ConstantBase* constant;
    double base;  // of the constant
  };
  void apply_slopes();

  Cluster cluster_;
  Plan plan_;
  Workload workload_;
  std::vector<Slope> slopes_;
  Communication communication_;
  PipelineDurations durations_;
};

}  // namespace lockstep
