// The certainty ledger: what a prediction's uncertainty consists of, and what would measure it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/explain/question.hpp"

namespace lockstep {

// A constant, or the model itself.
struct LedgerEntry {
  std::string path;    // "system.link_share"; "" for the model itself
  std::string doc;     // what the constant is
  Provenance kind = Provenance::fitted;
  std::optional<double> value;  // none for the model itself
  double spread = 0;   // relative standard deviation; of the model itself that of its residual
  double effect = 0;   // of one spread upwards on ln of the step; of the model itself its residual
  double share = 0;    // of the variance of ln of the step; all sum to 1
  Predicted step_time_s;  // as far as this entry's own 90 % interval moves it, to first order
  std::string source;
  std::string measure;  // the command that would measure it; "" where none does
  [[nodiscard]] std::string name() const { return path.empty() ? "the model itself" : path; }
};

// Every uncertain constant that moves the step, and the model itself, by the size of their shares; the
// largest first. To first order, with x_i the draws of constant i over its spread and e_i its effect:
//   share_i = Cov(e_i x_i, y) / Var,  y = sum over i of e_i x_i,  Var = Var(y) + r^2
// so that fitted constants that move together carry what they share, and one that moves against the
// others can have a negative share. r is the residual, the root mean square of its sides, and
// r^2 / Var the share of the model itself.
std::vector<LedgerEntry> ledger(const Question& question, const PlanReport& report,
                                const FittedParameters& fitted, const std::string& scenario_file);

// The command that measures a constant; "" where none does. The model itself is judged by a measured
// step of the whole plan alone (`explain --measured`).
std::string measuring_command(const std::string& path, const PlanReport& report,
                              const std::string& scenario_file);

}  // namespace lockstep
