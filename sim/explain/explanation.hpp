// Why a prediction is what it is: one object that text, JSON and page render.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/explain/against.hpp"
#include "sim/explain/break_even.hpp"
#include "sim/explain/counterfactual.hpp"
#include "sim/explain/hiding.hpp"
#include "sim/explain/ledger.hpp"
#include "sim/explain/lint.hpp"
#include "sim/explain/measured.hpp"
#include "sim/explain/sensitivity.hpp"

namespace lockstep {

// An instant of the worst stage, or of another.
struct MemoryMoment {
  std::size_t stage = 0;
  std::string instant;
  double bytes = 0;  // reserved
};

struct Explanation {
  std::size_t plan = 0;  // of the report's plans
  Sensitivities sensitivities;
  std::vector<Counterfactual> counterfactuals;
  std::vector<BreakEven> break_evens;
  std::vector<std::string> not_compared;  // plans on other hardware, a sentence
  std::vector<Hiding> hidings;
  std::vector<LedgerEntry> ledger;
  std::vector<Lint> lints;
  MemoryMoment peak;
  std::optional<MemoryMoment> second;  // the next highest instant, of any stage and another name
  std::optional<Against> against;
  std::optional<MeasuredGap> measured;
};

struct ExplainOptions {
  std::string against;                // name of another plan; "": none
  std::optional<Measured> measured;
  std::string scenario_file;          // for the commands that are named
};

// Of a legal plan of the report, by its place. Throws std::invalid_argument where a plan is unknown or not
// legal. Pure.
Explanation explain(const Report& report, std::size_t plan, const ExplainOptions& options);

}  // namespace lockstep
