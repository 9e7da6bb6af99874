#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "validate/markdown.hpp"
#include "validate/runs_tables.hpp"

namespace lockstep {
namespace {

constexpr std::size_t width = 100;
constexpr std::array<std::pair<const char*, const char*>, 2> metrics{
    {{"step_time", "step time"}, {"peak_memory", "peak memory"}}};

std::vector<Cell> summary_cells(const ErrorSummary& one) {
  return {{one.group.empty() ? "(not named)" : printable(one.group)},
          {fmt::format("{}", one.n)},
          {percent_of(one.median_abs_error)},
          {percent_of(one.p90_abs_error)},
          {percent_of(one.mean_abs_error)},
          {signed_percent(one.bias)},
          {whole_percent(one.coverage_90)},
          {whole_percent(one.median_half_width)}};
}

std::string group_table(const RunsReport& report, const std::string& metric,
                        const std::string& group_by) {
  Table table({{group_by, Align::left, 16, 0},
               {"rows", Align::right},
               {"median", Align::right},
               {"p90", Align::right},
               {"mean", Align::right},
               {"bias", Align::right},
               {"in 90 % interval", Align::right},
               {"half-width", Align::right}});
  for (const std::string& wanted : {group_by, std::string("overall")}) {
    for (const ErrorSummary& one : report.summary) {
      if (one.metric == metric && one.group_by == wanted) table.add(summary_cells(one));
    }
  }
  return table.render(width, "  ", false);
}

std::string skipped_text(const RunsReport& report) {
  std::string out;
  for (const auto& [reason, count] : skip_reasons(report)) {
    out += wrap(fmt::format("{} {}", count, printable(reason)), width, "  ", "      ") + '\n';
  }
  return out.empty() ? out : "\nSkipped\n" + out;
}

std::string worst_text(const RunsReport& report) {
  if (report.worst.empty()) return {};
  std::string out = "\nFarthest off in step time, at most three rows of a source\n";
  for (const WorstRow& one : report.worst) {
    const RunResult& row = report.rows[one.row];
    const std::string why =
        one.suspected.empty() ? "" : fmt::format("; {}", fmt::join(one.suspected, "; "));
    out += wrap(fmt::format("{} {}, {} {}: {} predicted, {} measured{}",
                            signed_percent(row.step_time.error()), printable(row.row_id),
                            printable(row.model), printable(row.gpu),
                            fmt::format("{:.3g} s", row.step_time.predicted.value),
                            fmt::format("{:.3g} s", row.step_time.measured), printable(why)),
                width, "  ", "      ") +
           '\n';
  }
  return out;
}

bool has_metric(const RunsReport& report, const std::string& metric) {
  return std::any_of(report.summary.begin(), report.summary.end(),
                     [&](const ErrorSummary& one) { return one.metric == metric; });
}

std::string out_of_memory_text(const RunsReport& report) {
  std::string out;
  for (const OutOfMemorySummary& one : report.out_of_memory) {
    out += fmt::format(
        "  {}: {} of {} that did not fit are predicted not to fit, {} of {} that ran to fit: {} "
        "right\n",
        printable(one.source), one.predicted, one.n, one.fitted_predicted, one.fitted,
        percent_of(one.accuracy()));
  }
  return out.empty() ? out : "\nFits or not\n" + out;
}

std::string regret_text(const RunsReport& report) {
  if (report.regret.empty()) return {};
  Table table({{"source", Align::left, 16, 0},
               {"groups", Align::right},
               {"plans", Align::right},
               {"median", Align::right},
               {"mean", Align::right},
               {"best picked", Align::right},
               {"Spearman", Align::right},
               {"of those that fit", Align::right}});
  for (const RegretSummary& one : report.regret) {
    table.add({{printable(one.source)},
               {fmt::format("{}", one.groups)},
               {fmt::format("{}", one.plans)},
               {percent_of(one.median_regret)},
               {percent_of(one.mean_regret)},
               {fmt::format("{}", one.best_picked)},
               {fmt::format("{:.2f}", one.mean_spearman)},
               {percent_of(one.mean_fitting_regret)}});
  }
  return "\nRegret of the plan that is predicted to be fastest, in groups of at least five "
         "plans\n" +
         table.render(width, "  ", false);
}

std::string search_text(const RunsReport& report) {
  if (report.search_regret.empty()) return {};
  Table table({{"source", Align::left, 16, 0},
               {"may pick from", Align::left},
               {"groups", Align::right},
               {"pick run", Align::right},
               {"regret", Align::right},
               {"mean", Align::right},
               {"within 5 %", Align::right},
               {"else gain", Align::right}});
  for (const SearchRegret& one : report.search_regret) {
    const bool measured = one.measured > 0;
    table.add({{printable(one.source)},
               {words_for(one.space)},
               {fmt::format("{}", one.groups)},
               {fmt::format("{}", one.measured)},
               {measured ? percent_of(one.median_regret) : "-"},
               {measured ? percent_of(one.mean_regret) : "-"},
               {measured ? fmt::format("{}", one.nearly) : "-"},
               {one.found > one.measured ? signed_percent(one.median_predicted_gain) : "-"}});
  }
  return "\nWhat the search would pick\n" + wrap(search_regret_words(), width, "  ", "  ") + '\n' +
         table.render(width, "  ", false);
}

std::string noise_text(const RunsReport& report) {
  std::string out;
  for (const NoiseFloor& one : report.noise) {
    out += fmt::format("  {}: {} configurations, median difference {}\n", printable(one.source),
                       one.configurations, percent_of(one.median_difference));
  }
  return out.empty() ? out : "\nConfigurations that were measured more than once\n" + out;
}

std::string rank_text(const RunsReport& report) {
  if (report.ranks.empty()) return {};
  Table table({{"source", Align::left, 16, 0},
               {"rows", Align::right},
               {"Spearman", Align::right},
               {"10 %", Align::right},
               {"25 %", Align::right},
               {"50 %", Align::right},
               {"75 %", Align::right},
               {"90 %", Align::right}});
  for (const RankSummary& one : report.ranks) {
    std::vector<Cell> cells{
        {printable(one.source)}, {fmt::format("{}", one.n)}, {fmt::format("{:.2f}", one.spearman)}};
    for (const double ratio : one.quantiles) cells.push_back({fmt::format("{:.2f}", ratio)});
    table.add(cells);
  }
  return "\nOrder of the step times, and quantiles of measured / predicted\n" +
         table.render(width, "  ", false);
}

std::string heading(const RunsReport& report) {
  std::string out =
      fmt::format("{} rows: {} simulated, {} skipped.\n", report.rows.size(),
                  simulated_rows(report), report.rows.size() - simulated_rows(report));
  if (report.left_out) {
    out += fmt::format("Each row is predicted with constants fitted without any run of its {}.\n",
                       *report.left_out == LeaveOut::model ? "model" : "source");
  }
  return out;
}

}  // namespace

std::string runs_text(const RunsReport& report, const std::string& by) {
  std::string out = heading(report);
  for (const auto& [metric, title] : metrics) {
    if (!has_metric(report, metric)) continue;
    out += fmt::format("\nError of the {} (predicted / measured - 1)\n", title);
    for (const char* group_by : {"source", "model", "gpu", "parallelism", "software"}) {
      if (by.empty() || by == group_by) out += group_table(report, metric, group_by) + '\n';
    }
    for (const SourceMean& one : report.over_sources) {
      if (one.metric == metric) out += wrap(over_sources_sentence(one), width, "  ", "  ") + '\n';
    }
  }
  return out + out_of_memory_text(report) + regret_text(report) + search_text(report) +
         rank_text(report) + noise_text(report) + worst_text(report) + skipped_text(report);
}

}  // namespace lockstep
