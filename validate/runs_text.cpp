#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "validate/runs.hpp"

namespace lockstep {
namespace {

constexpr std::size_t width = 100;
constexpr std::size_t worst_rows = 10;
constexpr std::size_t worst_of_source = 3;   // so that one noisy source does not fill the list
constexpr std::array<std::pair<const char*, const char*>, 2> metrics{
    {{"step_time", "step time"}, {"peak_memory", "peak memory"}}};

std::string percent_of(double share) { return fmt::format("{:.1f} %", 100.0 * share); }
std::string signed_percent(double share) { return fmt::format("{:+.1f} %", 100.0 * share); }

std::vector<Cell> summary_cells(const ErrorSummary& one) {
  return {{one.group.empty() ? "(not named)" : printable(one.group)},
          {fmt::format("{}", one.n)},
          {percent_of(one.median_abs_error)},
          {percent_of(one.p90_abs_error)},
          {percent_of(one.mean_abs_error)},
          {signed_percent(one.bias)},
          {fmt::format("{:.0f} %", 100.0 * one.coverage_90)}};
}

std::string group_table(const RunsReport& report, const std::string& metric, const std::string& group_by) {
  Table table({{group_by, Align::left, 16, 0},
               {"rows", Align::right},
               {"median", Align::right},
               {"p90", Align::right},
               {"mean", Align::right},
               {"bias", Align::right},
               {"in 90 % interval", Align::right}});
  for (const std::string& wanted : {group_by, std::string("overall")}) {
    for (const ErrorSummary& one : report.summary) {
      if (one.metric == metric && one.group_by == wanted) table.add(summary_cells(one));
    }
  }
  return table.render(width, "  ", false);
}

// How many rows were skipped for each reason, the most frequent first.
std::vector<std::pair<std::string, std::size_t>> skip_reasons(const RunsReport& report) {
  std::map<std::string, std::size_t> reasons;
  for (const RunResult& row : report.rows) {
    if (!row.simulated()) ++reasons[row.status];
  }
  std::vector<std::pair<std::string, std::size_t>> sorted(reasons.begin(), reasons.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

std::string skipped_text(const RunsReport& report) {
  std::string out;
  for (const auto& [reason, count] : skip_reasons(report)) {
    out += wrap(fmt::format("{} {}", count, printable(reason)), width, "  ", "      ") + '\n';
  }
  return out.empty() ? out : "\nSkipped\n" + out;
}

// A cell of a Markdown table.
std::string escaped(const std::string& text) {
  std::string out = printable(text);
  for (std::size_t at = 0; (at = out.find('|', at)) != std::string::npos; at += 2) out.insert(at, "\\");
  return out;
}

std::string worst_text(const RunsReport& report) {
  std::vector<const RunResult*> rows;
  for (const RunResult& row : report.rows) {
    if (row.simulated() && row.step_time.measured_too()) rows.push_back(&row);
  }
  if (rows.empty()) return {};
  // A tenth and ten times are equally wrong.
  const auto badness = [](const RunResult* row) { return std::fabs(std::log1p(row->step_time.error())); };
  std::stable_sort(rows.begin(), rows.end(),
                   [&](const RunResult* a, const RunResult* b) { return badness(a) > badness(b); });
  std::map<std::string, std::size_t> taken;
  std::vector<const RunResult*> listed;
  for (const RunResult* row : rows) {
    if (listed.size() < worst_rows && ++taken[row->source] <= worst_of_source) listed.push_back(row);
  }
  Table table({{"row", Align::left, 14, 0},
               {"model", Align::left, 12},
               {"GPU", Align::left, 10},
               {"predicted", Align::right},
               {"measured", Align::right},
               {"error", Align::right}});
  for (const RunResult* row : listed) {
    table.add({{printable(row->row_id)},
               {printable(row->model)},
               {printable(row->gpu)},
               {fmt::format("{:.3g} s", row->step_time.predicted.value)},
               {fmt::format("{:.3g} s", row->step_time.measured)},
               {signed_percent(row->step_time.error())}});
  }
  return fmt::format("\nFarthest off in step time, at most {} rows of a source\n", worst_of_source) +
         table.render(width, "  ", false);
}

bool has_metric(const RunsReport& report, const std::string& metric) {
  return std::any_of(report.summary.begin(), report.summary.end(),
                     [&](const ErrorSummary& one) { return one.metric == metric; });
}

std::size_t simulated_rows(const RunsReport& report) {
  return static_cast<std::size_t>(std::count_if(report.rows.begin(), report.rows.end(),
                                                [](const RunResult& row) { return row.simulated(); }));
}

std::string out_of_memory_text(const RunsReport& report) {
  std::string out;
  for (const OutOfMemorySummary& one : report.out_of_memory) {
    out += fmt::format("  {}: {} of {} predicted not to fit\n", printable(one.source), one.predicted, one.n);
  }
  return out.empty() ? out : "\nRuns that were out of memory\n" + out;
}

}  // namespace

std::string runs_text(const RunsReport& report, const std::string& by) {
  std::string out = fmt::format("{} rows: {} simulated, {} skipped.\n", report.rows.size(), simulated_rows(report),
                                report.rows.size() - simulated_rows(report));
  for (const auto& [metric, title] : metrics) {
    if (!has_metric(report, metric)) continue;
    out += fmt::format("\nError of the {} (predicted / measured - 1)\n", title);
    for (const char* group_by : {"source", "model", "gpu"}) {
      if (by.empty() || by == group_by) out += group_table(report, metric, group_by) + '\n';
    }
    out += fmt::format("  median over the sources' medians: {}\n",
                       percent_of(median_over_sources(report.summary, metric)));
  }
  return out + out_of_memory_text(report) + worst_text(report) + skipped_text(report);
}

std::string runs_markdown(const RunsReport& report) {
  std::string out = fmt::format(
      "# Measured runs against predictions\n\n"
      "Predictions against published measurements. Error is predicted / measured - 1; median, p90 and mean are of its\n"
      "size, bias is the mean with its sign. {} rows: {} simulated, {} skipped.\n",
      report.rows.size(), simulated_rows(report), report.rows.size() - simulated_rows(report));
  for (const auto& [metric, title] : metrics) {
    if (!has_metric(report, metric)) continue;
    out += fmt::format("\n## Error of the {}\n\n", title);
    out += "| source | rows | median | p90 | mean | bias | in 90 % interval |\n";
    out += "|---|--:|--:|--:|--:|--:|--:|\n";
    for (const char* wanted : {"source", "overall"}) {
      for (const ErrorSummary& one : report.summary) {
        if (one.metric != metric || one.group_by != wanted) continue;
        out += fmt::format("| {} | {} | {} | {} | {} | {} | {:.0f} % |\n", escaped(one.group), one.n,
                           percent_of(one.median_abs_error), percent_of(one.p90_abs_error),
                           percent_of(one.mean_abs_error), signed_percent(one.bias), 100.0 * one.coverage_90);
      }
    }
    out += fmt::format("\nMedian over the sources' medians: {}.\n",
                       percent_of(median_over_sources(report.summary, metric)));
  }
  for (const OutOfMemorySummary& one : report.out_of_memory) {
    out += fmt::format("\nOf {} runs of {} that were out of memory, {} are predicted not to fit.\n", one.n, one.source,
                       one.predicted);
  }
  const std::vector<std::pair<std::string, std::size_t>> skipped = skip_reasons(report);
  if (!skipped.empty()) out += "\n## Skipped\n\n| rows | reason |\n|--:|---|\n";
  for (const auto& [reason, count] : skipped) out += fmt::format("| {} | {} |\n", count, escaped(reason));
  return out;
}

}  // namespace lockstep
