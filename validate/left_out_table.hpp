// Predictions of runs that took no part in the fit, kept in a file, since a refit for each model
// takes many minutes: a table "row_id, left_out, predicted_step_time_s, …_low, …_high,
// predicted_peak_memory_bytes, …_low, …_high, predicted_to_fit", as `lockstep-validate runs
// --leave-one-model-out --format predictions` writes it.
#pragma once

#include <map>
#include <string>

#include "validate/runs.hpp"

namespace lockstep {

struct KeptPrediction {
  std::string left_out;
  Predicted step_time;
  Predicted peak_memory;
  bool fits = true;
};

using KeptPredictions = std::map<std::string, KeptPrediction>;  // by row_id

// Reads such a file. Throws InputError: E180 not readable, E281 a column is missing, E282 a number
// is none, E284 a row stands twice; and what parse_csv() finds.
KeptPredictions load_kept_predictions(const std::string& path);

// The report with these predictions in place of its own; rows that the table lacks are skipped with
// a reason.
RunsReport with_predictions(RunsReport report, LeaveOut by, const KeptPredictions& kept);

}  // namespace lockstep
