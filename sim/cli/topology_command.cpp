// topology.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "scenarios/cluster_file.hpp"
#include "scenarios/number_text.hpp"
#include "scenarios/utf8.hpp"
#include "sim/cli/catalog_folder.hpp"
#include "sim/cli/commands.hpp"
#include "sim/report/topology_report.hpp"
#include "topology/failures.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep::cli {

namespace {

constexpr std::int64_t most_nodes = 10'000'000;
// Graphviz cannot lay out more in a sensible time.
constexpr std::int64_t most_drawn_nodes = 32;

std::int64_t nodes_of(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1 || value > most_nodes)
    throw UsageError(fmt::format("--nodes cannot be '{}'", printable(text)),
                     fmt::format("a whole number from 1 to {}", most_nodes));
  return value;
}

double ratio_of(std::string text) {
  const std::string given = text;
  if (text.size() > 2 && text.substr(text.size() - 2) == ":1") text.resize(text.size() - 2);
  const ParsedQuantity ratio = parse_quantity(text, Dimension::none);
  if (!ratio || *ratio.value < 1.0 || *ratio.value > 1000.0)
    throw UsageError(fmt::format("--oversubscription cannot be '{}'", printable(given)),
                     "downlinks over uplinks of a leaf, at least 1: 2 or 2:1");
  return *ratio.value;
}

// "node0.gpu0-node0.nvswitch0=50%".
Degraded degraded_of(const std::string& text) {
  const std::size_t equals = text.find('=');
  const ParsedQuantity left =
      equals == std::string::npos
          ? ParsedQuantity{}
          : parse_quantity(std::string_view(text).substr(equals + 1), Dimension::none);
  if (!left || *left.value < 0.0 || *left.value > 1.0)
    throw UsageError(fmt::format("--degrade cannot be '{}'", printable(text)),
                     "a link and what is left of it: node0.gpu0-node0.nvswitch0=50%");
  return {text.substr(0, equals), *left.value};
}

TopologyChange change_of(const Arguments& arguments) {
  TopologyChange change;
  change.failed = arguments.values("fail");
  for (const std::string& text : arguments.values("degrade"))
    change.degraded.push_back(degraded_of(text));
  if (arguments.has("oversubscription"))
    change.oversubscription = ratio_of(arguments.value("oversubscription"));
  return change;
}

// What --plan names, with the scenario around it.
void read_plan(TopologyRequest& request, const Arguments& arguments, const Catalog& catalog) {
  const std::string wanted = arguments.value("plan");
  const std::string& file = arguments.positionals().front();
  const std::vector<std::string> systems = catalog.names("systems");
  if (std::find(systems.begin(), systems.end(), file) != systems.end())
    throw UsageError(fmt::format("--plan needs a scenario; {} is a system", printable(file)),
                     "lockstep topology scenarios/llama3-70b-64xh100.yaml --plan tp8-pp2");
  const Scenario scenario = load_scenario(file, catalog, IllegalPlans::keep);
  require_plans(scenario, file);
  std::vector<std::string> names;
  for (const ScenarioPlan& each : scenario.plans) {
    names.push_back(each.plan.name);
    if (each.plan.name != wanted) continue;
    if (!each.problems.empty()) throw InputError(each.problems);
    request.title = scenario.name;
    request.cluster = each.cluster;
    request.plan = TopologyPlan{scenario.model, scenario.training, each.plan};
    return;
  }
  const std::string nearest = nearest_name(wanted, names);
  const std::string all = "its plans: " + join(names);
  throw UsageError(fmt::format("the scenario has no plan '{}'", printable(wanted)),
                   nearest.empty() ? all : fmt::format("did you mean {}? {}", nearest, all));
}

TopologyRequest request_of(const Arguments& arguments, const Environment& environment) {
  std::vector<Setting> settings = settings_of(arguments);
  TopologyRequest request;
  if (arguments.has("plan")) {
    if (arguments.has("nodes"))
      settings.push_back({"cluster.nodes", std::to_string(nodes_of(arguments.value("nodes")))});
    read_plan(request, arguments, open_catalog(arguments, environment, settings));
    return request;
  }
  const Catalog catalog = open_catalog(arguments, environment, settings);
  request.cluster = load_cluster(arguments.positionals().front(), catalog);
  request.title = request.cluster.system.description;
  if (request.title.empty()) request.title = request.cluster.system.name;
  if (arguments.has("nodes")) {
    request.cluster.nodes = nodes_of(arguments.value("nodes"));
    request.cluster.gpus = 0;
  }
  return request;
}

// The names of parts that a message offers, nearest first.
std::string nearest_part(const std::string& text, const Cluster& cluster) {
  const std::string near = nearest_name(text, part_names(cluster));
  return near.empty() ? std::string{} : fmt::format("did you mean {}?", near);
}

void check_changes(const Cluster& cluster) {
  const std::vector<FailureProblem> problems = failure_problems(cluster);
  if (problems.empty() && static_cast<std::int64_t>(nodes_out(cluster).size()) >= cluster.nodes)
    throw UsageError("--fail: no node is left to work",
                     "a node without one of its GPUs is out; --nodes gives more of them");
  if (problems.empty()) return;
  const FailureProblem& first = problems.front();
  const std::string text =
      first.degraded ? cluster.degraded[first.index].link : cluster.failed[first.index];
  const std::string near =
      text.find('-') == std::string::npos ? nearest_part(text, cluster) : std::string{};
  throw UsageError(
      fmt::format("--{}: {}", first.degraded ? "degrade" : "fail", printable(first.message)),
      near.empty()         ? first.hint
      : first.hint.empty() ? near
                           : near + " " + first.hint);
}

void check_part(const std::string& option, const std::string& text, const Cluster& cluster) {
  const std::optional<Part> part = parse_part(text);
  if (part && has_part(cluster, *part)) return;
  const std::string near = nearest_part(text, cluster);
  throw UsageError(fmt::format("--{}: '{}' is no part of this cluster", option, printable(text)),
                   near.empty() ? "parts are node0.gpu0, node0.nic0, unit0.leaf0, spine0 …" : near);
}

void read_route(TopologyRequest& request, const Arguments& arguments) {
  request.from = arguments.value("from");
  request.to = arguments.value("to");
  if (request.from.empty() != request.to.empty()) throw UsageError("--from and --to go together");
  if (request.from.empty()) return;
  check_part("from", request.from, request.cluster);
  check_part("to", request.to, request.cluster);
}

}  // namespace

Outcome run_topology(const Arguments& arguments, const Environment& environment) {
  TopologyRequest request = request_of(arguments, environment);
  request.change = change_of(arguments);
  const Cluster changed = with_change(request.cluster, request.change);
  check_changes(changed);
  read_route(request, arguments);
  const std::string format = arguments.value("format", "text");
  if (arguments.has("whole") && format != "dot") throw UsageError("--whole goes with --format dot");
  if (format == "dot") {
    if (arguments.has("whole") && changed.nodes > most_drawn_nodes)
      throw UsageError(fmt::format("--whole draws {} nodes at most; this cluster has {}",
                                   most_drawn_nodes, changed.nodes),
                       "without --whole one node of each kind is drawn");
    return {topology_dot(changed, arguments.has("whole") ? Extent::whole : Extent::folded),
            exit_ok};
  }
  const TopologyReport report = topology_report(request);
  if (format == "json") return {topology_json(report), exit_ok};
  const std::string color = arguments.value("color", "auto");
  TextOptions options;
  options.color = color == "always" ||
                  (color == "auto" && environment.stdout_is_terminal && !environment.no_color);
  return {topology_text(report, options), exit_ok};
}

}  // namespace lockstep::cli
