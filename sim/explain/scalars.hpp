// The scalars of a question: every number that a prediction could depend on.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "scenarios/constant_table.hpp"
#include "sim/explain/sensitivity.hpp"

namespace lockstep {

// A number with a continuous value.
struct Dial {
  std::string path;
  std::string setting;
  ScalarOwner owner = ScalarOwner::hardware;
  Dimension dimension = Dimension::none;
  Range range;  // physical
  // Of any question; the constants of a dial stand where they stand in every question.
  std::function<double&(Question&)> in;
};

// A whole number.
struct Count {
  std::string path;
  std::string setting;
  ScalarOwner owner = ScalarOwner::plan;
  bool doubles = false;  // moved to twice and half of it, not to the nearest legal value
  std::function<std::int64_t&(Question&)> in;
};

// Those of this question that are not zero, in the order of the field tables. The peaks of
// data types that the training does not use are left out.
std::vector<Dial> dials(const Question& question);

// "gpu.peak_bf16": the constant that is the peak of a type.
std::string peak_path(Dtype dtype);

// The dial of a path; throws std::logic_error where there is none.
Dial dial(const std::string& path, const Question& question);

// Degrees, sizes and counts of plan, training and cluster.
std::vector<Count> counts(const Question& question);

}  // namespace lockstep
