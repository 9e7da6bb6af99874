// Where the order of two plans turns as one resource gets better or worse.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/explain/question.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep {

struct BreakEvenPoint {
  double value = 0;  // of the scalar
  double step_time_s = 0;
  double against_step_time_s = 0;
};

// A bandwidth that a collective of the step reaches, beside the scalar that it follows.
struct EffectiveBandwidth {
  std::string what;        // "parameter all-gather across nodes"
  double now = 0;          // bytes of the whole buffer per second
  double at_break_even = 0;
};

struct BreakEven {
  std::string plan;
  std::string against;
  std::string path;     // "system.nic_bandwidth"
  std::string setting;  // the path that --set takes
  std::string text;     // "bandwidth of a NIC"
  Dimension dimension = Dimension::none;
  double now = 0;
  double low = 0, high = 0;     // physical: looked at
  std::optional<double> value;  // the crossing nearest to `now`; none: one plan wins everywhere
  std::vector<double> other_values;  // the other crossings, as far as the curve's points tell
  std::size_t crossings = 0;         // all of them
  // Who is faster at smaller values than the crossing, or everywhere; "": equally fast, to 1e-6.
  std::string wins_below;
  std::string wins_above;
  std::optional<EffectiveBandwidth> effective;  // where a network's bandwidth decides
  std::vector<BreakEvenPoint> curve;            // by value, with the crossing
};

// One plan of a comparison, predicted.
struct Contender {
  Question question;
  PlanReport report;
};

// For each scalar of the table and each other plan whose cluster has the same value of it and whose
// order it could turn. Pure.
std::vector<BreakEven> break_evens(const Contender& plan, const std::vector<Contender>& others);

// The others that have another value of some of these scalars: no break-even over it, by name.
std::vector<std::string> without_common_value(const Contender& plan,
                                              const std::vector<Contender>& others);

// "fsdp beats tp8 while the bandwidth of a NIC exceeds 80 Gb/s (now 400 Gb/s): the layer all-gather
// across nodes at 43 GB/s, now 320 GB/s"; "fsdp is faster than tp8 at every …".
std::string statement_of(const BreakEven& one);

// A value of its scalar: "400 Gb/s".
std::string scalar_text(const BreakEven& one, double value);

}  // namespace lockstep
