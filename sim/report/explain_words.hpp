// The sentences of an explanation, which text and page share.
#pragma once

#include <string>
#include <vector>

#include "sim/explain/explanation.hpp"
#include "sim/report/numbers.hpp"

namespace lockstep {

// "+3.2 s" in this unit.
std::string signed_duration(double seconds, DisplayUnit unit);

// Scalars that turn no order, a sentence each: "no bandwidth of a NIC between … and … turns the
// order: a is always faster than b, c".
std::vector<std::string> without_break_even(const std::vector<BreakEven>& all);

// A command, and the share of the variance that what it measures has.
struct MeasuringGroup {
  std::string command;
  double share = 0;
};
std::vector<MeasuringGroup> measuring_groups(const std::vector<LedgerEntry>& entries);

// "400 GB/s", "8".
std::string scalar_text(const ScalarEffect& one, double value);
// "system.nic_bandwidth at 40.0 GB/s (× 0.8): the step jumps up by 1.1 %"; of one with a kink.
std::string kink_words(const ScalarEffect& one);

// "tp 8, +5 % tokens per GPU".
std::string remedy_words(const LintRemedy& remedy);
std::string lint_words(const Lint& lint, double step_time_s);
std::string against_words(const Against& against);
std::string change_words(const SingleChange& change, double step_time_s);
std::string hypothesis_words(const Hypothesis& one);
std::string measured_words(const MeasuredGap& gap);

}  // namespace lockstep
