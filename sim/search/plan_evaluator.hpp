// The numbers of one plan after the other, as predict() gives them, without what a report needs.
#pragma once

#include <memory>

#include "strategies/plan.hpp"
#include "topology/hardware.hpp"

namespace lockstep {

// For one thread. Cheapest where consecutive plans differ in few things. Every plan is legal and
// has the scenario's software.
class PlanEvaluator {
 public:
  // All three outlive it.
  PlanEvaluator(const Model& model, const Training& training, const Cluster& cluster);
  ~PlanEvaluator();
  PlanEvaluator(const PlanEvaluator&) = delete;
  PlanEvaluator& operator=(const PlanEvaluator&) = delete;

  struct Memory {
    double reserved = 0;  // bytes on the fullest GPU: what must fit
    double allocated = 0;
    double on_host = 0;  // bytes of host memory, of the GPU that offloads most
  };
  Memory memory(const Plan& plan);

  // Makes `plan` the one that the next two are about. It stays as it is until they were asked.
  void prepare(const Plan& plan);
  // Seconds that the step takes at least, at a fraction of step_time()'s cost.
  double least_step_time();
  // Seconds of the step; infinite where its collectives have no route.
  double step_time();

  // Never more than step_time() of `plan`, nor of any plan that differs from it in sharding, its
  // group and switches, and offload alone. For a plan with none of these.
  //
  // What these add to the passes of a stage is positive: FSDP's units are exposed or slow the
  // compute beside them, ZeRO-2's reductions and copies likewise. What may be less under them, the
  // collectives once a step and the optimizer's work, is left out. 0 where the software adds up
  // narrower gradients under FSDP: its weight-gradient products then are shorter.
  double least_of_layout(const Plan& plan);

  // Never more than least_of_layout() of `plan`, nor of any plan that differs from it in interleave
  // alone: the passes of all layers, spread evenly over the stages, none of which ever waits. A
  // stage's host work is softened with its GPU work by a norm, so that the stages' sum is never
  // less than what one stage with all layers takes (Minkowski; host_gpu_exponent >= 1). Recompute
  // of every n-th layer is left out.
  double least_of_passes(const Plan& plan);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lockstep
