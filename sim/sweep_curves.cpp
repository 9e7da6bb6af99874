// Curves through the points of a sweep: efficiency, and which plan wins where.
#include <map>
#include <string>
#include <utility>

#include "sim/sweep.hpp"

namespace lockstep {

namespace {

// The points of each value of the other axis, in the order of the values.
std::vector<SweepLine> lines_along(std::size_t along, const std::vector<SweepAxis>& axes) {
  const std::size_t length = axes[along].values.size();
  const std::size_t others = axes.size() > 1 ? axes[1 - along].values.size() : 1;
  std::vector<SweepLine> lines(others);
  for (std::size_t other = 0; other < others; ++other) {
    for (std::size_t i = 0; i < length; ++i) {
      // The first axis is the outermost.
      lines[other].points.push_back(along == 0 ? i * others + other : other * length + i);
    }
  }
  return lines;
}

void add_efficiencies(const SweepLine& line, std::vector<SweepPoint>& points) {
  std::map<std::string, double> first_of_plan;  // tokens per second and GPU
  double first_rate = 0;
  double first_gpus = 0;
  for (const std::size_t index : line.points) {
    SweepPoint& point = points[index];
    if (const SweepPlan* best = point.best()) {
      const double rate = best->tokens_per_s_per_gpu.value;
      const auto gpus = static_cast<double>(best->gpus);
      if (first_rate == 0) {
        first_rate = rate;
        first_gpus = gpus;
      }
      point.efficiency = rate / first_rate;
      point.speedup = point.efficiency * gpus / first_gpus;
    }
    for (SweepPlan& plan : point.plans) {
      if (!plan.feasible) continue;
      const double rate = plan.tokens_per_s_per_gpu.value;
      plan.efficiency = rate / first_of_plan.emplace(plan.shape, rate).first->second;
    }
  }
}

void add_winners(SweepLine& line, const std::vector<SweepPoint>& points) {
  for (std::size_t place = 0; place < line.points.size(); ++place) {
    const SweepPoint& point = points[line.points[place]];
    const SweepPlan* best = point.best();
    const std::string winner = best == nullptr ? std::string{} : best->shape;
    if (line.winners.empty() || line.winners.back().winner != winner) {
      line.winners.push_back({winner, place, place, {}});
    }
    line.winners.back().last = place;
    if (!point.ties.empty()) line.winners.back().tied.push_back(place);
  }
}

}  // namespace

bool counts_gpus(const std::string& path) {
  return path == "cluster.nodes" || path == "cluster.gpus";
}

void add_curves(SweepReport& report) {
  const std::vector<SweepAxis>& axes = report.request.axes;
  report.along = axes.size() > 1 && !counts_gpus(axes[0].path) && counts_gpus(axes[1].path) ? 1 : 0;
  if (counts_gpus(axes[report.along].path)) {
    report.scaling = report.request.weak ? Scaling::weak : Scaling::strong;
  }
  report.lines = lines_along(report.along, axes);
  for (SweepLine& line : report.lines) {
    if (report.scaling != Scaling::none) add_efficiencies(line, report.points);
    add_winners(line, report.points);
  }
}

}  // namespace lockstep
