#include "sim/explain/step_curve.hpp"

namespace lockstep {

StepCurves::StepCurves(const Question& question, const PlanReport& report)
    : question_(question),
      report_(report),
      evaluator_(question.cluster, question.plan, report.workload),
      changed_(question) {
  for_each_constant(
      evaluator_.cluster(), evaluator_.plan(),
      [&](const std::string& path, ConstantBase& constant) { constants_[path] = &constant; });
  for_each_constant(changed_.cluster, changed_.plan,
                    [&](const std::string& path, ConstantBase& constant) {
                      changed_constants_[path] = &constant;
                    });
}

// Links decide routes and NCCL's choices; what software does to the work is affine as long as its
// shape stays.
double StepCurves::at(const std::string& path, double value) {
  if (!followed(path)) return anew(path, value);
  ConstantBase& constant = *constants_.at(path);
  const double before = constant.value;
  constant.value = value;
  const double seconds = evaluator_.total();
  constant.value = before;
  return seconds;
}

bool StepCurves::followed(const std::string& path) {
  const auto known = followed_.find(path);
  if (known != followed_.end()) return known->second;
  bool follows = !StepEvaluator::moves_routes(path);
  if (path.rfind("software.", 0) == 0) {
    constexpr double probe = 0.9;
    ConstantBase& constant = *changed_constants_.at(path);
    const double before = constant.value;
    constant.value *= probe;
    const Workload moved = lower(question_.model, question_.training, changed_.plan);
    follows = evaluator_.follow(*constants_.at(path), constant.value, moved);
    constant.value = before;
  }
  followed_.emplace(path, follows);
  return follows;
}

double StepCurves::anew(const std::string& path, double value) {
  ConstantBase& constant = *changed_constants_.at(path);
  const double before = constant.value;
  constant.value = value;
  const bool lowered = StepEvaluator::moves_routes(path);
  const Seconds seconds =
      lowered ? step_time(changed_.cluster, changed_.plan, report_.workload).total
              : step_time(changed_.cluster, changed_.plan,
                          lower(question_.model, question_.training, changed_.plan))
                    .total;
  constant.value = before;
  return seconds.value();
}

}  // namespace lockstep
