// The numbers of one plan after the other, as predict() gives them, without what a report needs.
#pragma once

#include <memory>

#include "sim/search/plan_costs.hpp"
#include "strategies/plan.hpp"
#include "topology/hardware.hpp"

namespace lockstep {

// For one thread. Fastest where consecutive plans differ in few things.
class PlanEvaluator {
 public:
  // All three outlive it.
  PlanEvaluator(const Model& model, const Training& training, const Cluster& cluster);
  ~PlanEvaluator();
  PlanEvaluator(const PlanEvaluator&) = delete;
  PlanEvaluator& operator=(const PlanEvaluator&) = delete;

  // Of a legal plan with the scenario's software.
  struct Memory {
    double reserved = 0;
    double allocated = 0;
  };
  Memory memory(const Plan& plan);

  // Seconds of the step; infinite where its collectives have no route.
  double step_time(const Plan& plan);

  // Never more than step_time(), at a fraction of its cost; and never more than that of any plan
  // that differs from this one in sharding, shard group, offload and the switches of both alone.
  double least_step_time(const Plan& plan);
  double least_unsharded_step_time(const Plan& plan);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lockstep
