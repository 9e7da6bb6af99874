// sweep: one scenario at many values of one or two of its keys.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/calibration_use.hpp"
#include "scenarios/utf8.hpp"
#include "sim/cli/catalog_folder.hpp"
#include "sim/cli/commands.hpp"
#include "sim/cli/search_flags.hpp"
#include "sim/cli/swept_values.hpp"
#include "sim/cli/watched_search.hpp"
#include "sim/report/ascii.hpp"
#include "sim/report/display.hpp"
#include "sim/report/sweep_report.hpp"

namespace lockstep::cli {

namespace {

// Those of `search` that say which plan is the best; it is the only one of a point.
std::vector<Option> search_options_of_sweep() {
  std::vector<Option> options = search_options();
  options.erase(std::remove_if(options.begin(), options.end(),
                               [](const Option& option) { return option.name == "top"; }),
                options.end());
  const std::vector<Option> watched = watched_search_options();
  options.insert(options.end(), watched.begin(), watched.end());
  return options;
}

// What goes together, before anything is read.
SweepRequest request_of(const Arguments& arguments) {
  SweepRequest request;
  request.axes = swept_axes(arguments.values("over"));
  request.plans = arguments.values("plan");
  request.search = arguments.has("search");
  request.weak = arguments.has("weak");
  for (const Option& option : search_options_of_sweep()) {
    if (request.search || !arguments.has(option.name)) continue;
    throw UsageError(fmt::format("--{} goes with --search", option.name));
  }
  if (request.search && !request.plans.empty()) {
    throw UsageError("--search finds the plan itself: it takes no --plan");
  }
  const bool gpus = std::any_of(request.axes.begin(), request.axes.end(),
                                [](const SweepAxis& axis) { return counts_gpus(axis.path); });
  if (request.weak && !gpus) {
    throw UsageError("--weak lets the batch grow with the GPUs, but no number of them is swept",
                     "for example --over cluster.nodes=8..64x2 --weak");
  }
  for (const Setting& setting : settings_of(arguments)) {
    for (const SweepAxis& axis : request.axes) {
      if (setting.path != axis.path) continue;
      throw UsageError(fmt::format("--set and --over both say {}", printable(axis.path)));
    }
  }
  if (arguments.has("ascii") && arguments.value("format", "text") != "text") {
    throw UsageError("--ascii goes with --format text");
  }
  return request;
}

// Plans in file order, each once, however they were named.
void check_plans(const Scenario& scenario, SweepRequest& request) {
  std::vector<std::string> names;
  for (const ScenarioPlan& plan : scenario.plans) names.push_back(plan.plan.name);
  for (const std::string& name : request.plans) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const std::string nearest = nearest_name(name, names);
    std::string hint = fmt::format("its plans: {}", printable(join(names)));
    if (!nearest.empty()) hint = fmt::format("did you mean {}? {}", printable(nearest), hint);
    throw UsageError(fmt::format("the scenario has no plan '{}'", printable(name)), hint);
  }
}

bool is_shown(const SweepRequest& request, const std::string& plan) {
  return request.plans.empty() ||
         std::find(request.plans.begin(), request.plans.end(), plan) != request.plans.end();
}

// Settings and swept values that some of the plans do not see.
std::string notes_of(const SweepInput& input, const SweepRequest& request) {
  std::map<std::string, std::vector<std::string>> unreached;
  for (const SweepScenario& point : input.points) {
    if (!point.scenario || request.search) continue;
    for (const UnreachedPlans& one : point.scenario->unreached) {
      std::vector<std::string>& plans = unreached[one.setting];
      for (const std::string& plan : one.plans) {
        const bool known = std::find(plans.begin(), plans.end(), plan) != plans.end();
        if (!known && is_shown(request, plan)) plans.push_back(plan);
      }
    }
  }
  std::string notes;
  for (const auto& [setting, plans] : unreached) {
    if (plans.empty()) continue;
    const bool swept =
        std::any_of(request.axes.begin(), request.axes.end(),
                    [&, path = &setting](const SweepAxis& a) { return a.path == *path; });
    const bool one = plans.size() == 1;
    const std::string words =
        fmt::format("--{} {}: {} {} {} own software and {} not affected", swept ? "over" : "set",
                    printable(setting), one ? "plan" : "plans", printable(join(plans)),
                    one ? "has its" : "have their", one ? "is" : "are");
    notes += wrap(words, 100, "lockstep: note: ", std::string(16, ' ')) + '\n';
  }
  return notes;
}

std::string rendered(const SweepReport& report, const Arguments& arguments,
                     const Environment& environment) {
  const std::string format = arguments.value("format", "text");
  if (format == "json") return sweep_json(report);
  if (format == "csv") return sweep_csv(report);
  const std::string color = arguments.value("color", "auto");
  TextOptions options;
  options.color = color == "always" ||
                  (color == "auto" && environment.stdout_is_terminal && !environment.no_color);
  const std::string text = sweep_text(report, options);
  const bool ascii =
      arguments.has("ascii") || (environment.stdout_is_terminal && environment.ascii_locale);
  return ascii ? to_ascii(text) : text;
}

void prepare(Scenario& scenario, const Arguments& arguments, const Catalog& catalog) {
  apply_calibrations(arguments.values("calibration"), catalog, clusters_of(scenario));
  if (!arguments.has("search")) return;
  apply_search_flags(arguments, scenario);
  scenario.search.top = 1;
}

SweepInput input_of(const Arguments& arguments, const Catalog& catalog,
                    const SweepRequest& request) {
  const std::string& file = arguments.positionals().front();
  SweepInput input = load_sweep(file, catalog, request);
  if (!request.search) require_plans(input.base, file);
  prepare(input.base, arguments, catalog);
  for (SweepScenario& point : input.points) {
    if (point.scenario) prepare(*point.scenario, arguments, catalog);
  }
  return input;
}

// The best plan of one point after the other, until Ctrl-C.
class PointSearch {
 public:
  PointSearch(const Arguments& arguments, const Environment& environment, std::size_t points)
      : environment_(environment), watched_(arguments, environment), points_(points) {}

  FoundBest operator()(const Scenario& scenario) {
    SearchResult result;
    const std::string what = fmt::format("combinations at point {} of {}", ++point_, points_);
    if (!watched_.stopped()) {
      watched_.run(what, [&](const WatchedSearch::Progress& progress) {
        result = environment_.search(scenario, {}, watched_.threads(), progress, watched_.stop());
      });
    }
    if (watched_.stopped()) return {std::nullopt, "interrupted before the search was through"};
    return best_of(std::move(result));
  }
  [[nodiscard]] bool interrupted() const { return watched_.stopped(); }

 private:
  const Environment& environment_;
  WatchedSearch watched_;
  std::size_t points_;
  std::size_t point_ = 0;
};

// Sweeps with a search in each point.
Outcome search_points(const SweepInput& input, const SweepRequest& request,
                      const Arguments& arguments, const Environment& environment) {
  const auto points = static_cast<std::size_t>(
      std::count_if(input.points.begin(), input.points.end(),
                    [](const SweepScenario& point) { return point.scenario.has_value(); }));
  PointSearch search(arguments, environment, points);
  try {
    const SweepReport report =
        sweep(input, request, [&](const Scenario& scenario) { return search(scenario); });
    Outcome outcome{rendered(report, arguments, environment),
                    report.any_feasible() ? exit_ok : exit_infeasible};
    if (search.interrupted()) outcome.code = exit_interrupted;
    return outcome;
  } catch (const InputError& error) {
    blame_search_flags(arguments, error);
    throw;
  }
}

Outcome run_sweep(const Arguments& arguments, const Environment& environment) {
  SweepRequest request = request_of(arguments);
  const Catalog catalog = open_catalog(arguments, environment, settings_of(arguments));
  const SweepInput input = input_of(arguments, catalog, request);
  if (request.search) return search_points(input, request, arguments, environment);
  check_plans(input.base, request);
  const SweepReport report = sweep(input, request);
  return {rendered(report, arguments, environment),
          report.any_feasible() ? exit_ok : exit_infeasible, notes_of(input, request)};
}

}  // namespace

Command sweep_command() {
  std::vector<Option> options{
      {"over",
       "PATH=VALUES",
       "a key of the scenario or the catalog, and its values: cluster.nodes=8,16,32 or 8..64x2 "
       "or 8..32+8, cluster.system.nic_bandwidth=\"100..400x2 Gb/s\"; twice for a grid",
       {},
       true},
      {"plan", "NAME", "only this plan; may be given again (default: every plan)", {}, true},
      {"search", "", "the best plan at each point, by `search:` of the scenario", {}, false},
      {"weak", "", "the global batch grows with the GPUs, from the scenario's own", {}, false},
      {"format",
       "FORMAT",
       "how the result is written (default: text)",
       {"text", "json", "csv"},
       false},
      {"ascii", "", "no characters but ASCII in the text", {}, false},
      {"set", "PATH=VALUE", "another value for a key, at every point", {}, true},
      {"calibration",
       "FILE",
       "what `lockstep calibrate` measured; of two files the later counts",
       {},
       true},
      {"catalog", "DIR", "the folder with gpus/, systems/, models/ and software/", {}, false},
      {"color", "WHEN", "colour in the text (default: auto)", {"auto", "always", "never"}, false}};
  const std::vector<Option> searching = search_options_of_sweep();
  options.insert(options.begin() + 3, searching.begin(), searching.end());
  return {
      "sweep",
      "plans over any key: scaling curves, where the winner changes",
      "Predicts the plans of a scenario at every value of a key, or of two (a grid): who wins "
      "where, how it scales, days and cost. With --search the best plan that a search finds at "
      "each point, which search's own flags steer. A data degree that the file states follows the "
      "GPUs. Exit code 4 where no plan fits anywhere, 130 after Ctrl-C, which prints the points so "
      "far.",
      {{"SCENARIO", "the scenario file (YAML)", true, {}}},
      std::move(options),
      {"lockstep sweep scenarios/llama3-70b-64xh100.yaml --over cluster.nodes=4..64x2 --weak",
       "lockstep sweep scenarios/llama3-70b-64xh100.yaml --over "
       "training.sequence_length=4096,8192"},
      &run_sweep};
}

}  // namespace lockstep::cli
