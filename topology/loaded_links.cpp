#include "topology/loaded_links.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "topology/failures.hpp"

namespace lockstep {
namespace {

// "node0.gpu3" of the template, in another node: "node7.gpu3".
std::string renamed(const std::string& part, const char* kind, std::int64_t number) {
  const std::size_t dot = part.find('.');
  if (dot == std::string::npos || part.rfind(kind, 0) != 0) return part;
  return fmt::format("{}{}{}", kind, number, part.substr(dot));
}

// Equal loads summed in another order are not a busier link.
constexpr double clearly_more = 1.0 + 1e-9;

}  // namespace

LinkClass class_of(LinkKind kind) {
  switch (kind) {
    case LinkKind::nvlink:
      return LinkClass::nvlink;
    case LinkKind::pcie:
      return LinkClass::pcie;
    case LinkKind::socket:
      return LinkClass::socket;
    case LinkKind::network:
      return LinkClass::nic;
    case LinkKind::uplink:
      return LinkClass::leaf_uplink;
    case LinkKind::core_uplink:
      return LinkClass::core_uplink;
  }
  return LinkClass::core_uplink;
}

Stretch::Stretch(const Cluster& cluster, const ClusterGraph& graph, const UnitSizes& units,
                 std::int64_t size, std::size_t flows)
    : units_(units),
      flow_count_(flows),
      intra_node_(cluster.system.intra_node),
      stand_ins_(cluster, graph),
      routes_(routes(cluster, graph)),
      fabric_(fabric_shape(cluster)),
      out_(nodes_out(cluster)) {
  for (const std::int64_t node : stand_ins_.listed_nodes()) {
    const NodePaths& paths =
        listed_.emplace(node, node_paths(graph, node, cluster.system.peer_to_peer)).first->second;
    most_hops_ = std::max(most_hops_, 2 * paths.links.size());
  }
  std::map<std::int64_t, double> spines;
  for (std::size_t i = 0; i < graph.parts().size(); ++i) {
    const Part& part = graph.parts()[i];
    if (part.kind == PartKind::leaf) {
      leaves_ = std::max(leaves_, static_cast<std::size_t>(part.index) + 1);
      uplinks_[{part.owner, part.index}] = graph.incident(i, LinkKind::uplink).value();
    } else if (part.kind == PartKind::spine && fabric_.has_cores()) {
      const auto weight = static_cast<double>(part.multiplicity);
      core_links_[part.owner] += weight * graph.incident(i, LinkKind::core_uplink).value();
      spines[part.owner] += weight;
    }
  }
  for (auto& [pod, bandwidth] : core_links_) bandwidth /= spines[pod];
  const auto per = [&](std::int64_t of) { return static_cast<std::size_t>((size + of - 1) / of); };
  looks_like_.resize(per(units.node));
  nvlink_.resize(2 * per(1));
  switches_.resize(per(units.domain));
  hops_.resize(per(units.node) * most_hops_);
  up_.resize(per(units.leaf) * leaves_ * 2);
  core_.resize(per(units.pod) * 2);
}

void Stretch::start(std::int64_t first_gpu) {
  first_ = first_gpu;
  for (std::size_t i = 0; i < looks_like_.size(); ++i) {
    const std::int64_t gpu = first_ + static_cast<std::int64_t>(i) * units_.node;
    looks_like_[i] = &listed_.at(stand_ins_.node(node_number(gpu)));
  }
  for (std::vector<Carried>* all : {&nvlink_, &switches_, &hops_, &up_, &core_}) {
    for (Carried& link : *all) {
      link.bytes.assign(flow_count_, 0.0);
      link.seconds.assign(flow_count_, 0.0);
    }
  }
}

void Stretch::through_nics(std::int64_t gpu, double bytes, int climb, Hop against) {
  const NodePaths& node = paths(gpu);
  const std::vector<std::size_t>& nics = node.nics_of[local(gpu)];
  if (nics.empty()) {
    if (cut_off_.empty()) cut_off_ = fmt::format("node{}.gpu{}", node_number(gpu), local(gpu));
    return;
  }
  const double share = bytes / static_cast<double>(nics.size());
  for (const std::size_t nic : nics) {
    const Wire& wire = node.wires[nic];
    put(gpu, node.to_wire[local(gpu)][nic], against, share);
    put(gpu, {wire.out}, against, share);
    if (climb == 0) continue;
    const auto leaf = static_cast<std::size_t>(wire.leaf);
    const auto unit = static_cast<std::size_t>(index(gpu)) / static_cast<std::size_t>(units_.leaf);
    add(up_[(unit * leaves_ + leaf) * 2 + against], share, uplinks(gpu / units_.leaf, leaf));
  }
  if (climb < 2) return;
  const auto pod = index(gpu) / static_cast<std::size_t>(units_.pod);
  const auto spines = static_cast<double>(std::max<std::int64_t>(1, fabric_.spines));
  add(core_[2 * pod + against], bytes / spines, core_links(gpu / units_.pod));
}

template <class Consider>
void Stretch::compare_nvlinks(const Consider& consider) const {
  for (std::size_t i = 0; i < nvlink_.size(); ++i) {
    consider(LinkClass::nvlink, nvlink_[i], [&](LinkLoad& load) {
      const std::int64_t gpu = first_ + static_cast<std::int64_t>(i / 2);
      const std::vector<std::string>& planes = paths(gpu).nvswitches[local(gpu)];
      load.from = fmt::format("node{}.gpu{}", node_number(gpu), local(gpu));
      load.to = planes.empty() ? "its NVLinks" : fmt::format("its {} NVSwitches", planes.size());
      if (planes.size() == 1)
        load.to = renamed(planes.front(), "node", node_number(gpu / units_.domain * units_.domain));
      load.bandwidth = paths(gpu).nvlink[local(gpu)];
      if (i % 2 == 1) std::swap(load.from, load.to);
    });
  }
  for (std::size_t i = 0; i < switches_.size(); ++i) {
    consider(LinkClass::nvswitch, switches_[i], [&](LinkLoad& load) {
      // The first GPU of the domain that still has NVLinks stands for its switch.
      std::int64_t gpu = first_ + static_cast<std::int64_t>(i) * units_.domain;
      const std::int64_t last = gpu + units_.domain - 1;
      while (gpu < last && paths(gpu).nvswitches[local(gpu)].empty()) ++gpu;
      const std::vector<std::string>& planes = paths(gpu).nvswitches[local(gpu)];
      if (planes.empty()) return;
      load.from = renamed(planes.front(), "node", node_number(gpu));
      load.bandwidth = paths(gpu).nvlink[local(gpu)] * static_cast<double>(units_.domain) /
                       static_cast<double>(planes.size());
    });
  }
}

template <class Consider>
void Stretch::compare_hops(const Consider& consider) const {
  for (std::size_t i = 0; i < hops_.size(); ++i) {
    const std::size_t node = i / most_hops_, hop = i % most_hops_;
    if (hop / 2 >= looks_like_[node]->links.size()) continue;
    const Link& link = looks_like_[node]->links[hop / 2];
    consider(class_of(link.kind), hops_[i], [&](LinkLoad& load) {
      const std::int64_t gpu = first_ + static_cast<std::int64_t>(node) * units_.node;
      const auto here = [&](const std::string& part) {
        return renamed(renamed(part, "node", node_number(gpu)), "unit",
                       node_number(gpu) / fabric_.nodes_per_unit);
      };
      load.from = here(hop % 2 == 0 ? link.from : link.to);
      load.to = here(hop % 2 == 0 ? link.to : link.from);
      load.bandwidth = link.bandwidth;
    });
  }
}

template <class Consider>
void Stretch::compare_uplinks(const Consider& consider) const {
  for (std::size_t i = 0; i < up_.size(); ++i) {
    consider(LinkClass::leaf_uplink, up_[i], [&](LinkLoad& load) {
      const std::size_t leaf = i / 2 % leaves_;
      const std::int64_t unit = first_ / units_.leaf + static_cast<std::int64_t>(i / 2 / leaves_);
      load.from = fmt::format("unit{}.leaf{}", unit, leaf);
      load.to = "spines";
      load.bandwidth = BytesPerSecond{uplinks(unit, leaf)};
      if (i % 2 == 1) std::swap(load.from, load.to);
    });
  }
  for (std::size_t i = 0; i < core_.size(); ++i) {
    consider(LinkClass::core_uplink, core_[i], [&](LinkLoad& load) {
      const std::int64_t pod = first_ / units_.pod + static_cast<std::int64_t>(i / 2);
      load.from = fmt::format("pod{}.spine0", pod);
      load.to = "cores";
      load.bandwidth = BytesPerSecond{core_links(pod)};
      if (i % 2 == 1) std::swap(load.from, load.to);
    });
  }
}

void Stretch::compare(BusiestLinks& best) const {
  const auto consider = [&](LinkClass link_class, const Carried& carried, const auto& named) {
    const double busy = carried.busy();
    std::optional<LinkLoad>& known = best[static_cast<std::size_t>(link_class)];
    if (busy <= 0.0 || (known && busy <= known->busy.value() * clearly_more)) return;
    LinkLoad load;
    load.link_class = link_class;
    named(load);
    load.busy = Seconds{busy};
    for (std::size_t i = 0; i < flow_count_; ++i) {
      load.bytes += Bytes{carried.bytes[i]};
      load.flows.push_back({{}, Bytes{carried.bytes[i]}, Seconds{carried.seconds[i]}});
    }
    known = std::move(load);
  };
  compare_nvlinks(consider);
  compare_hops(consider);
  compare_uplinks(consider);
}

}  // namespace lockstep
