// One scenario at many values of one or two of its keys: what every plan takes at each of them,
// which one wins where, and how well they scale.
//
//   SweepInput input = load_sweep(file, catalog, request);   // every error of every point
//   SweepReport report = sweep(input, request, finder);
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/scenario.hpp"
#include "scenarios/setting_field.hpp"
#include "sim/report/report.hpp"
#include "sim/run_cost.hpp"
#include "sim/search/search.hpp"

namespace lockstep {

// A key and the values that it takes, as --set would take each.
struct SweepAxis {
  std::string path;
  std::vector<std::string> values;
};

struct SweepRequest {
  std::vector<SweepAxis> axes;     // one or two
  std::vector<std::string> plans;  // of the scenario; empty: all of them
  bool search = false;  // at each point the best plan that a search finds, not the scenario's
  // Weak scaling: the global batch grows with the GPUs, from what it is on the scenario's own.
  bool weak = false;
};

// A scenario at one point, or why there is none.
struct SweepScenario {
  std::vector<std::string> values;  // one for each axis
  std::optional<Scenario> scenario;
  std::string problem;     // "" where there is a scenario
  std::int64_t nodes = 0;  // 0: not known, for a problem that came before them
  std::int64_t gpus = 0;
  std::vector<std::string> data_follows;  // plans whose stated data degree gave way to the GPUs
};

struct SweepInput {
  Scenario base;                      // without the swept values
  std::vector<SweepScenario> points;  // the first axis outermost
};

// Reads the scenario at every point. What a plan breaks at a point is kept there, as what the whole
// scenario breaks (codes E4xx) unless it does so at every point; everything else is an InputError
// with the errors of all points, each once, with the point that it is of. A plan that states its
// data degree is legal as it stands: where other values leave other GPUs for it, the degree follows
// them.
SweepInput load_sweep(const std::filesystem::path& file, const Catalog& catalog,
                      const SweepRequest& request);

// A plan at a point: the part of a PlanReport that a curve is made of.
struct SweepPlan {
  std::string name;
  std::string shape;  // the name without the data degree where the search gave it; else the name
  std::string summary;
  Plan plan;  // its software by name alone
  std::int64_t nodes = 0;
  std::int64_t gpus = 0;
  bool legal = true;
  bool feasible = true;
  std::string infeasible_reason;
  std::string bound;
  Predicted step_time_s;
  Predicted tokens_per_s_per_gpu;
  Predicted mfu;
  Predicted hfu;
  Predicted peak_memory_bytes;
  Predicted peak_allocated_bytes;
  double usable_memory_bytes = 0;
  double fit_probability = 1;
  RunCost run, run_low, run_high;  // at the step time and the ends of its interval
  // Tokens per second and GPU over those of the same plan at the first point of its curve where it
  // fits; 0: no curve, or it does not fit.
  double efficiency = 0;
  bool data_follows = false;  // its data degree is not the one that the scenario states
};

struct SweepPoint {
  std::vector<std::string> values;
  std::vector<std::optional<double>> numbers;  // the same in base units; nothing for names
  std::string problem;                         // why there are no plans
  std::int64_t nodes = 0;
  std::int64_t gpus = 0;
  std::int64_t global_batch = 0;
  std::int64_t sequence_length = 0;
  double total_tokens = 0;
  std::vector<SweepPlan> plans;      // in file order
  std::vector<std::size_t> ranking;  // those that fit, fastest first; then the others
  std::vector<std::size_t> ties;     // plans that tie with the best
  // Of the best plan here over the best plan at the first point of the curve where one fits: tokens
  // per second and GPU, and tokens per second. 0: no curve, or nothing fits.
  double efficiency = 0;
  double speedup = 0;

  // The plan that wins here; null where none fits.
  [[nodiscard]] const SweepPlan* best() const;
};

// Points of one line with the same winner, next to each other.
struct WinnerRange {
  std::string winner;     // shape; "" where no plan fits
  std::size_t first = 0;  // places in the line
  std::size_t last = 0;
  std::vector<std::size_t> tied;  // places where another plan ties with it
};

// The points along one axis at one value of the other.
struct SweepLine {
  std::vector<std::size_t> points;  // of the report
  std::vector<WinnerRange> winners;
};

enum class Scaling { none, strong, weak };

struct SweepReport {
  Scenario base;
  SweepRequest request;
  std::vector<std::optional<SettingField>> fields;  // of the axes
  std::vector<SweepPoint> points;                   // the first axis outermost
  std::size_t along = 0;            // the axis of the lines: that of the GPUs, else the first
  Scaling scaling = Scaling::none;  // none: no number of GPUs is swept
  std::vector<SweepLine> lines;     // one for each value of the other axis
  std::vector<std::string> not_modelled;

  [[nodiscard]] bool any_feasible() const;
};

// What the search says of a point.
struct FoundBest {
  std::optional<FoundPlan> plan;
  std::string why_none;
};
using PlanFinder = std::function<FoundBest(const Scenario& scenario)>;

// The best plan of a search; where it has none, why.
FoundBest best_of(SearchResult result);
// What search_plans() finds.
FoundBest find_best_plan(const Scenario& scenario);

// Predicts every point; with request.search what `finder` finds there. Deterministic where the
// finder is. Throws InputError where the finder does so at every point.
SweepReport sweep(const SweepInput& input, const SweepRequest& request,
                  const PlanFinder& finder = find_best_plan);

// -- sweep_curves.cpp

// Whether this key is a number of GPUs, so that a sweep over it is a scaling curve.
bool counts_gpus(const std::string& path);

// Sets along, scaling, lines, efficiencies and winners of a report whose points are there.
//   efficiency = x_i / x_0,  x: tokens per second and GPU
// which is t_0 N_0 / (t_i N_i) where the batch is fixed, and t_0 / t_i where it grows with the
// GPUs.
void add_curves(SweepReport& report);

}  // namespace lockstep
