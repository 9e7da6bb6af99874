// search.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <ostream>

#include "scenarios/calibration_use.hpp"
#include "scenarios/utf8.hpp"
#include "sim/cli/catalog_folder.hpp"
#include "sim/cli/commands.hpp"
#include "sim/cli/output_file.hpp"
#include "sim/cli/progress_bar.hpp"
#include "sim/cli/search_flags.hpp"
#include "sim/cli/text_options.hpp"
#include "sim/report/display.hpp"
#include "sim/report/search_report.hpp"
#include "sim/report/search_words.hpp"
#include "sim/search/least_memory.hpp"

namespace lockstep::cli {

namespace {

constexpr std::chrono::milliseconds patience{500};
constexpr int most_threads = 1024;

// 0: as many as there are cores.
int threads_of(const Arguments& arguments) {
  if (!arguments.has("threads")) return 0;
  const std::string text = arguments.value("threads");
  const bool digits = text.find_first_not_of("0123456789") == std::string::npos;
  const int threads = digits && text.size() <= 4 ? std::stoi(text) : 0;
  if (threads < 1 || threads > most_threads) {
    throw UsageError(fmt::format("--threads cannot be '{}'", printable(text)),
                     fmt::format("a whole number from 1 to {}", most_threads));
  }
  return threads;
}

// What goes together, before anything is computed or written.
void check_files(const Arguments& arguments) {
  std::error_code missing;
  if (arguments.has("write") &&
      std::filesystem::equivalent(arguments.value("write"), arguments.positionals().front(),
                                  missing)) {
    throw UsageError("--write would overwrite the scenario", "name another file");
  }
}

Scenario scenario_of(const Arguments& arguments, const Catalog& catalog) {
  Scenario scenario = load_scenario(arguments.positionals().front(), catalog, IllegalPlans::keep);
  apply_calibrations(arguments.values("calibration"), catalog, clusters_of(scenario));
  apply_search_flags(arguments, scenario);
  return scenario;
}

std::ostream* progress_of(const Arguments& arguments, const Environment& environment) {
  const std::string when = arguments.value("progress", "auto");
  if (when == "always") return environment.progress_to;
  return when == "auto" && environment.stderr_is_terminal ? environment.progress_to : nullptr;
}

// What was found, how far the search came, and what it took.
struct Search {
  SearchResult result;
  double looked_at = 1;
  double elapsed_s = 0;
  std::optional<FoundPlan> nearest;
  bool interrupted = false;
};

Search searched(const Scenario& scenario, const Arguments& arguments,
                const Environment& environment) {
  const std::atomic<bool>* stop =
      environment.catch_interrupts ? environment.catch_interrupts() : nullptr;
  const bool at_once = arguments.value("progress") == "always";
  ProgressBar bar(progress_of(arguments, environment), "combinations",
                  at_once ? std::chrono::milliseconds{0} : patience);
  std::uint64_t combinations = 0;
  const auto progress = [&](std::uint64_t done, std::uint64_t all) {
    combinations = all;
    bar.show(done, all);
  };
  const int threads = threads_of(arguments);
  SearchOptions options;
  options.pruning = !arguments.has("no-pruning");

  Search search;
  search.result = environment.search(scenario, options, threads, progress, stop);
  search.elapsed_s = bar.elapsed_s();
  const SearchCounts& counts = search.result.counts;
  search.interrupted = stop != nullptr && *stop;
  if (search.interrupted) {
    search.looked_at = combinations == 0 ? 0.0
                                         : static_cast<double>(counts.enumerated) /
                                               static_cast<double>(combinations);
  } else if (search.result.best.empty() && counts.legal > 0) {
    search.nearest = least_memory_plan(scenario, threads, progress, stop);
  }
  return search;
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
  return wrap(words, 100, "lockstep: ", std::string(10, ' ')) + '\n';
}

// As a shell reads it as one word.
std::string shell_word(const std::string& word) {
  constexpr const char* plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  // A line is never broken inside a word.
  return unbroken(printable(quoted + "'"));
}

// The same search with --write.
std::string writing_command(const Arguments& arguments, const std::string& file) {
  std::string words = "lockstep search " + shell_word(arguments.positionals().front());
  for (const Option& option : find_command("search")->options) {
    if (option.name == "format" || option.name == "color" || option.name == "progress") continue;
    if (option.value_name.empty() && arguments.has(option.name)) words += " --" + option.name;
    for (const std::string& value : arguments.values(option.name)) {
      words += unbroken(" --" + option.name + " ") + shell_word(value);
    }
  }
  return words + unbroken(" --write ") + file;
}

std::vector<std::string> next_commands(const Arguments& arguments, const SearchReport& report) {
  if (!report.found()) return {};
  std::vector<std::string> next;
  std::string file = "found.yaml";
  if (arguments.has("write")) {
    file = shell_word(arguments.value("write"));
  } else {
    next.push_back(writing_command(arguments, file));
  }
  next.push_back("lockstep compare " + file);
  const std::string best = shell_word(report.report.plans.front().plan.name);
  next.push_back(fmt::format("lockstep simulate {} --plan {} --timeline", file, best));
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

}  // namespace

Outcome run_search(const Arguments& arguments, const Environment& environment) {
  check_files(arguments);
  (void)threads_of(arguments);  // a wrong number before anything is read
  const Catalog catalog = open_catalog(arguments, environment, settings_of(arguments));
  const Scenario scenario = scenario_of(arguments, catalog);
  const Search search = searched(scenario, arguments, environment);
  const SearchReport report =
      search_report(scenario, search.result, search.looked_at, search.nearest);
  Outcome outcome;
  outcome.output = rendered(report, arguments, environment);
  if (arguments.value("progress") != "never") outcome.remark = effort_text(search);
  outcome.code = report.found() ? exit_ok : exit_infeasible;
  if (search.interrupted) outcome.code = exit_interrupted;
  return outcome;
}

}  // namespace lockstep::cli
