// How long a step takes, by closed form where one is exact.
#pragma once

#include <optional>

#include "sim/engine/step_timeline.hpp"

namespace lockstep {

// The step's total in O(stages * interleave), where a closed form is exact; else nothing.
//
// GPipe: two flow shops, one after the other, f and b with the transfers that block:
//   sum of f + (m - 1) max f + sum of b + (m - 1) max b
// 1F1B with the slowest stage last (ties count, so equal stages qualify), t = f + b:
//   sum of t + (m - 1) t_last
// GPipe takes transfers of any length: where the hidden part of one is longer than the pass beside
// it, it counts in that pass's place for the stages after. 1F1B has none such.
// Both with gathers and reductions: gathers put off each stage's first pass, and nothing else; the
// last backward pass of stage i ends, in 1F1B, the backward passes of the stages before it ahead of
// the last of all.
// Interleaved 1F1B, ZB-H1, ZB-V: equal chunks, no transfers, no collectives:
//   work of a stage + Schedule::bubble, and (p - 1) f with ZB-V, whose stages begin one by one.
// To all of them the slowest optimizer and the host's work are added.
//
// Huang et al. 2019 (arXiv:1811.06965); Narayanan et al. 2021 (arXiv:2104.04473), section 2; Qi et
// al. 2023 (arXiv:2401.10241). Throws std::logic_error as run_step does.
std::optional<Seconds> step_closed_form(const StepWork& work);

// The step's total: closed form, else the passes' durations swept over the schedule's table.
Seconds step_total(const StepWork& work);

}  // namespace lockstep
