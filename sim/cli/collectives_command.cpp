// collectives.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>

#include "scenarios/calibration_use.hpp"
#include "scenarios/cluster_file.hpp"
#include "scenarios/nccl_xml.hpp"
#include "scenarios/utf8.hpp"
#include "sim/cli/catalog_folder.hpp"
#include "sim/cli/commands.hpp"
#include "sim/report/collective_table.hpp"
#include "sim/report/report.hpp"

namespace lockstep::cli {

namespace {

constexpr std::int64_t most_ranks = 10'000'000;
constexpr std::int64_t largest_size = std::int64_t{1} << 50;

std::optional<std::int64_t> digits(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty() || text[0] == '-')
    return std::nullopt;
  return value;
}

std::int64_t count_of(const Arguments& arguments, const std::string& option, std::int64_t otherwise,
                      std::int64_t low, std::int64_t high) {
  if (!arguments.has(option)) return otherwise;
  const std::string text = arguments.value(option);
  const std::optional<std::int64_t> value = digits(text);
  if (!value || *value < low || *value > high)
    throw UsageError(fmt::format("--{} cannot be '{}'", option, printable(text)),
                     fmt::format("a whole number from {} to {}", low, high));
  return *value;
}

// "8", "64K", "1M", "16G" as nccl-tests reads them, powers of 1024.
std::int64_t size_of(const Arguments& arguments, const std::string& option,
                     std::int64_t otherwise) {
  if (!arguments.has(option)) return otherwise;
  std::string text = arguments.value(option);
  const std::string units = "KMGT";
  std::int64_t unit = 1;
  const std::size_t power =
      units.find(static_cast<char>(std::toupper(static_cast<unsigned char>(text.back()))));
  if (power != std::string::npos) {
    unit = std::int64_t{1} << (10 * (power + 1));
    text.pop_back();
  }
  const std::optional<std::int64_t> value = digits(text);
  if (!value || *value < 1 || *value > largest_size / unit)
    throw UsageError(fmt::format("--{} cannot be '{}'", option, printable(arguments.value(option))),
                     "bytes, or a number with K, M, G or T: 8, 64K, 16G");
  return *value * unit;
}

Collective collective_of(const std::string& name) {
  const auto* const found =
      std::find_if(all_collectives.begin(), all_collectives.end(),
                   [&](Collective collective) { return name == to_string(collective); });
  return found == all_collectives.end() ? Collective::all_reduce : *found;
}

ElementType type_of(const std::string& name) {
  const std::span<const ElementType> types = element_types();
  const auto found = std::find_if(types.begin(), types.end(),
                                  [&](const ElementType& type) { return name == type.name; });
  return found == types.end() ? ElementType{"float", 4} : *found;
}

std::string plural(std::int64_t count, const char* one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

// GPUs and nodes of the group, from whatever part of its shape is given.
void shape_of(const Arguments& arguments, const Cluster& cluster, CollectiveTableRequest& request) {
  const std::int64_t per_node = cluster.system.gpus_per_node;
  const std::string fits =
      fmt::format("{} has {} a node", printable(cluster.system.name), plural(per_node, "GPU"));
  const std::int64_t nodes = count_of(arguments, "nodes", 0, 1, most_ranks);
  const std::int64_t on_node = count_of(arguments, "ranks-per-node", 0, 1, most_ranks);
  const std::int64_t others = on_node > 0 ? on_node * std::max(nodes, cluster.nodes)
                                          : (nodes > 0 ? nodes * per_node : gpu_count(cluster));
  request.gpus = count_of(arguments, "gpus", nodes > 0 && on_node > 0 ? nodes * on_node : others, 1,
                          most_ranks);
  if (request.gpus < 2)
    throw UsageError("one GPU has nobody to communicate with", "--gpus 2 or more");
  const std::int64_t on_full_node = on_node > 0 ? on_node : per_node;
  request.nodes = nodes > 0 ? nodes : (request.gpus + on_full_node - 1) / on_full_node;
  if (on_node > 0 && request.gpus != request.nodes * on_node)
    throw UsageError(fmt::format("{} are not {} on each of {}", plural(request.gpus, "GPU"),
                                 on_node, plural(request.nodes, "node")),
                     "leave out one of --gpus, --nodes and --ranks-per-node");
  if (request.gpus % request.nodes != 0)
    throw UsageError(
        fmt::format("{} GPUs do not spread evenly over {} nodes", request.gpus, request.nodes),
        fits);
  if (request.gpus / request.nodes > per_node)
    throw UsageError(
        fmt::format("{} GPUs do not fit on {}", request.gpus, plural(request.nodes, "node")), fits);
  if (!cluster.failed.empty() && request.nodes <= cluster.nodes &&
      request.gpus > gpu_count(cluster))
    throw UsageError(
        fmt::format("{} GPUs, but {} are left of this cluster", request.gpus, gpu_count(cluster)),
        "its `failed` takes nodes out of the job");
  request.groups = count_of(arguments, "siblings", 1, 1, most_ranks);
  if (request.groups > per_node / (request.gpus / request.nodes))
    throw UsageError(fmt::format("{} groups with {} a node do not fit at once", request.groups,
                                 plural(request.gpus / request.nodes, "GPU")),
                     fits);
}

CollectiveTableRequest request_of(const Arguments& arguments, const Cluster& cluster) {
  CollectiveTableRequest request;
  request.collective = collective_of(arguments.value("collective", "all_reduce"));
  request.type = type_of(arguments.value("datatype", "float"));
  shape_of(arguments, cluster, request);
  request.first_size = size_of(arguments, "begin", 8);
  request.last_size = size_of(arguments, "end", std::int64_t{16} << 30);
  request.factor = count_of(arguments, "factor", 2, 2, 1024);
  if (request.first_size > request.last_size)
    throw UsageError(
        fmt::format("--begin {} is larger than --end {}", request.first_size, request.last_size));
  return request;
}

// The cluster that is named, with NCCL's files laid over it; without a name that of the topology.
Cluster cluster_of(const Arguments& arguments, const Catalog& catalog) {
  const bool named = !arguments.positionals().empty();
  if (!named && !arguments.has("nccl-topology"))
    throw UsageError(
        "collectives needs a CLUSTER",
        "a system of the catalog, a cluster or scenario file, or --nccl-topology FILE");
  Cluster cluster = named ? load_cluster(arguments.positionals().front(), catalog)
                          : cluster_of_topology(arguments.value("nccl-topology"), catalog);
  if (named && arguments.has("nccl-topology")) {
    cluster.imported.topology.reset();
    cluster.imported.topology_file = arguments.value("nccl-topology");
  }
  if (arguments.has("nccl-graph")) {
    cluster.imported.graphs.reset();
    cluster.imported.graph_file = arguments.value("nccl-graph");
  }
  std::vector<Diagnostic> problems;
  import_nccl_files(cluster, problems);
  if (!problems.empty()) throw InputError(std::move(problems));
  return cluster;
}

std::string as_system(const Arguments& arguments, const Cluster& cluster) {
  if (!cluster.imported.topology)
    throw UsageError("--as-system needs a topology file", "give --nccl-topology FILE");
  const bool named = !arguments.positionals().empty();
  return system_yaml(*cluster.imported.topology,
                     named ? cluster.system.name : base_system(*cluster.imported.topology));
}

}  // namespace

Outcome run_collectives(const Arguments& arguments, const Environment& environment) {
  const Catalog catalog = open_catalog(arguments, environment, settings_of(arguments));
  Cluster cluster = cluster_of(arguments, catalog);
  if (arguments.has("as-system")) return {as_system(arguments, cluster), exit_ok};
  const CollectiveTableRequest request = request_of(arguments, cluster);
  if (request.nodes > cluster.nodes) {
    cluster.nodes = request.nodes;
    cluster.gpus = 0;
  }
  apply_calibrations(arguments.values("calibration"), catalog, {&cluster});
  const CollectiveTable table = collective_table(cluster, request);
  if (std::any_of(table.rows.begin(), table.rows.end(),
                  [](const CollectiveRow& row) { return !std::isfinite(row.choice.time.value()); }))
    return {"", exit_infeasible, "lockstep: this group " + why_cut_off(cluster) + "\n"};
  const std::string format = arguments.value("format", "text");
  const bool explain = arguments.has("explain");
  if (format == "json") return {collective_table_json(table, explain), exit_ok};
  if (format == "csv") return {collective_table_csv(table), exit_ok};
  return {collective_table_text(table, explain), exit_ok};
}

}  // namespace lockstep::cli
