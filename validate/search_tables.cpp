// What the search would pick, in Markdown.
#include <fmt/format.h>

#include "validate/markdown.hpp"
#include "validate/runs_tables.hpp"

namespace lockstep {
namespace {

std::string count(std::size_t n) {
  return fmt::format("{}", n);
}

std::string picked(const SearchPick& pick) {
  if (!pick.found()) return markdown_cell(pick.problem);
  if (pick.measured) return fmt::format("{}: {}", pick.plan, percent_of(pick.regret));
  return fmt::format("{}: not run, {}", pick.plan, signed_percent(pick.predicted_gain));
}

std::string fastest(const SearchedChoice& choice) {
  return choice.fastest + (choice.fastest_fits ? "" : " (predicted not to fit)");
}

}  // namespace

std::string search_regret_table(const RunsReport& report) {
  MarkdownTable table({"source", "may pick from", ">groups", ">pick was run", ">regret: median",
                       ">mean", ">the fastest", ">within 5 %",
                       ">pick was not run: predicted gain, median", ">largest",
                       ">unlike any run of the source"});
  for (const SearchRegret& one : report.search_regret) {
    const bool measured = one.measured > 0;
    const bool gains = one.found > one.measured;
    table.add({markdown_cell(one.source), words_for(one.space), count(one.groups),
               fmt::format("{} of {}", one.measured, one.found),
               measured ? percent_of(one.median_regret) : "-",
               measured ? percent_of(one.mean_regret) : "-",
               measured ? fmt::format("{} of {}", one.fastest, one.measured) : "-",
               measured ? fmt::format("{} of {}", one.nearly, one.measured) : "-",
               gains ? signed_percent(one.median_predicted_gain) : "-",
               gains ? signed_percent(one.largest_predicted_gain) : "-",
               gains ? count(one.beyond) : "-"});
  }
  return table.empty() ? std::string{} : table.text();
}

std::string search_regret_words() {
  return "The same groups, each searched for the fastest plan that is predicted to fit, with the "
         "model, cluster, training and software of its runs: within the plans that were measured; "
         "within all combinations of the values that they have (tensor, stages, micro-batch and so "
         "on); and within all plans but those with a feature that no run of the source used, or "
         "with another schedule, placement or overlap. A pick that was run, or is predicted "
         "exactly as fast as one that was, has a regret; it cannot be the measured fastest where "
         "that "
         "one is predicted not to fit. What the others would gain is the share "
         "of the step that they are predicted to save against the plan that was measured fastest: "
         "no measurement tests it.";
}

std::string searched_table(const RunsReport& report) {
  MarkdownTable table({"source", "model", ">GPUs", ">plans", "measured fastest",
                       "pick within their values", "with the source's features"});
  for (const SearchedChoice& one : report.searched) {
    table.add({markdown_cell(one.source), markdown_cell(one.model), fmt::format("{}", one.gpus),
               count(one.plans), fastest(one), picked(one.pick(SearchSpace::values)),
               picked(one.pick(SearchSpace::features))});
  }
  return table.empty() ? std::string{} : table.text();
}

}  // namespace lockstep
