// search.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <ostream>

#include "scenarios/calibration_use.hpp"
#include "scenarios/found_scenario.hpp"
#include "scenarios/utf8.hpp"
#include "sim/cli/catalog_folder.hpp"
#include "sim/cli/commands.hpp"
#include "sim/cli/output_file.hpp"
#include "sim/cli/page_option.hpp"
#include "sim/cli/search_flags.hpp"
#include "sim/cli/shell_words.hpp"
#include "sim/cli/text_options.hpp"
#include "sim/cli/watched_search.hpp"
#include "sim/report/display.hpp"
#include "sim/report/html/page.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/plan_json.hpp"
#include "sim/report/search_report.hpp"
#include "sim/report/search_words.hpp"
#include "sim/search/least_memory.hpp"

namespace lockstep::cli {

namespace {

// What goes together, before anything is computed or written.
void check_files(const Arguments& arguments) {
  std::error_code missing;
  if (std::filesystem::equivalent(arguments.value("write", ""), arguments.positionals().front(),
                                  missing)) {
    throw UsageError("--write would overwrite the scenario", "name another file");
  }
  check_page_option(arguments);
}

Scenario scenario_of(const Arguments& arguments, const Catalog& catalog) {
  Scenario scenario = load_scenario(arguments.positionals().front(), catalog, IllegalPlans::keep);
  apply_calibrations(arguments.values("calibration"), catalog, clusters_of(scenario));
  apply_search_flags(arguments, scenario);
  return scenario;
}

// What was found, how far the search came, and what it took.
struct Search {
  SearchResult result;
  double looked_at = 1;
  double elapsed_s = 0;
  std::optional<FoundPlan> nearest;
  double nearest_s = 0;  // that the search for it took; 0: there was none
  bool interrupted = false;
};

void find_nearest(const Scenario& scenario, const WatchedSearch& watched, Search& search) {
  search.nearest_s = watched.run("combinations for the plan that needs the least memory",
                                 [&](const WatchedSearch::Progress& progress) {
                                   search.nearest = least_memory_plan(scenario, watched.threads(),
                                                                      progress, watched.stop());
                                 });
  search.interrupted = watched.stopped();
  if (search.interrupted) search.nearest.reset();
}

Search find_best(const Scenario& scenario, const Arguments& arguments,
                 const Environment& environment, const WatchedSearch& watched) {
  SearchOptions options;
  options.pruning = !arguments.has("no-pruning");
  options.count_alike = true;
  Search search;
  search.elapsed_s = watched.run("combinations", [&](const WatchedSearch::Progress& progress) {
    search.result =
        environment.search(scenario, options, watched.threads(), progress, watched.stop());
  });
  search.interrupted = watched.stopped();
  search.looked_at = search.interrupted ? search.result.looked_at : 1;
  if (!search.interrupted && search.result.best.empty() && search.result.counts.legal > 0) {
    find_nearest(scenario, watched, search);
  }
  return search;
}

Search searched(const Scenario& scenario, const Arguments& arguments,
                const Environment& environment, const WatchedSearch& watched) {
  try {
    return find_best(scenario, arguments, environment, watched);
  } catch (const InputError& error) {
    blame_search_flags(arguments, error);
    throw;
  }
}

// "lockstep: 3.21 million combinations in 12.3 s with 2 threads: …"
std::string effort_text(const Search& search) {
  using search_words::compact;
  const SearchEffort& effort = search.result.effort;
  const int used = std::max(1, effort.threads);
  const double rate = static_cast<double>(effort.timed) / std::max(search.elapsed_s, 1e-9) / used;
  const std::string words = fmt::format(
      "{} combinations in {:.1f} s with {} thread{}: {} plans timed ({} per second and thread), {} "
      "pruned",
      compact(search.result.counts.enumerated), search.elapsed_s, used, used == 1 ? "" : "s",
      compact(effort.timed), compact(static_cast<std::uint64_t>(rate)), compact(effort.pruned));
  std::string more;
  if (search.nearest_s > 0) {
    more =
        fmt::format("; {:.1f} s more for the plan that needs the least memory", search.nearest_s);
  }
  return wrap(words + more, 100, "lockstep: ", std::string(10, ' ')) + '\n';
}

// The command line again, but for what only changes how its result is shown.
std::vector<std::string> search_words_of(const Arguments& arguments) {
  return command_words("search", arguments, {"format", "color", "progress", "write", "html"});
}

// A line is broken between the words alone.
std::string shown_command(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + unbroken(word);
  return line;
}

std::vector<std::string> next_commands(const Arguments& arguments, const SearchReport& report) {
  if (!report.found()) return {};
  std::vector<std::string> next;
  std::string file = "found.yaml";
  if (arguments.has("write")) {
    file = shell_word(arguments.value("write"));
  } else {
    std::vector<std::string> words = search_words_of(arguments);
    words.push_back("--write " + file);
    next.push_back(shown_command(words));
  }
  std::vector<std::string> compare{"lockstep", "compare", file};
  std::vector<std::string> simulate{"lockstep", "simulate", file,
                                    "--plan " + shell_word(report.report.plans.front().plan.name),
                                    "--timeline"};
  // What is no part of the file.
  for (const Option& option : find_command("search")->options) {
    if (option.name != "calibration" && option.name != "catalog") continue;
    add_given(arguments, option, compare);
    add_given(arguments, option, simulate);
  }
  next.push_back(shown_command(compare));
  next.push_back(shown_command(simulate));
  return next;
}

std::string rendered(const SearchReport& report, const Arguments& arguments,
                     const Environment& environment) {
  const std::string format = arguments.value("format", "text");
  if (format == "json") return search_json(report);
  if (format == "csv") return search_csv(report);
  return search_text(report, next_commands(arguments, report),
                     text_options(arguments, environment));
}

// The best plans as a scenario, each with its numbers beside its name.
void write_found(const SearchReport& report, const Arguments& arguments, const Catalog& catalog) {
  const std::filesystem::path path = arguments.value("write");
  std::vector<PlanToWrite> plans;
  for (std::size_t i = 0; i < report.best; ++i) {
    const PlanReport& plan = report.report.plans[i];
    plans.push_back({plan.plan, plan.cluster,
                     fmt::format("{}, {}", duration(plan.step_time_s.value),
                                 memory(plan.peak_memory_bytes.value))});
  }
  const std::string text = found_scenario(arguments.positionals().front(), catalog, plans,
                                          join(search_words_of(arguments), " "),
                                          path.has_parent_path() ? path.parent_path() : ".");
  write_file(path.string(), "--write", [&](std::ostream& out) { out << text; });
}

}  // namespace

Outcome run_search(const Arguments& arguments, const Environment& environment) {
  check_files(arguments);
  const WatchedSearch watched(arguments, environment);
  const Catalog catalog = open_catalog(arguments, environment, settings_of(arguments));
  const Scenario scenario = scenario_of(arguments, catalog);
  const Search search = searched(scenario, arguments, environment, watched);
  SearchReport report = search_report(scenario, search.result, search.looked_at, search.nearest);
  report.nearest_interrupted = search.nearest_s > 0 && search.interrupted;
  if (arguments.has("write") && report.found()) write_found(report, arguments, catalog);
  Outcome outcome;
  outcome.output = rendered(report, arguments, environment);
  if (arguments.has("html")) {
    nlohmann::ordered_json document = search_document(report);
    document["page"] = page_json(report, page_origin("search", arguments));
    add_page(document, arguments, outcome);
  }
  if (arguments.value("progress") != "never") outcome.remark += effort_text(search);
  outcome.code = report.found() ? exit_ok : exit_infeasible;
  if (arguments.has("write") && !report.found()) {
    outcome.remark += fmt::format("lockstep: note: there is no plan to write into {}\n",
                                  printable(arguments.value("write")));
  }
  if (search.interrupted) outcome.code = exit_interrupted;
  return outcome;
}

}  // namespace lockstep::cli
