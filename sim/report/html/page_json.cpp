#include <algorithm>
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
constexpr std::int64_t most_slices_of_page = 20'000;
constexpr std::int64_t most_points_of_page = 8'000;
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

Json plan_page(const Report& report, const PlanReport& plan, std::int64_t plans) {
  Json json{{"name", plan.plan.name},
            {"partition", plan.legal ? partition_of(plan) : Json(nullptr)},
            {"memory_lines", plan.legal ? memory_of(plan) : Json(nullptr)}};
  const std::optional<TimelineReport> timeline = timeline_of(report, plan);
  json["timeline"] =
      timeline ? page_timeline(*timeline, most_slices_of_page / plans) : Json(nullptr);
  json["memory"] = timeline ? page_memory(*timeline, most_points_of_page / plans) : Json(nullptr);
  json["cluster"] = page_cluster(plan);
  json["roofs"] = plan.legal ? page_roofs(plan) : Json(nullptr);
  return json;
}

Json origin_json(const PageOrigin& origin) {
  return {{"version", origin.version}, {"command", origin.command}};
}

}  // namespace

Json page_json(const Report& report, const PageOrigin& origin) {
  Json json = origin_json(origin);
  json["plans"] = Json::array();
  const auto plans = static_cast<std::int64_t>(std::max<std::size_t>(report.plans.size(), 1));
  for (const PlanReport& plan : report.plans) {
    json["plans"].push_back(plan_page(report, plan, plans));
  }
  return json;
}

Json page_json(const SearchReport& report, const PageOrigin& origin) {
  Json json = origin_json(origin);
  json["plans"] = Json::array();
  json["detailed"] = Json::array();
  const std::size_t shown = std::min(report.best, most_detailed_plans);
  for (std::size_t i = 0; i < shown; ++i) {
    const PlanReport& plan = report.report.plans[i];
    json["plans"].push_back(plan_page(report.report, plan, static_cast<std::int64_t>(shown)));
    json["detailed"].push_back(plan_json(report.report, plan));
  }
  return json;
}

}  // namespace lockstep
