// A measurement beside its prediction: what alone would explain the gap, and what to measure next.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/explain/counterfactual.hpp"
#include "sim/explain/question.hpp"

namespace lockstep {

enum class MeasuredQuantity { step_time, tokens_per_s_per_gpu, mfu, peak_memory };
const char* to_string(MeasuredQuantity quantity);

struct Measured {
  MeasuredQuantity quantity = MeasuredQuantity::step_time;
  double value = 0;  // in base units
};

// One thing that alone would make the prediction what was measured.
struct Hypothesis {
  std::string name;                  // "system.link_share", "a dead NIC", "the model itself"
  std::string words;                 // "0.71 instead of 1.07"
  std::optional<double> now;         // of a constant
  std::optional<double> needed;      // value that explains the gap; none: an event, or none would do
  // How far off what is known it asks to be, in standard deviations: of the constant, or for an
  // event of what the model is off by, from the prediction with the event to the measurement.
  double deviations = 0;
  double explained = 1;  // of ln(measured / predicted)
  double plausibility = 0;  // two-sided tail probability of those deviations
  std::string measure;   // the command that would tell; "" where none does
};

struct MeasuredGap {
  Measured measured;
  Predicted predicted;
  double error = 0;        // predicted / measured - 1
  double probability = 0;  // of a time as far off or farther on that side, by the prediction; of memory 0
  bool inside = false;     // the 90 % interval
  std::string note;        // what is odd about the measurement; "" where nothing is
  // Those that explain half of the gap or more, the most plausible first.
  std::vector<Hypothesis> hypotheses;
  std::string next;        // what to measure next, and why
};

// Hypotheses are the constants, the model itself, the counterfactuals that may go unseen and fit (a
// run that was not what the scenario says) and stalls that nothing predicts (step time alone). A constant can
// be moved until it explains the whole gap, and is judged by how far that is; an event happens or
// does not, and what it leaves of the gap is judged by what predictions are off by. Pure.
MeasuredGap measured_gap(const Question& question, const PlanReport& report, const Measured& measured,
                         const std::vector<Counterfactual>& changes, const std::string& scenario_file);

}  // namespace lockstep
