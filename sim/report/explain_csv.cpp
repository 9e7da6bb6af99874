#include <fmt/format.h>

#include "sim/explain/changed_settings.hpp"
#include "sim/report/explain_report.hpp"
#include "sim/report/plan_csv.hpp"

namespace lockstep {

namespace {

std::string number(double value) { return fmt::format("{}", value); }

std::string side(const std::optional<ScalarSide>& side) {
  if (!side || !side->answer.legal) return ",,";
  return fmt::format("{},{},{}", number(side->value), number(side->effect),
                     number(side->answer.peak_memory_bytes));
}

}  // namespace

// One table: what a kind of row has no use for stays empty.
std::string explain_csv(const Report& report, const Explanation& why) {
  const std::string plan = csv_quoted(report.plans.at(why.plan).plan.name);
  std::string text =
      "plan,kind,name,value,lower_value,lower_effect,lower_peak_memory_bytes,higher_value,"
      "higher_effect,higher_peak_memory_bytes,kink_value,gain,step_time_s,peak_memory_bytes,"
      "feasible,share_of_variance,spread,source,setting\n";
  for (const ScalarEffect& one : why.sensitivities.scalars) {
    text += fmt::format("{},scalar,{},{},{},{},{},,,,,,,,{}\n", plan, csv_quoted(one.path),
                        number(one.value), side(one.down), side(one.up),
                        one.kink ? number(one.kink->value) : "", csv_quoted(one.setting));
  }
  for (const Counterfactual& one : why.counterfactuals) {
    const bool legal = one.answer.legal;
    text += fmt::format("{},change,{},,,,,,,,,{},{},{},{},,,,{}\n", plan, csv_quoted(one.name),
                        legal ? number(one.gain) : "", legal ? number(one.answer.step_time_s) : "",
                        legal ? number(one.answer.peak_memory_bytes) : "", one.answer.feasible,
                        csv_quoted(settings_text(one.settings)));
  }
  for (const LedgerEntry& one : why.ledger) {
    text += fmt::format("{},ledger,{},{},,,,,,,,,,,,{},{},{},\n", plan,
                        csv_quoted(one.name()),
                        one.value ? number(*one.value) : "", number(one.share), number(one.spread),
                        csv_quoted(one.source));
  }
  return text;
}

}  // namespace lockstep
