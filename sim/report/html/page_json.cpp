#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "sim/report/html/page.hpp"
#include "sim/report/html/page_cluster.hpp"
#include "sim/report/html/page_timeline.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/plan_json.hpp"
#include "sim/report/search_report.hpp"
#include "sim/report/timeline_report.hpp"

namespace lockstep {

namespace {

using Json = nlohmann::ordered_json;

// Of all plans of a page together: some 40 bytes a slice and 60 a point of a memory curve.
constexpr std::int64_t most_slices_of_page = 14'000;
constexpr std::int64_t most_points_of_page = 8'000;
constexpr std::int64_t most_points_of_stage = 512;
// Of a search: more plans would be more than anybody looks through.
constexpr std::size_t most_detailed_plans = 3;

// Parts of a total as a text shows them: they sum, rounded as they are.
Json parts_of(const std::vector<double>& exact, double total, DisplayUnit unit) {
  std::vector<double> scaled;
  for (const double one : exact) scaled.push_back(one / unit.scale);
  const int decimals = decimals_of_parts(scaled, total / unit.scale);
  const std::vector<double> rounded = round_to_sum(scaled, total / unit.scale, decimals);
  const auto part = [&](double shown, double value) {
    return Json{{"rounded", shown}, {"exact", value}, {"decimals", decimals}, {"unit", unit.name}};
  };
  Json lines = Json::array();
  double sum = 0;
  double rounded_sum = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    lines.push_back(part(rounded[i], exact[i]));
    sum += exact[i];
    rounded_sum += rounded[i];
  }
  return {{"lines", std::move(lines)}, {"sum", part(rounded_sum, sum)}};
}

Json partition_of(const PlanReport& plan) {
  std::vector<double> seconds;
  for (const PartitionLine& line : plan.step.partition) seconds.push_back(line.time.value());
  if (seconds.empty()) return nullptr;
  return parts_of(seconds, plan.step_time_s.value, time_unit(plan.step_time_s.value));
}

Json memory_of(const PlanReport& plan) {
  if (plan.memory.stages.empty()) return nullptr;
  std::vector<double> bytes;
  for (const MemoryLine& line : plan.memory.worst().lines) bytes.push_back(line.bytes.value());
  const double total = plan.peak_memory_bytes.value;
  return parts_of(bytes, total, memory_unit(total));
}

// What each plan may have of a budget, where some need less than their even part of it.
std::vector<std::int64_t> shares_of(std::int64_t budget, const std::vector<std::int64_t>& needs) {
  std::vector<std::size_t> order(needs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return needs[a] < needs[b]; });
  std::vector<std::int64_t> shares(needs.size(), 0);
  auto waiting = static_cast<std::int64_t>(needs.size());
  for (const std::size_t i : order) {
    shares[i] = std::min(needs[i], budget / waiting);
    budget -= shares[i];
    --waiting;
  }
  return shares;
}

// Slices beside passes and transfers: host, optimizer, gathers and reductions.
std::int64_t slices_needed(const TimelineReport& timeline) {
  constexpr std::int64_t other_slices_of_a_stage = 64;
  return most_slices(timeline) + other_slices_of_a_stage * timeline.stages;
}

Json plan_page(const PlanReport& plan, const std::optional<TimelineReport>& timeline,
               std::int64_t slices, std::int64_t points) {
  Json json{{"name", plan.plan.name},
            {"partition", plan.legal ? partition_of(plan) : Json(nullptr)},
            {"memory_lines", plan.legal ? memory_of(plan) : Json(nullptr)}};
  json["timeline"] = timeline ? page_timeline(*timeline, slices) : Json(nullptr);
  json["memory"] = timeline ? page_memory(*timeline, points) : Json(nullptr);
  json["cluster"] = page_cluster(plan);
  json["roofs"] = plan.legal ? page_roofs(plan) : Json(nullptr);
  return json;
}

// Of the first so many plans.
Json plan_pages(const Report& report, std::size_t count) {
  std::vector<std::optional<TimelineReport>> timelines;
  std::vector<std::int64_t> slices, points;
  for (std::size_t i = 0; i < count; ++i) {
    timelines.push_back(timeline_of(report, report.plans[i]));
    const std::optional<TimelineReport>& timeline = timelines.back();
    slices.push_back(timeline ? slices_needed(*timeline) : 0);
    points.push_back(timeline ? most_points_of_stage * timeline->stages : 0);
  }
  slices = shares_of(most_slices_of_page, slices);
  points = shares_of(most_points_of_page, points);
  Json pages = Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    pages.push_back(plan_page(report.plans[i], timelines[i], slices[i], points[i]));
  }
  return pages;
}

Json origin_json(const PageOrigin& origin) {
  return {{"version", origin.version}, {"command", origin.command}};
}

}  // namespace

Json page_json(const Report& report, const PageOrigin& origin) {
  Json json = origin_json(origin);
  json["plans"] = plan_pages(report, report.plans.size());
  return json;
}

Json page_json(const SearchReport& report, const PageOrigin& origin) {
  Json json = origin_json(origin);
  const std::size_t shown = std::min(report.best, most_detailed_plans);
  json["plans"] = plan_pages(report.report, shown);
  json["detailed"] = Json::array();
  for (std::size_t i = 0; i < shown; ++i) {
    json["detailed"].push_back(plan_json(report.report, report.report.plans[i]));
  }
  return json;
}

}  // namespace lockstep
