#include <nlohmann/json.hpp>

#include "sim/explain/changed_settings.hpp"
#include "sim/report/explain_report.hpp"
#include "sim/report/explain_words.hpp"
#include "sim/report/names.hpp"
#include "sim/report/plan_json.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep {

namespace {

using Json = nlohmann::ordered_json;

// Of what the value is in base units; "" for plain numbers.
const char* name_of(Dimension dimension) {
  switch (dimension) {
    case Dimension::none: return "";
    case Dimension::bytes: return "bytes";
    case Dimension::seconds: return "seconds";
    case Dimension::bytes_per_second: return "bytes_per_second";
    case Dimension::flops: return "flops";
    case Dimension::flops_per_second: return "flops_per_second";
    case Dimension::watts: return "watts";
  }
  return "";
}

template <class Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

template <class List, class Render>
Json each(const List& list, Render render) {
  Json json = Json::array();
  for (const auto& one : list) json.push_back(render(one));
  return json;
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json predicted_json(const Predicted& p) { return {{"value", p.value}, {"low", p.low}, {"high", p.high}}; }

// The fields of an answer, null where it is not legal.
void put(Json& json, const Answer& answer) {
  const auto number = [&](double value) { return answer.legal ? Json(value) : Json(nullptr); };
  json["legal"] = answer.legal;
  json["feasible"] = answer.feasible;
  json["infeasible_reason"] = text_or_null(answer.problem);
  json["step_time_s"] = number(answer.step_time_s);
  json["tokens_per_s_per_gpu"] = number(answer.tokens_per_s_per_gpu);
  json["peak_memory_bytes"] = number(answer.peak_memory_bytes);
  json["fit_probability"] = number(answer.fit_probability);
  json["bound"] = answer.legal ? Json(answer.bound) : Json(nullptr);
}

Json side(const std::optional<ScalarSide>& side) {
  if (!side) return nullptr;
  Json json = {{"value", side->value}};
  put(json, side->answer);
  json["effect"] = side->answer.legal ? Json(side->effect) : Json(nullptr);
  return json;
}

Json elasticity(const std::optional<ScalarSide>& side) {
  return side && side->answer.legal ? Json(side->elasticity) : Json(nullptr);
}

Json scalar(const ScalarEffect& one) {
  Json json = {{"path", one.path},
               {"setting", one.setting},
               {"of", to_string(one.owner)},
               {"value", one.value},
               {"dimension", name_of(one.dimension)},
               {"text", scalar_text(one, one.value)},
               {"whole", one.whole},
               {"step", one.whole ? Json(nullptr) : Json(scalar_step)},
               {"down", side(one.down)},
               {"up", side(one.up)},
               {"elasticity_down", elasticity(one.down)},
               {"elasticity_up", elasticity(one.up)},
               {"symmetric", one.symmetric()},
               {"kink", nullptr}};
  if (one.kink) {
    json["kink"] = {{"value", one.kink->value},
                    {"factor", one.kink->factor},
                    {"what", one.kink->what},
                    {"text", kink_words(one)}};
  }
  return json;
}

Json counterfactual(const Counterfactual& one) {
  Json json = {{"name", one.name},
               {"setting", settings_text(one.settings)},
               {"settings", each(one.settings,
                                 [](const Setting& setting) { return setting.path + "=" + setting.value; })},
               {"of_hardware", one.of_hardware}};
  put(json, one.answer);
  json["gain"] = one.answer.legal ? Json(one.gain) : Json(nullptr);
  return json;
}

Json break_even(const BreakEven& one) {
  Json json = {{"plan", one.plan},
               {"against", one.against},
               {"path", one.path},
               {"setting", one.setting},
               {"text", one.text},
               {"dimension", name_of(one.dimension)},
               {"value_now", one.now},
               {"value", or_null(one.value)},
               {"factor", one.value ? Json(*one.value / one.now) : Json(nullptr)},
               {"range", {one.low, one.high}},
               {"crossings", one.crossings},
               {"other_values", one.other_values},
               {"wins_below", text_or_null(one.wins_below)},
               {"wins_above", text_or_null(one.wins_above)},
               {"effective", nullptr},
               {"statement", statement_of(one)}};
  if (one.effective) {
    json["effective"] = {{"what", one.effective->what},
                         {"bytes_per_s_now", one.effective->now},
                         {"bytes_per_s", one.effective->at_break_even}};
  }
  json["curve"] = Json::array();
  for (const BreakEvenPoint& point : one.curve) {
    json["curve"].push_back({{"value", point.value},
                             {"step_time_s", point.step_time_s},
                             {"against_step_time_s", point.against_step_time_s}});
  }
  return json;
}

Json hiding(const Hiding& one) {
  return {{"what", one.what},
          {"rule", to_string(one.rule)},
          {"threshold", to_string(one.threshold)},
          {"always_exposed_share", one.always_exposed},
          {"tokens_now", one.tokens_now},
          {"tokens_threshold", or_null(one.tokens)},
          {"tokens_threshold_with_ends", or_null(one.tokens_with_ends)},
          {"hidden", one.hidden()},
          {"exposed_seconds", one.exposed_s},
          {"seconds", one.in_all_s},
          {"bandwidth_bytes_per_s", one.bandwidth},
          {"statement", statement_of(one)}};
}

Json ledger_entry(const LedgerEntry& one) {
  return {{"path", one.name()},
          {"doc", one.doc},
          {"kind", to_string(one.kind)},
          {"value", or_null(one.value)},
          {"spread", one.spread},
          {"effect", one.effect},
          {"share", one.share},
          {"interval", {{"low", one.step_time_s.low}, {"high", one.step_time_s.high}}},
          {"source", one.source},
          {"measure", text_or_null(one.measure)}};
}

Json lint(const Lint& one, double step) {
  Json json = {{"name", one.name},
               {"message", one.message},
               {"cost_s", or_null(one.seconds)},
               {"cost_share", one.seconds ? Json(*one.seconds / step) : Json(nullptr)},
               {"instead", one.remedy ? Json(remedy_words(*one.remedy)) : Json(nullptr)},
               {"remedy", nullptr}};
  if (one.remedy) {
    Json remedy = {{"name", one.remedy->words}};
    put(remedy, one.remedy->answer);
    remedy["gain"] = one.remedy->gain;
    json["remedy"] = std::move(remedy);
  }
  return json;
}

Json moment(const MemoryMoment& one) {
  return {{"stage", one.stage}, {"instant", one.instant}, {"bytes", one.bytes}};
}

// Differences, and what they are of: `unit` is "seconds" or "bytes".
Json terms(const std::vector<DifferenceTerm>& list, const std::string& unit, double whole) {
  Json json = Json::array();
  for (const DifferenceTerm& term : list) {
    json.push_back({{"name", term.name},
                    {unit, term.difference()},
                    {"share", term.difference() / whole},
                    {"plan_" + unit, term.value},
                    {"against_" + unit, term.against_value}});
  }
  return json;
}

Json against_json(const Against& a) {
  Json json = {{"plan", a.against},
               {"step_time_s", a.step_time_s},
               {"against_step_time_s", a.against_step_time_s},
               {"difference_seconds", a.step_time_s - a.against_step_time_s},
               {"probability_faster", a.probability},
               {"words", against_words(a)},
               {"terms", terms(a.terms, "seconds", a.step_time_s)},
               {"memory", terms(a.memory, "bytes", a.peak_memory_bytes)}};
  json["changes"] = Json::array();
  for (const SingleChange& change : a.changes) {
    Json one = {{"key", change.difference.key}, {"words", change.difference.words}};
    put(one, change.answer);
    one["seconds"] = change.answer.legal ? Json(change.seconds) : Json(nullptr);
    json["changes"].push_back(std::move(one));
  }
  return json;
}

Json measured_json(const MeasuredGap& gap) {
  Json json = {{"quantity", to_string(gap.measured.quantity)},
               {"value", gap.measured.value},
               {"predicted", predicted_json(gap.predicted)},
               {"error", gap.error},
               {"probability", gap.probability},
               {"inside_interval", gap.inside},
               {"note", text_or_null(gap.note)},
               {"words", measured_words(gap)}};
  json["hypotheses"] = Json::array();
  for (const Hypothesis& one : gap.hypotheses) {
    json["hypotheses"].push_back({{"name", one.name},
                                  {"statement", one.words},
                                  {"value_now", or_null(one.now)},
                                  {"value_needed", or_null(one.needed)},
                                  {"sigmas", one.deviations},
                                  {"explained", one.explained},
                                  {"plausibility", one.plausibility},
                                  {"measure", text_or_null(one.measure)}});
  }
  json["next"] = gap.next;
  return json;
}

Json explanation_json(const Report& report, const Explanation& why) {
  const PlanReport& plan = report.plans.at(why.plan);
  Json json = {{"plan", plan.plan.name}};
  json["sensitivities"] = each(why.sensitivities.scalars, scalar);
  json["without_effect"] = why.sensitivities.without_effect;
  json["counterfactuals"] = each(why.counterfactuals, counterfactual);
  json["break_evens"] = each(why.break_evens, break_even);
  json["hiding"] = each(why.hidings, hiding);
  json["ledger"] = each(why.ledger, ledger_entry);
  json["measuring"] = each(measuring_groups(why.ledger), [](const MeasuringGroup& group) {
    return Json{{"command", group.command}, {"share", group.share}};
  });
  json["lints"] = each(why.lints, [&](const Lint& one) { return lint(one, plan.step_time_s.value); });
  json["memory"] = {{"peak", moment(why.peak)},
                    {"second", why.second ? moment(*why.second) : Json(nullptr)}};
  json["not_compared"] = why.not_compared;
  json["against"] = why.against ? against_json(*why.against) : Json(nullptr);
  json["measured"] = why.measured ? measured_json(*why.measured) : Json(nullptr);
  return json;
}

}  // namespace

Json explain_document(const Report& report, const Explanation& why) {
  Json json = report_document(report, "explain");
  json["explained"] = report.plans.at(why.plan).plan.name;
  json["explanation"] = explanation_json(report, why);
  return json;
}

}  // namespace lockstep
