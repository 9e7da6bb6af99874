// collectives.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "scenarios/calibration_file.hpp"
#include "scenarios/utf8.hpp"
#include "sim/cli/catalog_folder.hpp"
#include "sim/cli/commands.hpp"
#include "sim/report/collective_table.hpp"

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

CollectiveTableRequest request_of(const Arguments& arguments, const System& system) {
  CollectiveTableRequest request;
  request.collective = collective_of(arguments.value("collective", "all_reduce"));
  const std::int64_t per_node = system.gpus_per_node;
  const std::int64_t given_nodes = count_of(arguments, "nodes", 0, 1, most_ranks);
  request.gpus =
      count_of(arguments, "gpus", std::max<std::int64_t>(1, given_nodes) * per_node, 1, most_ranks);
  request.nodes = given_nodes > 0 ? given_nodes : (request.gpus + per_node - 1) / per_node;
  if (request.gpus % request.nodes != 0)
    throw UsageError(
        fmt::format("{} GPUs do not spread evenly over {} nodes", request.gpus, request.nodes),
        fmt::format("{} has {} GPUs a node", printable(system.name), per_node));
  if (request.gpus / request.nodes > per_node)
    throw UsageError(fmt::format("{} GPUs do not fit on {} node{}", request.gpus, request.nodes,
                                 request.nodes == 1 ? "" : "s"),
                     fmt::format("{} has {} GPUs a node", printable(system.name), per_node));
  request.first_size = size_of(arguments, "begin", 8);
  request.last_size = size_of(arguments, "end", std::int64_t{16} << 30);
  request.factor = count_of(arguments, "factor", 2, 2, 1024);
  if (request.first_size > request.last_size)
    throw UsageError(
        fmt::format("--begin {} is larger than --end {}", request.first_size, request.last_size));
  return request;
}

}  // namespace

Outcome run_collectives(const Arguments& arguments, const Environment& environment) {
  const Catalog catalog = open_catalog(arguments, environment, settings_of(arguments));
  const System system = catalog.system(arguments.positionals().front());
  CollectiveTableRequest request = request_of(arguments, system);
  Cluster cluster;
  cluster.system = system;
  apply_calibrations(arguments.values("calibration"), catalog, {&cluster});
  request.calibrations = cluster.calibrations;
  const CollectiveTable table = collective_table(system, request);
  const std::string format = arguments.value("format", "text");
  const bool explain = arguments.has("explain");
  if (format == "json") return {collective_table_json(table, explain), exit_ok};
  if (format == "csv") return {collective_table_csv(table), exit_ok};
  return {collective_table_text(table, explain), exit_ok};
}

}  // namespace lockstep::cli
