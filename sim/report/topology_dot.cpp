// The graph of a cluster in Graphviz' language: one box for each node, switches between them.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sim/report/topology_report.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

bool in_a_node(const Part& part) {
  return part.kind != PartKind::leaf && part.kind != PartKind::spine && part.kind != PartKind::core;
}

const char* look_of(PartKind kind) {
  switch (kind) {
    case PartKind::gpu:
      return "shape=box, style=filled, fillcolor=\"#d5e8d4\"";
    case PartKind::nvswitch:
      return "shape=box, style=\"filled,rounded\", fillcolor=\"#ffe6cc\"";
    case PartKind::pcie_switch:
      return "shape=ellipse, style=filled, fillcolor=\"#f5f5f5\"";
    case PartKind::cpu:
      return "shape=box3d, style=filled, fillcolor=\"#f5f5f5\"";
    case PartKind::nic:
      return "shape=box, style=filled, fillcolor=\"#dae8fc\"";
    case PartKind::leaf:
    case PartKind::spine:
    case PartKind::core:
      return "shape=hexagon, style=filled, fillcolor=\"#e1d5e7\"";
  }
  return "";
}

std::string part_line(const Part& part) {
  const std::string full = name(part);
  std::string label = full.substr(in_a_node(part) ? full.find('.') + 1 : 0);
  if (!in_a_node(part) && part.multiplicity > 1) label += fmt::format("\\n× {}", part.multiplicity);
  return fmt::format("{} [label=\"{}\", {}{}];\n", quoted(full), label, look_of(part.kind),
                     part.failed ? ", color=red, fontcolor=red, style=dashed" : "");
}

std::string rate(const PartLink& link) {
  const bool fabric = link.kind == LinkKind::network || link.kind == LinkKind::uplink ||
                      link.kind == LinkKind::core_uplink;
  if (link.bandwidth <= BytesPerSecond{}) return "down";
  std::string text = fabric ? to_bit_rate_text(link.bandwidth) : to_text(link.bandwidth);
  if (link.parallel > 1) text = fmt::format("{} × {}", link.parallel, text);
  return text;
}

std::string link_line(const PartLink& link, const std::vector<Part>& parts) {
  const bool broken = link.bandwidth <= BytesPerSecond{} || link.cause >= 0 ||
                      parts[link.from].failed || parts[link.to].failed;
  // From left to right: NVSwitches, GPUs, PCIe switches, NICs, leaves, spines, cores; CPUs aside.
  const PartKind lower = parts[link.from].kind, upper = parts[link.to].kind;
  const bool turned = upper == PartKind::nvswitch || lower == PartKind::nic;
  const bool host = upper == PartKind::cpu && lower != PartKind::gpu;
  const std::size_t left = turned && link.kind != LinkKind::network ? link.to : link.from;
  const std::size_t right = left == link.from ? link.to : link.from;
  return fmt::format("  {} -- {} [label=\"{}\"{}{}{}];\n", quoted(name(parts[left])),
                     quoted(name(parts[right])), rate(link),
                     link.kind == LinkKind::nvlink ? ", penwidth=2" : "",
                     host && lower != PartKind::nic ? ", constraint=false" : "",
                     broken ? ", color=red, fontcolor=red, style=dashed" : "");
}

}  // namespace

std::string topology_dot(const Cluster& cluster, Extent extent) {
  const ClusterParts all = cluster_parts(cluster, extent);
  std::map<std::int64_t, std::vector<const Part*>> nodes;
  std::string switches;
  for (const Part& part : all.parts) {
    if (in_a_node(part)) {
      nodes[part.owner].push_back(&part);
    } else {
      switches += "  " + part_line(part);
    }
  }
  std::string text =
      "graph cluster {\n"
      "  graph [rankdir=LR, fontname=\"sans-serif\", nodesep=0.15, ranksep=1.2];\n"
      "  node [fontname=\"sans-serif\", fontsize=11];\n"
      "  edge [fontname=\"sans-serif\", fontsize=8];\n";
  for (const auto& [number, parts] : nodes) {
    const bool failed =
        std::all_of(parts.begin(), parts.end(), [](const Part* part) { return part->failed; });
    // What the node's GPUs stand for, not its NVSwitch's domain.
    const std::int64_t like = parts.front()->multiplicity;
    text += fmt::format(
        "  subgraph cluster_node{} {{\n    label=\"node{}{}\"; style=\"rounded{}\";"
        "{}\n",
        number, number, like > 1 ? fmt::format(" and {} like it", like - 1) : "",
        failed ? ",dashed" : "", failed ? " color=red;" : "");
    for (const Part* part : parts) text += "    " + part_line(*part);
    text += "  }\n";
  }
  text += switches;
  for (const PartLink& link : all.links) text += link_line(link, all.parts);
  return text + "}\n";
}

}  // namespace lockstep
