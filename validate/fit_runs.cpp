#include "validate/fit_runs.hpp"

#include <algorithm>
#include <cmath>

#include "validate/fit_problem.hpp"

namespace lockstep {
namespace {

constexpr std::size_t most_iterations = 20;
constexpr double first_radius = 0.5;
constexpr double smallest_radius = 0.002;
constexpr double converged = 0.002;      // largest move of a logarithm
constexpr double converged_gain = 1e-4;  // of the objective, relative
constexpr std::size_t most_rounds = 8;   // of a refit
constexpr std::size_t slopes_anew = 2;   // the round that takes them
constexpr double far = 20.0;             // no bound but the parameters' own
constexpr std::int64_t repeatable_gpus = 16;

struct Fitted {
  FitPoint x;
  Linearization line;
  std::size_t iterations = 0;
  double objective = 0;
};

double largest_move(const FitPoint& a, const FitPoint& b) {
  double largest = 0;
  for (std::size_t k = 0; k < a.size(); ++k) largest = std::max(largest, std::abs(a[k] - b[k]));
  return largest;
}

// Trust region: solve the linearized problem near the point, keep the solution where the exact
// objective falls, look less far where it does not.
Fitted fit(FitProblem& problem, const FitProgress& progress) {
  const std::vector<bool> all(problem.row_count(), true);
  Fitted now;
  now.x.assign(problem.parameter_count(), 0.0);
  now.line = problem.linearize(now.x);
  now.objective = problem.objective(now.x, now.line.value, all);
  double radius = first_radius;
  while (now.iterations < most_iterations && radius > smallest_radius) {
    ++now.iterations;
    const FitPoint next = problem.minimum(now.line, now.x, all, radius);
    const double objective = problem.objective(next, problem.values(next), all);
    if (progress) progress(now.iterations, most_iterations);
    const double move = largest_move(next, now.x);
    if (!(objective < now.objective)) {
      radius = std::min(radius, move) / 3;
      continue;
    }
    const bool done = move < converged || now.objective - objective < converged_gain * objective;
    now.x = next;
    now.objective = objective;
    now.line = problem.linearize(now.x);
    if (done) break;
  }
  return now;
}

// The minimum over the rows in use. Predictions are taken anew at each solution until it stays;
// slopes, which change less, once more where the first solution was. Nothing bounds the first step:
// what only the left-out rows knew goes back to the prior, however far that is.
FitPoint refitted(FitProblem& problem, Linearization& line, const std::vector<bool>& in_use) {
  FitPoint x = problem.minimum(line, line.at, in_use, far);
  for (std::size_t round = 1; round < most_rounds; ++round) {
    if (round == slopes_anew) {
      line = problem.linearize(x, &line, in_use);
    } else {
      line.at = x;
      line.value = problem.values(x);
    }
    const FitPoint next = problem.minimum(line, x, in_use, first_radius);
    const double move = largest_move(next, x);
    x = next;
    if (move < converged && round >= slopes_anew) break;
  }
  return x;
}

FitProblem problem_of(const std::vector<RunRecord>& records, const Catalog& catalog,
                      const Aliases& aliases, const FitSettings& settings) {
  FitProblem problem(records, catalog, aliases, settings);
  if (problem.row_count() == 0) {
    Diagnostic diagnostic;
    diagnostic.code = "E620";
    diagnostic.message = "no run can take part in the fit";
    diagnostic.hint = "a pre-training run needs a step time (step_time_s or tokens_per_s_per_gpu)";
    throw InputError({diagnostic});
  }
  return problem;
}

}  // namespace

std::string left_out_of_fit(const RunRecord& record, const RunScenario& run) {
  if (!run.skipped.empty()) return run.skipped;
  if (run.step_time_s <= 0) return "no step time";
  if (record.word("mode") != "" && record.word("mode") != "pretrain") return "fine-tuning";
  if (record.word("gpu").find("power limited") != std::string::npos) {
    return "a power limit that is not stated";
  }
  const bool shared = run.cluster.system.name == "aws-p5-shared";
  if (shared && (gpu_count(run.cluster) > repeatable_gpus || run.plan.pipeline.stages > 1)) {
    return "a shared cluster whose repeats differ by a factor";
  }
  return {};
}

RunFit fit_runs(const std::vector<RunRecord>& records, const Catalog& catalog,
                const Aliases& aliases, const FitProgress& progress, const FitSettings& settings) {
  FitProblem problem = problem_of(records, catalog, aliases, settings);
  const Fitted fitted = fit(problem, progress);
  const std::vector<bool> all(problem.row_count(), true);
  const DenseMatrix covariance = problem.covariance(fitted.line, fitted.x, all);
  RunFit out;
  out.fitted = problem.parameters(fitted.x, covariance, problem.row_count());
  out.iterations = fitted.iterations;
  out.objective = fitted.objective;
  for (const FittedParameter& parameter : out.fitted.parameters) {
    const double share = parameter.spread / parameter.prior_spread;
    out.informed.push_back(1 - share * share);
  }
  for (std::size_t i = 0; i < problem.row_count(); ++i) {
    out.rows.push_back({problem.record_of(i), problem.residual(i, fitted.line.value[i])});
  }
  return out;
}

std::map<std::string, FittedParameters> refit_without_each(const std::vector<RunRecord>& records,
                                                           const Catalog& catalog,
                                                           const Aliases& aliases, LeaveOut by,
                                                           const FitProgress& progress,
                                                           const std::vector<std::string>& only,
                                                           const FitSettings& settings) {
  FitProblem problem = problem_of(records, catalog, aliases, settings);
  const auto group_of = [&](std::size_t row) -> const std::string& {
    return by == LeaveOut::model ? problem.model_of(row) : problem.source_of(row);
  };
  std::map<std::string, FittedParameters> out;
  for (std::size_t i = 0; i < problem.row_count(); ++i) {
    if (only.empty() || std::find(only.begin(), only.end(), group_of(i)) != only.end()) {
      out[group_of(i)];
    }
  }
  const Fitted full = fit(problem, {});
  std::size_t done = 0;
  for (auto& [group, fitted] : out) {
    std::vector<bool> in_use(problem.row_count());
    std::size_t rows = 0;
    for (std::size_t i = 0; i < problem.row_count(); ++i) {
      in_use[i] = group_of(i) != group;
      if (in_use[i]) ++rows;
    }
    Linearization line = full.line;
    const FitPoint x = refitted(problem, line, in_use);
    fitted = problem.parameters(x, problem.covariance(line, x, in_use), rows);
    if (progress) progress(++done, out.size());
  }
  return out;
}

}  // namespace lockstep
