// The step time of one question as a function of one constant: thousands of evaluations.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "sim/engine/step_evaluator.hpp"
#include "sim/explain/question.hpp"

namespace lockstep {

class StepCurves {
 public:
  // `report` is the prediction of the question; both outlive it.
  StepCurves(const Question& question, const PlanReport& report);

  // Seconds of the step with the constant of this path (for_each_constant()) at this value, all
  // others as they are. Of the same steps as predict(), to rounding.
  double at(const std::string& path, double value);
  // Whether a prediction has such a constant.
  [[nodiscard]] bool has(const std::string& path) const { return constants_.count(path) > 0; }

 private:
  // Whether the evaluator knows what the constant moves; else the step is placed anew.
  bool followed(const std::string& path);
  double anew(const std::string& path, double value);

  const Question& question_;
  const PlanReport& report_;
  StepEvaluator evaluator_;
  std::map<std::string, ConstantBase*> constants_;  // of the evaluator
  std::map<std::string, bool> followed_;
  Question changed_;                                // of anew(); as question_ between calls
  std::map<std::string, ConstantBase*> changed_constants_;
};

}  // namespace lockstep
