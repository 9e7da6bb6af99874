#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "sim/engine/memory_curve.hpp"
#include "sim/report/html/page_timeline.hpp"

namespace lockstep {

namespace {

using Json = nlohmann::ordered_json;

// Fewer show no shape.
constexpr std::int64_t fewest_points = 96;
constexpr std::int64_t enough_points = 512;

// Of all stages together, before thinning: as many as there are, but for the longest steps.
constexpr std::int64_t most_points_kept = 1'000'000;

// At most so many points, evenly over the time: of each stretch the one with most bytes, from where
// the stretch begins on.
std::vector<MemoryPoint> thinned(const std::vector<MemoryPoint>& points, std::int64_t most) {
  if (points.empty() || static_cast<std::int64_t>(points.size()) <= most) return points;
  const double stretch = points.back().time / static_cast<double>(most);
  std::vector<MemoryPoint> kept;
  double next = -1;
  for (const MemoryPoint& point : points) {
    if (point.time >= next) {
      kept.push_back(point);
      next = (std::floor(point.time / stretch) + 1) * stretch;
    } else if (point.bytes > kept.back().bytes) {
      const double from = kept.back().time;
      kept.back() = point;
      kept.back().time = from;
    }
  }
  return kept;
}

struct ClassCurve {
  std::string name;
  std::vector<double> bytes;  // at each point
};

double bytes_of(const std::vector<MemoryShare>& shares, const std::string& name) {
  for (const MemoryShare& share : shares) {
    if (share.name == name) return share.bytes;
  }
  return 0;
}

// The classes of every point, in the order in which they first appear.
std::vector<ClassCurve> class_curves(const StageMemoryProfile& profile,
                                     const std::vector<MemoryPoint>& points) {
  std::vector<ClassCurve> classes;
  for (const MemoryPoint& point : points) {
    for (const MemoryShare& share : shares_at(profile, point)) {
      const bool known = std::any_of(classes.begin(), classes.end(),
                                     [&](const ClassCurve& c) { return c.name == share.name; });
      if (!known) classes.push_back({share.name, {}});
    }
  }
  for (const MemoryPoint& point : points) {
    const std::vector<MemoryShare> shares = shares_at(profile, point);
    for (ClassCurve& each : classes) {
      each.bytes.push_back(std::round(bytes_of(shares, each.name)));
    }
  }
  return classes;
}

// One number where it never changes.
Json values(const std::vector<double>& bytes) {
  const bool same = std::all_of(bytes.begin(), bytes.end(), [&](double b) { return b == bytes[0]; });
  if (same && !bytes.empty()) return static_cast<std::int64_t>(bytes[0]);
  Json list = Json::array();
  for (const double b : bytes) list.push_back(static_cast<std::int64_t>(b));
  return list;
}

Json stage_json(const TimelineReport& timeline, const TimelineSummary& summary, std::size_t stage,
                std::int64_t most) {
  const StageMemoryCurve& curve = summary.memory[stage];
  const std::vector<MemoryPoint> points = thinned(curve.points, most);
  Json times = Json::array();
  Json bytes = Json::array();
  for (const MemoryPoint& point : points) {
    times.push_back(std::round(point.time * 1e9) / 1e9);
    bytes.push_back(static_cast<std::int64_t>(std::round(point.bytes)));
  }
  Json classes = Json::array();
  for (const ClassCurve& each : class_curves(timeline.memory[stage], points)) {
    classes.push_back({{"name", each.name}, {"bytes", values(each.bytes)}});
  }
  return {{"stage", stage},
          {"time_s", std::move(times)},
          {"bytes", std::move(bytes)},
          {"classes", std::move(classes)},
          {"peak",
           {{"time_s", curve.peak.time},
            {"bytes", curve.peak.bytes},
            {"instant", instant_name(curve.peak, timeline)}}}};
}

}  // namespace

Json page_memory(const TimelineReport& timeline, std::int64_t most_points) {
  const auto stages = static_cast<std::int64_t>(timeline.memory.size());
  if (stages == 0) return nullptr;
  const bool all = most_points / stages >= fewest_points;
  const std::int64_t shown = all ? stages : std::min<std::int64_t>(stages, 3);
  const std::int64_t points = std::clamp(most_points / shown, fewest_points, enough_points);
  const TimelineSummary summary =
      summarize(timeline, static_cast<std::size_t>(std::max(points, most_points_kept / stages)));
  if (summary.memory.empty()) return nullptr;
  std::vector<std::size_t> listed;
  for (std::size_t stage = 0; stage < summary.memory.size(); ++stage) {
    const bool end = stage == 0 || stage + 1 == summary.memory.size();
    if (all || end || stage == summary.worst_stage) listed.push_back(stage);
  }
  Json json{{"capacity_bytes",
             timeline.capacity_bytes > 0 ? Json(timeline.capacity_bytes) : Json(nullptr)},
            {"end_s", summary.last_pass_s},
            {"worst_stage", summary.worst_stage},
            {"stages_left_out", summary.memory.size() - listed.size()}};
  json["stages"] = Json::array();
  for (const std::size_t stage : listed) {
    json["stages"].push_back(stage_json(timeline, summary, stage, points));
  }
  return json;
}

}  // namespace lockstep
