// The uncertain constants of a plan, how each moves the prediction, and all of them drawn together.
#pragma once

#include <string>
#include <string_view>

#include <string>
#include <vector>

#include "sim/draws.hpp"
#include "sim/report/report.hpp"

namespace lockstep {

// ln of a prediction against its value, at each draw.
struct PredictionDraws {
  Draws step{};
  Draws reserved{};
  Draws allocated{};
  std::vector<Sensitivity> sensitivities;  // of the step; unsorted
};

// Draw i of a constant is c exp(x_i), kept inside what is physical:
//   x_i = sum over k of L_pk z_ik + own z'_i   where a fitted parameter p moves it
//   x_i = spread z'_i                          where none does
// with z_k the draws_of() parameter k's name, shared by all constants and plans, and z' those of the
// constant's path and owner (GPU, system or software profile), shared by all plans.
// The step is evaluated anew at each draw (StepEvaluator); memory and what bandwidths of links do is
// of first order: effect times x_i / spread.
PredictionDraws draw_predictions(const Model& model, const Training& training,
                                 const Cluster& cluster, const Plan& plan, const PlanReport& base,
                                 const FittedParameters& fitted);

// The x_i of one constant of `owner`.
Draws draws_of_constant(const std::string& path, const ConstantBase& constant,
                        const std::string& owner, const FittedParameters& fitted);

// The catalog entry that a constant belongs to: constants of one path but of two GPUs are two
// constants.
const std::string& owner(const Cluster& cluster, const Plan& plan, std::string_view path);

}  // namespace lockstep
