#include "topology/failures.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "topology/cluster_shape.hpp"

namespace lockstep {
namespace {

bool below(std::int64_t value, std::int64_t end) {
  return value >= 0 && value < end;
}

std::int64_t node_count(const Cluster& cluster) {
  return std::max<std::int64_t>(1, cluster.nodes);
}

// NVSwitches belong to the first node of their domain: how many a node has.
std::int64_t nvswitches_of(const Cluster& cluster, std::int64_t node) {
  const System& system = cluster.system;
  const NodeShape shape = node_shape(system);
  const std::int64_t domain = std::max<std::int64_t>(1, system.gpus_per_nvlink_domain);
  const auto domains_before = [&](std::int64_t nodes) {
    return (nodes * shape.gpus + domain - 1) / domain;
  };
  return (domains_before(node + 1) - domains_before(node)) * shape.planes;
}

// "node0 to node7", "node0".
std::string range(std::string_view word, std::int64_t count) {
  if (count == 1) return fmt::format("{}0", word);
  return fmt::format("{}0 to {}{}", word, word, count - 1);
}

struct KindRange {
  std::string_view word;
  std::int64_t count;
};

std::string list(const std::vector<KindRange>& ranges) {
  std::string text;
  for (const KindRange& one : ranges) {
    if (one.count > 0) text += (text.empty() ? "" : ", ") + range(one.word, one.count);
  }
  return text;
}

std::vector<KindRange> ranges_of_node(const Cluster& cluster, std::int64_t node) {
  const NodeShape shape = node_shape(cluster.system);
  return {{"gpu", shape.gpus},
          {"nvswitch", nvswitches_of(cluster, node)},
          {"pcie", shape.pcie_switches},
          {"cpu", shape.sockets},
          {"nic", shape.nics}};
}

// What names of this kind would be good ones.
std::string hint_for(const Cluster& cluster, std::string_view text) {
  const FabricShape fabric = fabric_shape(cluster);
  const std::size_t dot = text.find('.');
  const std::optional<std::int64_t> node = parse_node(text.substr(0, dot));
  if (node && below(*node, node_count(cluster)) && dot != std::string_view::npos)
    return fmt::format("node{} has {}", *node, list(ranges_of_node(cluster, *node)));
  const bool of_node = text.substr(0, 4) == "node";
  const bool of_unit = text.substr(0, 4) == "unit";
  const std::string spines = fabric.has_cores() ? fmt::format("pod0.spine0 to pod{}.spine{}",
                                                              fabric.pods - 1, fabric.spines - 1)
                                                : list({{"spine", fabric.spines}});
  const std::string leaves =
      fmt::format("unit0.leaf0 to unit{}.leaf{}", fabric.units - 1, fabric.leaves_per_unit - 1);
  if (of_node) return "the nodes are " + range("node", node_count(cluster));
  if (of_unit) return "the leaf switches are " + leaves;
  if (text.find("spine") != std::string_view::npos && fabric.spines > 0)
    return "the spine switches are " + spines;
  if (text.substr(0, 4) == "core" && fabric.has_cores())
    return "the core switches are " + range("core", fabric.cores);
  std::string all = fmt::format("{} with {}; {}", range("node", node_count(cluster)),
                                list(ranges_of_node(cluster, 0)), leaves);
  if (fabric.spines > 0) all += "; " + spines;
  if (fabric.has_cores()) all += "; " + range("core", fabric.cores);
  return "parts are " + all;
}

// The names in an entry: one, or the two ends of a link.
std::pair<std::string_view, std::optional<std::string_view>> ends(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return {text, std::nullopt};
  return {text.substr(0, dash), text.substr(dash + 1)};
}

std::optional<Part> part_of(const Cluster& cluster, std::string_view text) {
  const std::optional<Part> part = parse_part(text);
  return part && has_part(cluster, *part) ? part : std::nullopt;
}

bool takes_node_out(const FailedItem& item) {
  if (item.bandwidth_left > 0.0) return false;
  if (item.whole_node) return true;
  const auto is = [](const Part& part, PartKind kind) { return part.kind == kind; };
  const auto host = [&](const Part& part) {
    return is(part, PartKind::pcie_switch) || is(part, PartKind::cpu);
  };
  if (!item.second) return is(item.first, PartKind::gpu) || host(item.first);
  const Part &a = item.first, &b = *item.second;
  const bool slot = (is(a, PartKind::gpu) && host(b)) || (is(b, PartKind::gpu) && host(a));
  return slot || (host(a) && host(b) && a.kind != b.kind);
}

std::string link_names(const Cluster& cluster, const Part& part) {
  Cluster with_part = cluster;
  with_part.failed = {name(part)};
  with_part.degraded.clear();
  const ClusterParts all = cluster_parts(with_part);
  constexpr std::size_t most_named = 8;
  std::vector<std::string> names;
  for (const PartLink& link : all.links) {
    const Part &from = all.parts[link.from], &to = all.parts[link.to];
    if (same_part(from, part)) names.push_back(name(part) + "-" + name(to));
    if (same_part(to, part)) names.push_back(name(part) + "-" + name(from));
  }
  const bool more = names.size() > most_named;
  if (more) names.resize(most_named);
  return fmt::format("{}{}", fmt::join(names, ", "), more ? " …" : "");
}

std::string quoted_kind(std::string_view text) {
  return text.empty() ? "an empty name" : fmt::format("'{}'", text.substr(0, 60));
}

}  // namespace

bool has_part(const Cluster& cluster, const Part& part) {
  const NodeShape node = node_shape(cluster.system);
  const FabricShape fabric = fabric_shape(cluster);
  const bool node_there = below(part.owner, node_count(cluster));
  switch (part.kind) {
    case PartKind::gpu:
      return node_there && below(part.index, node.gpus);
    case PartKind::nvswitch:
      return node_there && below(part.index, nvswitches_of(cluster, part.owner));
    case PartKind::pcie_switch:
      return node_there && below(part.index, node.pcie_switches);
    case PartKind::cpu:
      return node_there && below(part.index, node.sockets);
    case PartKind::nic:
      return node_there && below(part.index, node.nics);
    case PartKind::leaf:
      return below(part.owner, fabric.units) && below(part.index, fabric.leaves_per_unit);
    case PartKind::spine:
      return below(part.index, fabric.spines) &&
             (fabric.has_cores() ? below(part.owner, fabric.pods) : part.owner == no_pod);
    case PartKind::core:
      return below(part.index, fabric.cores);
  }
  return false;
}

std::optional<FailedItem> read_failure(const Cluster& cluster, std::string_view text,
                                       double bandwidth_left) {
  FailedItem item;
  item.bandwidth_left = bandwidth_left;
  item.text = bandwidth_left > 0.0 ? fmt::format("{} has {:.3g} % of its bandwidth left", text,
                                                 100.0 * bandwidth_left)
                                   : fmt::format("{} is down", text);
  const auto [first, second] = ends(text);
  if (const std::optional<std::int64_t> node = parse_node(text)) {
    if (!below(*node, node_count(cluster))) return std::nullopt;
    item.whole_node = true;
    item.first.owner = *node;
    return item;
  }
  const std::optional<Part> a = part_of(cluster, first);
  if (!a) return std::nullopt;
  item.first = *a;
  if (!second) return item;
  item.second = part_of(cluster, *second);
  return item.second ? std::optional<FailedItem>{item} : std::nullopt;
}

std::vector<FailedItem> failed_items(const Cluster& cluster) {
  std::vector<FailedItem> items;
  for (std::size_t i = 0; i < cluster.failed.size(); ++i) {
    if (std::optional<FailedItem> item = read_failure(cluster, cluster.failed[i])) {
      item->index = i;
      items.push_back(*std::move(item));
    }
  }
  for (std::size_t i = 0; i < cluster.degraded.size(); ++i) {
    const Degraded& one = cluster.degraded[i];
    if (std::optional<FailedItem> item = read_failure(cluster, one.link, one.bandwidth_left)) {
      item->index = i;
      item->degraded = true;
      items.push_back(*std::move(item));
    }
  }
  return items;
}

std::vector<std::int64_t> nodes_out(const Cluster& cluster) {
  std::vector<std::int64_t> nodes;
  if (cluster.failed.empty() && cluster.degraded.empty()) return nodes;
  for (const FailedItem& item : failed_items(cluster)) {
    if (takes_node_out(item)) nodes.push_back(item.first.owner);
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

std::vector<FailureProblem> failure_problems(const Cluster& cluster) {
  std::vector<FailureProblem> problems;
  const auto check = [&](const std::string& text, bool degraded, std::size_t index) {
    const auto [first, second] = ends(text);
    if (degraded && !second) {
      problems.push_back(
          {degraded, index, quoted_kind(text) + " is no link",
           "a link is two parts: node0.gpu1-node0.nvswitch0, node0.nic0-unit0.leaf0"});
      return;
    }
    if (parse_node(text) && read_failure(cluster, text)) return;
    for (const std::optional<std::string_view>& end : {std::optional{first}, second}) {
      if (!end || part_of(cluster, *end)) continue;
      problems.push_back({degraded, index, quoted_kind(*end) + " is no part of this cluster",
                          hint_for(cluster, *end)});
      return;
    }
  };
  for (std::size_t i = 0; i < cluster.failed.size(); ++i) check(cluster.failed[i], false, i);
  for (std::size_t i = 0; i < cluster.degraded.size(); ++i)
    check(cluster.degraded[i].link, true, i);
  if (cluster.failed.empty() && cluster.degraded.empty()) return problems;

  const std::vector<FailedItem> items = failed_items(cluster);
  for (const std::size_t number : cluster_parts(cluster).unresolved) {
    const FailedItem& item = items[number];
    problems.push_back(
        {item.degraded, item.index,
         fmt::format("{} and {} are not linked", name(item.first), name(*item.second)),
         "links there: " + link_names(cluster, item.first)});
  }
  return problems;
}

}  // namespace lockstep
