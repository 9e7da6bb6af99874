// The parameters that published runs inform: what each is and what was believed before
// (calibrations/parameters.yaml, written by hand), and where the runs moved it
// (calibrations/runs.yaml, written by `lockstep calibrate --corpus runs`).
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/diagnostics.hpp"
#include "strategies/plan.hpp"
#include "topology/hardware.hpp"

namespace lockstep {

// One factor on all constants of the catalog that name it (`fit: NAME`). Global: of a GPU
// generation, of a software profile or a family of them, or of a cluster whose network its source
// does not state; never of a model or a run. Before the fit ln(factor) is normal around 0.
struct FittedParameter {
  std::string name;
  std::string meaning;        // a physical phrase: "sustained share of the tensor peak, A100"
  double prior_spread = 0.0;  // standard deviation of ln(factor) before the fit
  double low = 0.0;           // range of the factor that is physical
  double high = 0.0;

  double factor = 1.0;  // after the fit; 1 where there was none
  double spread = 0.0;  // standard deviation of ln(factor) after it; prior_spread without one
};

struct FittedParameters {
  std::vector<FittedParameter> parameters;
  // Cholesky factor L of the covariance of ln(factor) after the fit, row by row, size() squared:
  // with z standard normal, ln(factor) + L z is a draw. Diagonal of prior spreads without a fit.
  std::vector<double> deviation;
  std::string source;  // "1,098 published runs"; "" without a fit

  [[nodiscard]] std::size_t size() const { return parameters.size(); }
  // Index of a name; size() where there is none.
  [[nodiscard]] std::size_t index(std::string_view name) const;
};

// Reads parameters.yaml and, where it is there, runs.yaml of the folder calibrations/. A folder
// without parameters.yaml has no parameters. Appends what is wrong with the files to `problems`.
FittedParameters load_fitted_parameters(const std::filesystem::path& folder,
                                        std::vector<Diagnostic>& problems);

// The text of runs.yaml: the same parameters read back.
std::string fitted_parameters_text(const FittedParameters& fitted, const std::string& heading);

// value and spread of a constant that names one of the parameters, from its prior; others stay.
void set_fitted(ConstantBase& constant, const FittedParameters& fitted);
// The same for every constant of the plan and its cluster.
void set_fitted(Cluster& cluster, Plan& plan, const FittedParameters& fitted);

}  // namespace lockstep
