// A plan's step cut down to the GPUs at hand: few layers, few micro-batches, one pipeline stage,
// as many data ranks as there is room for. What is left does the same kernels and collectives.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/scenario.hpp"
#include "sim/engine/step.hpp"
#include "strategies/workload.hpp"

namespace lockstep {

struct SmallStepSize {
  std::int64_t gpus = 1;  // at hand
  std::int64_t layers = 2;
  std::int64_t micro_batches = 2;
};

struct SmallStep {
  Model model;
  Training training;
  Cluster cluster;  // of `ranks` GPUs
  Plan plan;
  std::int64_t ranks = 1;    // of the small plan
  bool collectives = false;  // they run: there is a GPU for every rank
  // Of the small plan; without collectives where they do not run.
  Workload workload;
  // What the plan has and the small step lacks, in words.
  std::vector<std::string> not_run;
};

// Sizes from 1 on. Throws UsageError (validate/arguments.hpp) where the small plan breaks a rule.
SmallStep small_step(const Model& model, const Training& training, const ScenarioPlan& plan,
                     const SmallStepSize& size);

// One line of the prediction. What a run of kernels cannot show is not among them: the framework's
// work on the host, stragglers.
struct PredictedTerm {
  StepPart part = StepPart::linear;
  std::string name;
  double seconds = 0;
};

// The step's tasks (step_tasks.hpp) placed on their streams with predicted times, each as early as
// its stream and what it waits for let it, compute slowed beside collectives. Every part that shows
// in it, zeros too, in the report's order; they sum to its end. The engine's closed forms say the
// same of many layers; of few, they leave out the first gather and the last reduction.
std::vector<PredictedTerm> predicted_terms(const SmallStep& step);

}  // namespace lockstep
