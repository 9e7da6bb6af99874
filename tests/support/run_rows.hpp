// Rows of measured runs made by hand, with round numbers.
#pragma once

#include <string>

#include "validate/runs.hpp"

namespace lockstep::testing {

// A compared row: predicted with an interval of a fifth to both sides, measured, of one choice and
// one plan.
inline RunResult run_row(const std::string& source, double predicted, double measured,
                         const std::string& plan = "p", const std::string& choice = "c") {
  RunResult row;
  row.row_id = source + "-1";
  row.source = source;
  row.model = "m";
  row.gpu = "g";
  row.system = "s";
  row.software = "w";
  row.step_time = {{predicted, 0.8 * predicted, 1.2 * predicted}, measured};
  row.facts.parallelism = "TP";
  row.facts.choice = source + choice;
  row.facts.plan = plan;
  row.facts.grade_a = true;
  return row;
}

}  // namespace lockstep::testing
