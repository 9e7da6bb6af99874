#include "validate/runs_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "validate/markdown.hpp"
#include "validate/suspicion.hpp"

namespace lockstep {
namespace {

std::string text_or_nothing(const MarkdownTable& table) {
  return table.empty() ? std::string{} : table.text();
}

std::string count(std::size_t n) {
  return fmt::format("{}", n);
}

std::string named(const std::string& name) {
  return name.empty() ? "(not named)" : markdown_cell(name);
}

}  // namespace

std::string error_table(const RunsReport& report, const std::string& metric,
                        const std::string& group_by) {
  MarkdownTable table(
      {group_by, ">rows", ">median", ">p90", ">mean", ">bias", ">in 90 % interval", ">half-width"});
  for (const std::string& wanted : {group_by, std::string("overall")}) {
    for (const ErrorSummary& one : report.summary) {
      if (one.metric != metric || one.group_by != wanted) continue;
      table.add({named(one.group), count(one.n), percent_of(one.median_abs_error),
                 percent_of(one.p90_abs_error), percent_of(one.mean_abs_error),
                 signed_percent(one.bias), whole_percent(one.coverage_90),
                 whole_percent(one.median_half_width)});
    }
  }
  return text_or_nothing(table);
}

std::string out_of_memory_table(const RunsReport& report) {
  MarkdownTable table({"source", ">ran out of memory", ">predicted not to fit", ">ran",
                       ">predicted to fit", ">right"});
  for (const OutOfMemorySummary& one : report.out_of_memory) {
    table.add({markdown_cell(one.source), count(one.n), count(one.predicted), count(one.fitted),
               count(one.fitted_predicted), percent_of(one.accuracy())});
  }
  return text_or_nothing(table);
}

std::string noise_table(const RunsReport& report) {
  MarkdownTable table({"source", ">configurations measured again", ">rows", ">median difference"});
  for (const NoiseFloor& one : report.noise) {
    table.add({markdown_cell(one.source), count(one.configurations), count(one.rows),
               percent_of(one.median_difference)});
  }
  return text_or_nothing(table);
}

std::string rank_table(const RunsReport& report) {
  MarkdownTable table(
      {"source", ">rows", ">Spearman", ">10 %", ">25 %", ">50 %", ">75 %", ">90 %"});
  for (const RankSummary& one : report.ranks) {
    std::vector<std::string> cells{markdown_cell(one.source), count(one.n),
                                   fmt::format("{:.2f}", one.spearman)};
    for (const double ratio : one.quantiles) cells.push_back(fmt::format("{:.2f}", ratio));
    table.add(cells);
  }
  return text_or_nothing(table);
}

std::string regret_table(const RunsReport& report) {
  MarkdownTable table({"source", ">groups", ">plans", ">median regret", ">mean regret",
                       ">best plan picked", ">mean Spearman",
                       ">of plans predicted to fit: median", ">mean"});
  for (const RegretSummary& one : report.regret) {
    table.add({markdown_cell(one.source), count(one.groups), count(one.plans),
               percent_of(one.median_regret), percent_of(one.mean_regret),
               fmt::format("{} of {}", one.best_picked, one.groups),
               fmt::format("{:.2f}", one.mean_spearman),
               percent_of(one.median_fitting_regret), percent_of(one.mean_fitting_regret)});
  }
  return text_or_nothing(table);
}

std::string choices_table(const RunsReport& report, const std::string& source) {
  MarkdownTable table({"model", "GPU", ">GPUs", ">plans", ">regret", ">Spearman",
                       ">of plans predicted to fit"});
  for (const PlanChoice& one : report.choices) {
    if (one.source != source) continue;
    table.add({named(one.model), markdown_cell(one.gpu), fmt::format("{}", one.gpus),
               count(one.plans), percent_of(one.regret), fmt::format("{:.2f}", one.spearman),
               percent_of(one.fitting_regret)});
  }
  return text_or_nothing(table);
}

std::string worst_table(const RunsReport& report) {
  MarkdownTable table({"row", "model", "GPU", ">predicted", ">measured", ">error", "suspected"});
  for (const WorstRow& one : report.worst) {
    const RunResult& row = report.rows[one.row];
    const std::string why =
        one.suspected.empty() ? "-" : fmt::format("{}", fmt::join(one.suspected, "; "));
    table.add({markdown_cell(row.row_id), named(row.model), markdown_cell(row.gpu),
               fmt::format("{:.3g} s", row.step_time.predicted.value),
               fmt::format("{:.3g} s", row.step_time.measured),
               signed_percent(row.step_time.error()), markdown_cell(why)});
  }
  return text_or_nothing(table);
}

std::string suspicion_table(const RunsReport& report) {
  MarkdownTable table(
      {"circumstance", ">rows", ">median error", ">of the others", "why it is suspected"});
  for (const SuspicionSummary& one : summarize_suspicions(report.rows, apart_of(report))) {
    table.add({one.name, count(one.rows), percent_of(one.median_abs_error),
               percent_of(one.median_of_others), one.evidence});
  }
  return text_or_nothing(table);
}

std::string skipped_table(const RunsReport& report) {
  MarkdownTable table({">rows", "reason"});
  for (const auto& [reason, rows] : skip_reasons(report))
    table.add({count(rows), markdown_cell(reason)});
  return text_or_nothing(table);
}

std::string over_sources_sentence(const SourceMean& one) {
  std::string out = fmt::format(
      "Sources weighted equally ({}): median of their medians {}, {} inside the 90 % interval, "
      "half-width {}",
      one.sources, percent_of(one.median_abs_error), whole_percent(one.coverage_90),
      whole_percent(one.median_half_width));
  if (!one.apart.empty())
    out +=
        fmt::format("; apart, since its repeats disagree widely: {}", fmt::join(one.apart, ", "));
  return out + ".";
}

std::vector<std::string> apart_of(const RunsReport& report) {
  return noisy_sources(report.noise);
}

std::vector<std::pair<std::string, std::size_t>> skip_reasons(const RunsReport& report) {
  std::map<std::string, std::size_t> reasons;
  for (const RunResult& row : report.rows) {
    if (!row.simulated()) ++reasons[row.status];
  }
  std::vector<std::pair<std::string, std::size_t>> sorted(reasons.begin(), reasons.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

std::size_t simulated_rows(const RunsReport& report) {
  return static_cast<std::size_t>(
      std::count_if(report.rows.begin(), report.rows.end(),
                    [](const RunResult& row) { return row.simulated(); }));
}

}  // namespace lockstep
