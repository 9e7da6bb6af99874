// How sure a prediction is: the spreads of the constants propagated to step time and memory, the residual of
// the model itself, and from both the probability that a plan fits and that one plan is faster than another.
#pragma once

#include "sim/report/report.hpp"

namespace lockstep {

// What remains when every constant is right: one standard deviation of ln(measured / predicted). Wider where the
// model has experts. Between two plans the first one counts: what is peculiar to a model moves both.
const Constant<double>& step_time_residual();
const Constant<double>& step_time_residual(const Model& model);
const Constant<double>& memory_residual();

// Standard normal distribution function.
double normal_probability(double z);

// P(a's step is shorter than b's). A constant that both plans use (same path of the same GPU, system or
// software) moves both, so only the difference of its effects counts; constants that only one of them uses and
// the two residuals are independent:
//   P = Phi( ln(t_b / t_a) / s ),  s^2 = sum over constants (e_a - e_b)^2 + 2 residual^2.
// `faster` and `slower` of the result are 0 and 1 for (a, b); the caller sets its own indices.
PlanComparison compare_plans(const PlanReport& a, const PlanReport& b);

// "64 × H100 SXM (8 nodes, 8 × 400 Gb/s, rail-optimised)".
std::string summarize(const Cluster& cluster);

// What the numbers leave out for this scenario, a phrase each.
std::vector<std::string> not_modelled(const Scenario& scenario);

}  // namespace lockstep
