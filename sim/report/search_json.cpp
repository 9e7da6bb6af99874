// What a search found, as JSON and as CSV.
#include <fmt/format.h>

#include <algorithm>

#include "scenarios/search_text.hpp"
#include "sim/report/plan_csv.hpp"
#include "sim/report/plan_json.hpp"
#include "sim/report/search_report.hpp"
#include "sim/report/short_partition.hpp"

namespace lockstep {

namespace {

using Json = nlohmann::ordered_json;

Json differences(const std::vector<PlanDifference>& all) {
  Json list = Json::array();
  for (const PlanDifference& one : all)
    list.push_back({{"key", one.key}, {"name", one.name}, {"words", one.words}});
  return list;
}

Json short_json(const PlanReport& plan) {
  const ShortPartition shares = short_partition(plan);
  return {{"compute", shares.compute},
          {"communication", shares.communication},
          {"bubble", shares.bubble},
          {"rest", shares.rest}};
}

// What `simulate` says of one plan, and of dozens nobody reads: nine tenths of the text.
constexpr const char* details[] = {"ops",           "timeline",         "stages",
                                   "sensitivities", "nearest_evidence", "flop_conventions"};

// A plan of any list: what the search knows of it, then what a report knows without its details.
Json found_json(const SearchReport& report, std::size_t index, Json head) {
  const Candidate& candidate = report.candidates[index];
  const PlanReport& plan = report.report.plans[index];
  Json json = std::move(head);
  json["number"] = candidate.number;
  json["nodes"] = candidate.nodes;
  json["objective"] = candidate.objective;
  json["short_partition"] = short_json(plan);
  Json known = plan_json(report.report, plan);
  for (const char* detail : details) known.erase(detail);
  json.update(known);
  return json;
}

std::size_t group_of(const SearchReport& report, std::size_t place) {
  std::size_t group = 0;
  while (report.groups[group].last < place) ++group;
  return group;
}

// Fronts that a plan lies on.
Json fronts_of(const SearchReport& report, std::size_t index) {
  Json names = Json::array();
  for (const SearchFront& front : report.fronts) {
    if (std::find(front.plans.begin(), front.plans.end(), index) != front.plans.end()) {
      names.push_back(to_string(front.kind));
    }
  }
  return names;
}

Json best_json(const SearchReport& report) {
  Json list = Json::array();
  for (std::size_t place = 0; place < report.best; ++place) {
    Json head = {{"place", place + 1},
                 {"group", group_of(report, place) + 1},
                 {"front", fronts_of(report, place)},
                 {"alike", report.alike[place]},
                 {"differs_from_first", differences(report.differences[place])}};
    list.push_back(found_json(report, place, std::move(head)));
  }
  return list;
}

// Plans of the fronts, each once.
Json pareto_json(const SearchReport& report) {
  Json list = Json::array();
  for (std::size_t index = 0; index < report.report.plans.size(); ++index) {
    Json fronts = fronts_of(report, index);
    if (!fronts.empty()) list.push_back(found_json(report, index, {{"front", std::move(fronts)}}));
  }
  return list;
}

Json named(const SearchReport& report, std::size_t index) {
  return {{"name", report.report.plans[index].plan.name},
          {"number", report.candidates[index].number},
          {"nodes", report.candidates[index].nodes}};
}

Json fronts_json(const SearchReport& report) {
  Json fronts = Json::object();
  for (const SearchFront& front : report.fronts) {
    Json list = Json::array();
    for (const std::size_t index : front.plans) list.push_back(named(report, index));
    fronts[to_string(front.kind)] = std::move(list);
  }
  return fronts;
}

Json groups_json(const SearchReport& report) {
  Json groups = Json::array();
  for (const TieGroup& group : report.groups) {
    groups.push_back({{"first", group.first + 1},
                      {"last", group.last + 1},
                      {"first_better_probability", group.probabilities},
                      {"differ_in", group.differ_in}});
  }
  return groups;
}

Json relaxations_json(const SearchReport& report) {
  Json list = Json::array();
  for (const FoundRelaxation& relaxation : report.relaxations) {
    list.push_back({{"constraint", relaxation.limit.text},
                    {"measure", to_string(relaxation.limit.measure)},
                    {"at_most", relaxation.limit.at_most},
                    {"bound", relaxation.limit.bound},
                    {"needed", relaxation.needed},
                    {"gain", report.found() ? Json(relaxation.gain) : Json(nullptr)},
                    {"plan", found_json(report, relaxation.plan, Json::object())}});
  }
  return list;
}

Json limits_json(const std::vector<DimensionLimit>& limits) {
  Json all = Json::object();
  for (const DimensionLimit& limit : limits) {
    Json values = Json::array();
    for (const ValueRange& range : limit.ranges) {
      values.push_back({{"low", range.low}, {"high", range.high}});
    }
    for (const std::string& name : limit.names) values.push_back(name);
    all[limit.dimension] = std::move(values);
  }
  return all;
}

Json request_json(const SearchRequest& request) {
  Json constraints = Json::array();
  for (const Constraint& constraint : request.constraints) {
    constraints.push_back({{"text", constraint.text},
                           {"measure", to_string(constraint.measure)},
                           {"at_most", constraint.at_most},
                           {"bound", constraint.bound}});
  }
  return {
      {"objective", to_string(request.objective)},
      {"deadline_days", request.deadline_days > 0 ? Json(request.deadline_days) : Json(nullptr)},
      {"memory_headroom_bytes", request.memory_headroom_bytes},
      {"top", request.top},
      {"constraints", std::move(constraints)},
      {"limits", limits_json(request.limits)},
      {"forbidden", request.forbidden}};
}

Json counts_json(const SearchCounts& counts) {
  return {{"enumerated", counts.enumerated},
          {"illegal", counts.enumerated - counts.legal},
          {"illegal_by_reason", counts.illegal},
          {"legal", counts.legal},
          {"too_slow", counts.too_slow},
          {"infeasible", counts.legal - counts.too_slow - counts.feasible},
          {"infeasible_by_reason", counts.infeasible},
          {"feasible", counts.feasible}};
}

std::string csv_row(const SearchReport& report, const char* list, std::size_t place,
                    std::size_t index) {
  const PlanReport& plan = report.report.plans[index];
  const ShortPartition shares = short_partition(plan);
  return fmt::format("{},{},{},{},{},{},{},{},{},{},{}\n", list, place + 1,
                     csv_quoted(plan.plan.name), report.candidates[index].number,
                     report.candidates[index].nodes, plan.feasible, shares.compute,
                     shares.communication, shares.bubble, shares.rest,
                     plan_csv(report.report.scenario, plan));
}

}  // namespace

Json search_document(const SearchReport& report) {
  Json json = {{"schema_version", schema_version},
               {"command", "search"},
               {"scenario", scenario_json(report.report)},
               {"interval", 0.9},
               {"complete", report.complete()},
               {"looked_at", report.looked_at}};
  json.update(request_json(report.request));
  json["counts"] = counts_json(report.counts);
  json["best"] = best_json(report);
  json["groups"] = groups_json(report);
  json["fronts"] = fronts_json(report);
  json["pareto"] = pareto_json(report);
  json["relaxations"] = relaxations_json(report);
  json["nearest"] =
      report.nearest ? found_json(report, *report.nearest, Json::object()) : Json(nullptr);
  json["not_modelled"] = report.report.not_modelled;
  return json;
}

std::string search_json(const SearchReport& report) {
  return json_text(search_document(report));
}

std::string search_csv(const SearchReport& report) {
  std::string text = "list,place,plan,number,nodes,feasible,compute,communication,bubble,rest," +
                     plan_csv_heading() + '\n';
  for (std::size_t place = 0; place < report.best; ++place) {
    text += csv_row(report, "best", place, place);
  }
  for (const SearchFront& front : report.fronts) {
    for (std::size_t i = 0; i < front.plans.size(); ++i) {
      text += csv_row(report, to_string(front.kind), i, front.plans[i]);
    }
  }
  for (std::size_t i = 0; i < report.relaxations.size(); ++i) {
    text += csv_row(report, "relaxed", i, report.relaxations[i].plan);
  }
  return text;
}

}  // namespace lockstep
