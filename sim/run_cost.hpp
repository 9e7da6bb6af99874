// What a whole run takes: from the time of a step to days, GPU-hours and money.
#pragma once

#include "scenarios/search_request.hpp"
#include "strategies/training.hpp"

namespace lockstep {

struct RunCost {
  double steps = 0;      // 0: training.total_tokens is not stated, and nothing else is known
  double days = 0;
  double gpu_hours = 0;
  double cost = 0;       // in the price's currency; 0: no price
  double cost_per_million_tokens = 0;  // also without total_tokens; 0: no price
};

//   steps = total tokens / tokens of a step,  days = steps t / 86400 s,  GPU-hours = 24 days N
// Ignores restarts, checkpoints, evaluation and ramps of the batch.
inline RunCost run_cost(const Training& training, const Price& price, double gpus,
                        double step_time_s) {
  constexpr double hour = 3600;
  constexpr double day = 24 * hour;
  constexpr double million = 1e6;
  RunCost run;
  run.cost_per_million_tokens =
      million * price.per_gpu_hour * gpus * (step_time_s / hour) / training.tokens_per_step();
  if (training.total_tokens <= 0) return run;
  run.steps = training.total_tokens / training.tokens_per_step();
  run.days = run.steps * step_time_s / day;
  run.gpu_hours = run.steps * step_time_s / hour * gpus;
  run.cost = run.gpu_hours * price.per_gpu_hour;
  return run;
}

}  // namespace lockstep
