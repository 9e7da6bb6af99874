// How sure a prediction is: the constants drawn from their distributions and propagated to step time
// and memory, the residual of the model itself, and from both the probability that a plan fits and
// that one plan is faster than another.
#pragma once

#include "sim/report/report.hpp"
#include "sim/residual.hpp"

namespace lockstep {

// Standard normal distribution function.
double normal_probability(double z);

// Distribution function at x of the draws, each with a residual that is normal with one standard
// deviation `lower` below it and another one above: mean over i of Phi((x - draw_i) / side).
double mixture_probability(const Draws& draws, double lower, double upper, double x);

// Where that is p.
double mixture_quantile(const Draws& draws, double lower, double upper, double p);

// P(fits) of a plan that reserves so many bytes: `draws` of ln of them, and what the model of memory
// is off by. The GPU's capacity has a spread of its own.
double fit_probability(const Draws& draws, const Residual& residual, const Gpu& gpu,
                       double reserved);

// P(a's step is shorter than b's): both plans draw by draw, so that a constant or a fitted
// parameter that both use moves both, and the part of the residuals that they do not share:
//   P = mean over i of Phi( (ln(t_b / t_a) + b_i - a_i) / s ),  s^2 = q_a r_a^2 + q_b r_b^2
// with r the residuals (root mean square of their sides) and q their peculiar shares; plans of
// different GPUs or software share nothing. `faster` and `slower` of the result are 0 and 1 for
// (a, b); the caller sets its own indices.
PlanComparison compare_plans(const PlanReport& a, const PlanReport& b);

// "64 × H100 SXM (8 nodes, 8 × 400 Gb/s, rail-optimised)".
std::string summarize(const Cluster& cluster);

// What the numbers leave out for this scenario, a phrase each.
std::vector<std::string> not_modelled(const Scenario& scenario);

}  // namespace lockstep
