#include <nlohmann/json.hpp>

#include "sim/report/names.hpp"
#include "sim/report/plan_choices.hpp"
#include "sim/report/sweep_report.hpp"

namespace lockstep {

namespace {

using Json = nlohmann::ordered_json;

// Raised where a key changes its meaning or goes; a new key leaves it.
constexpr int schema_version = 1;

Json predicted(const Predicted& p) {
  return {{"value", p.value}, {"low", p.low}, {"high", p.high}};
}

template <class Value>
Json or_null(bool known, const Value& value) {
  return known ? Json(value) : Json(nullptr);
}

const char* unit_of(const std::optional<SettingField>& field) {
  if (!field || !field->number) return nullptr;
  switch (field->dimension) {
    case Dimension::none:
      return "1";
    case Dimension::bytes:
      return "bytes";
    case Dimension::seconds:
      return "s";
    case Dimension::bytes_per_second:
      return "bytes_per_s";
    case Dimension::flops:
      return "flops";
    case Dimension::flops_per_second:
      return "flops_per_s";
    case Dimension::watts:
      return "W";
  }
  return nullptr;
}

Json axes(const SweepReport& report) {
  Json list = Json::array();
  for (std::size_t i = 0; i < report.request.axes.size(); ++i) {
    const SweepAxis& axis = report.request.axes[i];
    const char* unit = unit_of(report.fields[i]);
    list.push_back({{"path", axis.path},
                    {"unit", unit == nullptr ? Json(nullptr) : Json(unit)},
                    {"values", axis.values}});
  }
  return list;
}

// The values of a point, of each axis or of one.
Json over(const SweepReport& report, const SweepPoint& point, std::size_t axis) {
  return {{"path", report.request.axes[axis].path},
          {"value", point.numbers[axis] ? Json(*point.numbers[axis]) : Json(nullptr)},
          {"text", point.values[axis]}};
}

Json over(const SweepReport& report, const SweepPoint& point) {
  Json list = Json::array();
  for (std::size_t i = 0; i < point.values.size(); ++i) list.push_back(over(report, point, i));
  return list;
}

Json run_of(const SweepPlan& plan, bool priced) {
  if (!plan.legal || plan.run.steps <= 0) return nullptr;
  const auto all = [&](double RunCost::*part) {
    return predicted({plan.run.*part, plan.run_low.*part, plan.run_high.*part});
  };
  return {{"steps", plan.run.steps},
          {"days", all(&RunCost::days)},
          {"gpu_hours", all(&RunCost::gpu_hours)},
          {"cost", priced ? all(&RunCost::cost) : Json(nullptr)}};
}

Json plan_of(const SweepPlan& plan, bool priced) {
  const auto of_legal = [&](const Predicted& p) {
    return plan.legal ? predicted(p) : Json(nullptr);
  };
  return {{"name", plan.name},
          {"shape", plan.shape},
          {"legal", plan.legal},
          {"feasible", plan.feasible},
          {"infeasible_reason", or_null(!plan.feasible, plan.infeasible_reason)},
          {"bound", plan.bound},
          {"summary", plan.summary},
          {"plan", plan_choices(plan.plan)},
          {"data_follows", plan.data_follows},
          {"nodes", plan.nodes},
          {"gpus", plan.gpus},
          {"step_time_s", of_legal(plan.step_time_s)},
          {"tokens_per_s_per_gpu", of_legal(plan.tokens_per_s_per_gpu)},
          {"mfu", of_legal(plan.mfu)},
          {"hfu", of_legal(plan.hfu)},
          {"peak_memory_bytes", of_legal(plan.peak_memory_bytes)},
          {"peak_allocated_bytes", of_legal(plan.peak_allocated_bytes)},
          {"usable_memory_bytes", or_null(plan.legal, plan.usable_memory_bytes)},
          {"fit_probability", or_null(plan.legal, plan.fit_probability)},
          {"efficiency", or_null(plan.efficiency > 0, plan.efficiency)},
          {"run", run_of(plan, priced)},
          {"cost_per_million_tokens",
           plan.legal && priced
               ? predicted({plan.run.cost_per_million_tokens, plan.run_low.cost_per_million_tokens,
                            plan.run_high.cost_per_million_tokens})
               : Json(nullptr)}};
}

Json point_of(const SweepReport& report, const SweepPoint& point) {
  const bool known = point.problem.empty() || point.gpus > 0;
  Json json = {{"over", over(report, point)},
               {"problem", or_null(!point.problem.empty(), point.problem)},
               {"nodes", or_null(known, point.nodes)},
               {"gpus", or_null(known, point.gpus)},
               {"sequence_length", or_null(point.sequence_length > 0, point.sequence_length)},
               {"global_batch", or_null(point.global_batch > 0, point.global_batch)}};
  json["plans"] = Json::array();
  for (const SweepPlan& plan : point.plans) {
    json["plans"].push_back(plan_of(plan, report.base.price.stated()));
  }
  json["ranking"] = Json::array();
  for (const std::size_t plan : point.ranking) json["ranking"].push_back(point.plans[plan].name);
  const SweepPlan* best = point.best();
  json["best"] = best == nullptr ? Json(nullptr) : Json(best->name);
  json["ties_with_best"] = Json::array();
  for (const std::size_t plan : point.ties)
    json["ties_with_best"].push_back(point.plans[plan].name);
  json["efficiency"] = or_null(point.efficiency > 0, point.efficiency);
  json["speedup"] = or_null(point.speedup > 0, point.speedup);
  return json;
}

Json winners(const SweepReport& report) {
  Json lines = Json::array();
  for (const SweepLine& line : report.lines) {
    Json ranges = Json::array();
    for (const WinnerRange& range : line.winners) {
      const SweepPoint& first = report.points[line.points[range.first]];
      const SweepPoint& last = report.points[line.points[range.last]];
      ranges.push_back({{"winner", or_null(!range.winner.empty(), range.winner)},
                        {"from", over(report, first, report.along)},
                        {"to", over(report, last, report.along)}});
    }
    const SweepPoint& any = report.points[line.points.front()];
    lines.push_back(
        {{"with", report.lines.size() > 1 ? over(report, any, 1 - report.along) : Json(nullptr)},
         {"ranges", std::move(ranges)}});
  }
  return lines;
}

const char* name_of(Scaling scaling) {
  switch (scaling) {
    case Scaling::none:
      break;
    case Scaling::strong:
      return "strong";
    case Scaling::weak:
      return "weak";
  }
  return "none";
}

}  // namespace

std::string sweep_json(const SweepReport& report) {
  const Scenario& base = report.base;
  Json json = {{"schema_version", schema_version},
               {"command", "sweep"},
               {"scenario",
                {{"name", base.name},
                 {"description", base.description},
                 {"model", base.model.name},
                 {"precision", to_string(base.training.precision)},
                 {"currency", or_null(base.price.stated(), base.price.currency)}}},
               {"interval", 0.9},
               {"axes", axes(report)},
               {"searched", report.request.search},
               {"scaling", name_of(report.scaling)}};
  json["points"] = Json::array();
  for (const SweepPoint& point : report.points) json["points"].push_back(point_of(report, point));
  json["winners"] = winners(report);
  json["not_modelled"] = report.not_modelled;
  // Names come from files: what is not UTF-8 becomes U+FFFD. A number that is not finite becomes
  // null.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace lockstep
