// The partition of a step as a table.
#include <fmt/format.h>

#include <string_view>

#include "scenarios/utf8.hpp"
#include "sim/report/insight.hpp"
#include "sim/report/names.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/text.hpp"

namespace lockstep::text {

namespace {

std::string without(std::string text, std::string_view ending) {
  if (text.size() >= ending.size() && text.compare(text.size() - ending.size(), ending.size(), ending) == 0) {
    text.resize(text.size() - ending.size());
  }
  return text;
}

}  // namespace

std::string partition(const PlanReport& plan, const TextOptions& options) {
  const std::vector<PartitionLine>& lines = plan.step.partition;
  if (lines.empty()) return {};
  const DisplayUnit unit = time_unit(plan.step_time_s.value);
  std::vector<double> times;
  times.reserve(lines.size());
  for (const PartitionLine& line : lines) times.push_back(line.time.value() / unit.scale);
  const int decimals = decimals_of_parts(times, plan.step_time_s.value / unit.scale);
  const std::vector<double> rounded = round_to_sum(times, plan.step_time_s.value / unit.scale, decimals);
  const std::vector<std::string> percents = shares(times, plan.step_time_s.value / unit.scale);

  Table table({{"where the step goes", Align::left, 30, 0},
               {"time", Align::right, 0, 2},
               {"share", Align::right, 0, 2},
               {"bound by, % of peak", Align::left, 14, 2},
               {"certainty", Align::left, 0, 2}});
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string bound = printable(lines[i].bound_by);
    if (!lines[i].detail.empty()) bound += ", " + without(printable(lines[i].detail), " of peak");
    Cell certainty;
    if (const Sensitivity* s = certainty_of(plan, lines[i])) {
      certainty.text = fmt::format("{} ± {}", to_string(s->kind), percent(s->spread));
      if (s->kind == Provenance::assumed) certainty.tone = Tone::warning;
    }
    table.add({{branch(i, lines.size()) + printable(lines[i].name), Tone::plain},
               {part(rounded[i], times[i], decimals) + " " + unit.name, Tone::plain},
               {percents[i], Tone::plain},
               {bound, Tone::plain},
               certainty});
  }
  return "\n" + table.render(static_cast<std::size_t>(options.width), "  ", options.color);
}

}  // namespace lockstep::text
