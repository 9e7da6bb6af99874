// What experience warns of in a plan, each with what it costs here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/explain/question.hpp"

namespace lockstep {

// A better way, predicted.
struct LintRemedy {
  std::string words;  // "tp 8"
  Answer answer;
  double gain = 0;  // of tokens per second and GPU
};

struct Lint {
  std::string name;     // stable: "tensor-across-domains"
  std::string message;  // what is wrong, with its numbers
  // Seconds of the step that it costs; none where it costs memory or risk alone.
  std::optional<double> seconds;
  std::optional<LintRemedy> remedy;
};

// Those that apply, the dearest first. Pure.
std::vector<Lint> lints(const Question& question, const PlanReport& report);

}  // namespace lockstep
