// What every scalar of a prediction does to it, by predicting again with that scalar alone changed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/explain/kink.hpp"
#include "sim/explain/question.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep {

enum class ScalarOwner { hardware, software, training, plan };
const char* to_string(ScalarOwner owner);

// How far a scalar with a continuous value is moved to either side.
constexpr double scalar_step = 0.05;
// How far a kink is looked for: factors 1 / kink_reach to kink_reach.
constexpr double kink_reach = 4;

// The prediction on one side of a scalar's value.
struct ScalarSide {
  double value = 0;  // of the scalar
  Answer answer;
  double effect = 0;      // relative change of the time per token and GPU
  double elasticity = 0;  // d ln of that time / d ln of the scalar, over the step to this side
};

struct ScalarKink {
  double value = 0;   // of the scalar
  double factor = 1;  // over its value now
  std::string what;   // "exposed FSDP collectives end"
};

struct ScalarEffect {
  std::string path;     // "gpu.memory_bandwidth", "plan.micro_batch"
  std::string setting;  // the path that --set takes
  ScalarOwner owner = ScalarOwner::hardware;
  Dimension dimension = Dimension::none;
  bool whole = false;   // a count: the sides are the nearest legal values, at most four times away; of the
                        // training, twice and half of it
  double value = 0;
  // A side that is not physical, or a count without a legal value there, is missing.
  std::optional<ScalarSide> down;
  std::optional<ScalarSide> up;
  std::optional<ScalarKink> kink;  // the nearest; of scalars that are no counts
  [[nodiscard]] double largest() const;  // of |effect|
  // Whether both sides say the same per step: elasticities that differ by 0.02 and a tenth at most.
  [[nodiscard]] bool symmetric() const;
};

struct Sensitivities {
  std::vector<ScalarEffect> scalars;  // that move the time by 1e-6 or more; the largest effect first
  std::vector<std::string> without_effect;  // paths of the others
};

// Of every constant of GPU, system and software, of the fabric, and of every number of training and
// plan. `report` is the prediction of the question. Pure.
Sensitivities sensitivities_of(const Question& question, const PlanReport& report);

}  // namespace lockstep
