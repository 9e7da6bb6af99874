// Why a prediction may be far off: rules over a row's scenario, its prediction and its repeats,
// each with the evidence that it rests on. A rule never looks at names of rows, models or sources.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "validate/runs.hpp"

namespace lockstep {

// What equal configurations say of a row: their number and the largest ratio of their times.
struct Repeats {
  std::size_t rows = 1;
  double spread = 1;
};

struct SuspicionRule {
  const char* name;      // "memory limit"
  const char* evidence;  // why this circumstance makes predictions miss
  // What holds of this row: "needs 98 % of the device"; "" where the rule does not hold.
  std::string (*holds)(const RunResult& row, const Repeats& repeats);
  // It makes runs slower: it explains predictions that are too fast, and no others.
  bool slows = false;
};

std::span<const SuspicionRule> suspicion_rules();

// "name: what holds" of every rule that holds for a simulated row, in the order of the rules.
std::vector<std::string> suspicions(const RunResult& row, const Repeats& repeats);

// Of every row, in their order.
std::vector<Repeats> repeats_of(const std::vector<RunResult>& rows);

// How far off the rows are for which a rule holds, against the others.
struct SuspicionSummary {
  std::string name;
  std::string evidence;
  std::size_t rows = 0;
  double median_abs_error = 0;
  double median_of_others = 0;
};
// Of rows with a measured step time, but for those of the sources that stay apart.
std::vector<SuspicionSummary> summarize_suspicions(const std::vector<RunResult>& rows,
                                                   const std::vector<std::string>& apart);

// The rows farthest off in step time, at most three of a source, and what is suspected of them.
std::vector<WorstRow> worst_rows(const std::vector<RunResult>& rows);

}  // namespace lockstep
