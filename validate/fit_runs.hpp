// Fits the parameters of calibrations/parameters.yaml to the step times of published runs.
//
// Maximum a posteriori in log space. With x = ln(factor), y = ln(measured) and f(x) =
// ln(predicted):
//   minimise  sum_k x_k^2 / (2 s_k^2)  +  sum_i w_i (nu + 1) / 2 ln(1 + (y_i - f_i(x))^2 / (nu
//   s^2))
// within ln(low) <= x <= ln(high): normal priors, Student-t residuals (a run that misses for a
// reason of its own counts little), sources weighted so that a long table does not outvote the
// others.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "validate/run_row.hpp"

namespace lockstep {

enum class LeaveOut { model, source };

// The constants of the fit itself; none of them was tuned to its result.
struct FitSettings {
  double scale = 0.035;           // of the residuals: duplicated configurations differ by 2.9 %
  double degrees_of_freedom = 3;  // of Student's t
  double largest_weighted = 40;   // rows of a source that count: weight of it min(n, this)^exponent
  double weight_exponent = 0.75;
};

using FitProgress = std::function<void(std::size_t done, std::size_t of)>;

// One row of the fit with the tool's error on it: ln(measured / predicted).
struct FittedRow {
  std::size_t record = 0;  // index into the records
  double error = 0;
};

struct RunFit {
  FittedParameters fitted;
  std::vector<double> informed;  // by parameter: 1 - posterior variance / prior variance
  std::vector<FittedRow> rows;
  std::size_t iterations = 0;
  double objective = 0;
};

// Why a run takes no part: "" if it does. Fine-tuning, GPUs on a power limit that no column states,
// and runs on a shared EFA cluster beyond 16 GPUs or with a pipeline, whose repeats differ by a
// factor.
std::string left_out_of_fit(const RunRecord& record, const RunScenario& run);

// Fits all parameters to the rows that take part. Deterministic. Throws InputError where no row
// does.
RunFit fit_runs(const std::vector<RunRecord>& records, const Catalog& catalog,
                const Aliases& aliases, const FitProgress& progress = {},
                const FitSettings& settings = {});

// One set of parameters per group, fitted to all rows but the group's; groups are models (as their
// sources call them, everywhere) or sources. Starts from the fit to all rows, ends where a fit from
// the prior would. `only` picks groups (all where empty); a group of it that does not exist is
// left out of the result.
std::map<std::string, FittedParameters> refit_without_each(
    const std::vector<RunRecord>& records, const Catalog& catalog, const Aliases& aliases,
    LeaveOut by, const FitProgress& progress = {}, const std::vector<std::string>& only = {},
    const FitSettings& settings = {});

}  // namespace lockstep
