// P(fits) of plan after plan, without the rest of a prediction's intervals.
#pragma once

#include <memory>

#include "scenarios/evidence.hpp"
#include "strategies/plan.hpp"
#include "topology/hardware.hpp"

namespace lockstep {

// Whether a constant of the software enters the memory of plans: the others are not drawn here.
bool enters_memory(const std::string& path);

// For one thread; every plan has the same software.
class FitProbability {
 public:
  // All outlive it.
  FitProbability(const Model& model, const Training& training, const Cluster& cluster,
                 const Evidence& evidence);
  ~FitProbability();
  FitProbability(const FitProbability&) = delete;
  FitProbability& operator=(const FitProbability&) = delete;

  // PlanReport::fit_probability of predict_with_intervals().
  double of(const Plan& plan);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lockstep
