#include <fmt/format.h>

#include <array>
#include <utility>

#include "validate/runs_tables.hpp"

namespace lockstep {
namespace {

std::string section(const std::string& title, const std::string& before, const std::string& table) {
  if (table.empty()) return {};
  return fmt::format("\n## {}\n\n{}{}{}", title, before, before.empty() ? "" : "\n\n", table);
}

std::string left_out_sentence(const RunsReport& report) {
  if (!report.left_out) return {};
  const char* what = *report.left_out == LeaveOut::model ? "model" : "source";
  return fmt::format("Each row is predicted with constants fitted without any run of its {}.\n",
                     what);
}

}  // namespace

std::string runs_markdown(const RunsReport& report) {
  std::string out = fmt::format(
      "# Measured runs against predictions\n\n"
      "Predictions against published measurements. Error is predicted / measured - 1; median, p90 "
      "and mean are of its\n"
      "size, bias is the mean with its sign. {} rows: {} simulated, {} skipped.\n",
      report.rows.size(), simulated_rows(report), report.rows.size() - simulated_rows(report));
  out += left_out_sentence(report);
  constexpr std::array<std::pair<const char*, const char*>, 2> metrics{
      {{"step_time", "step time"}, {"peak_memory", "peak memory"}}};
  for (const auto& [metric, title] : metrics) {
    for (const char* by : {"source", "gpu", "parallelism", "software"}) {
      const std::string table = error_table(report, metric, by);
      if (table.empty()) continue;
      out += std::string(by) == "source" ? fmt::format("\n## Error of the {}\n\n", title) : "\n";
      out += table;
    }
    for (const SourceMean& one : report.over_sources) {
      if (one.metric == metric) out += '\n' + over_sources_sentence(one) + '\n';
    }
  }
  out += section("Fits or not", "", out_of_memory_table(report));
  out +=
      section("Regret of the plan that is predicted to be fastest",
              "Groups of at least five runs that differ only in the plan.", regret_table(report));
  out += section("What the search would pick", search_regret_words(), search_regret_table(report));
  out += section("Each group's picks", "", searched_table(report));
  out += section("Order and envelope", "Quantiles of measured / predicted.", rank_table(report));
  out += section("Repeated runs", "", noise_table(report));
  out += section("Farthest off", "", worst_table(report));
  out += section("Skipped", "", skipped_table(report));
  return out;
}

}  // namespace lockstep
