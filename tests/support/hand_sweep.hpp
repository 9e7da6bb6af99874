// A sweep whose numbers were made up, round enough to work out what must come of them.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "sim/sweep.hpp"

namespace lockstep::test {

// A plan of a point: fits where `seconds` is above 0, else is too big. A batch of 1000 tokens.
struct HandPlan {
  std::string name;
  double seconds = 0;
};

inline SweepPoint hand_point(const std::string& value, std::int64_t gpus,
                             const std::vector<HandPlan>& plans, double tokens = 1000) {
  SweepPoint point;
  point.values = {value};
  point.numbers = {static_cast<double>(gpus)};
  point.nodes = gpus / 8;
  point.gpus = gpus;
  point.global_batch = static_cast<std::int64_t>(tokens) / 10;
  point.sequence_length = 10;
  for (const HandPlan& hand : plans) {
    SweepPlan plan;
    plan.name = plan.shape = hand.name;
    plan.gpus = gpus;
    plan.nodes = point.nodes;
    plan.feasible = hand.seconds > 0;
    const double seconds = plan.feasible ? hand.seconds : 1;
    if (!plan.feasible) plan.infeasible_reason = "needs 91.3 GiB, the device has 80.0";
    const double rate = tokens / seconds / static_cast<double>(gpus);
    plan.step_time_s = {seconds, 0.9 * seconds, 1.1 * seconds};
    plan.tokens_per_s_per_gpu = {rate, 0.9 * rate, 1.1 * rate};
    plan.mfu = {0.4, 0.36, 0.44};
    plan.peak_memory_bytes = {0x1p36, 0x1p36, 0x1p36};
    point.plans.push_back(plan);
  }
  for (const bool feasible : {true, false}) {
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < point.plans.size(); ++i) {
      if (point.plans[i].feasible == feasible) places.push_back(i);
    }
    std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
      return point.plans[a].step_time_s.value < point.plans[b].step_time_s.value;
    });
    point.ranking.insert(point.ranking.end(), places.begin(), places.end());
  }
  return point;
}

// A sweep over one key with these points.
inline SweepReport hand_sweep(const std::string& path, std::vector<SweepPoint> points) {
  SweepReport report;
  report.base.name = "by hand";
  report.base.model.name = "small";
  SweepAxis axis{path, {}};
  for (const SweepPoint& point : points) axis.values.push_back(point.values.front());
  for (const SweepPlan& plan : points.front().plans) {
    ScenarioPlan of_file;
    of_file.plan.name = plan.name;
    report.base.plans.push_back(of_file);
  }
  report.request.axes = {axis};
  report.fields = {setting_field(path)};
  report.points = std::move(points);
  add_curves(report);
  return report;
}

}  // namespace lockstep::test
