// A prediction as something that can be asked "what if": one plan on one cluster in one training,
// changed and predicted again. Point predictions; intervals are those of the plan as it is.
#pragma once

#include <string>

#include "sim/report/report.hpp"

namespace lockstep {

struct Question {
  Model model;
  Training training;
  Cluster cluster;
  Plan plan;  // data degree resolved
  // Where --set finds the cluster: "cluster", or "plans.NAME.cluster" of a plan with its own.
  std::string cluster_path = "cluster";
  const Evidence* evidence = nullptr;  // what P(fits) rests on; null: a plan fits or does not
};

// That of a legal plan of a report.
Question question_of(const Scenario& scenario, const PlanReport& plan);

// What a changed question is answered.
struct Answer {
  bool legal = false;   // false: `problem` says why, and there are no numbers
  bool feasible = false;
  std::string problem;  // why it is not legal, or does not fit; "" where it fits
  double step_time_s = 0;
  double tokens_per_s_per_gpu = 0;
  double peak_memory_bytes = 0;
  double fit_probability = 0;
  std::string bound;
  // Fits with the certainty that a recommendation needs.
  [[nodiscard]] bool surely_fits() const { return feasible && fit_probability >= 0.9; }
};

// The question with the data degree that its other degrees leave of the cluster's GPUs.
Question with_data_degree(Question question);

// Predicts, with_data_degree(). Pure.
Answer answer(const Question& question);

// Whether no rule of the plan is broken, without predicting.
bool is_legal(const Question& question);

// The same with everything that a prediction knows; `legal` false where a rule is broken or the step
// would never end.
PlanReport predicted(const Question& question);

// The seconds of one part of the step, under the name of its line; 0 where it has none.
double seconds_of(const PlanReport& plan, StepPart part);

// Of the GPUs in use, those of one NVLink (or PCIe) domain.
std::int64_t domain_size(const Cluster& cluster);

}  // namespace lockstep
