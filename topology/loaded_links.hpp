// The links of a stretch of the cluster and what flows put on them. Shared by link_load.cpp alone.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "topology/cluster_shape.hpp"
#include "topology/flow_traffic.hpp"
#include "topology/node_paths.hpp"
#include "topology/stand_ins.hpp"

namespace lockstep {

// The busiest link of each class.
using BusiestLinks = std::array<std::optional<LinkLoad>, 7>;

// What one link carries for each flow.
struct Carried {
  std::vector<double> bytes, seconds;
  [[nodiscard]] double busy() const { return std::accumulate(seconds.begin(), seconds.end(), 0.0); }
};

// The links of one stretch, and what the flow being visited puts on them.
class Stretch {
 public:
  Stretch(const Cluster& cluster, const ClusterGraph& graph, const UnitSizes& units,
          std::int64_t size, std::size_t flows);

  void start(std::int64_t first_gpu);
  void flow(std::size_t number) { flow_ = number; }
  [[nodiscard]] std::vector<std::int64_t> listed_nodes() const { return stand_ins_.listed_nodes(); }

  void inside(std::int64_t from, std::int64_t to, double bytes, std::int64_t ranks) {
    const double out = nvlink(from), in = nvlink(to);
    const bool bridged = intra_node_ != IntraNode::nvlink_bridge || from / 2 == to / 2;
    if (intra_node_ == IntraNode::pcie || !bridged || out <= 0.0 || in <= 0.0) {
      host(from, to, bytes);
      return;
    }
    const bool mesh = intra_node_ == IntraNode::nvlink_mesh;
    const double together = mesh ? routes_.link(ranks).value() : 0.0;
    add(nvlink_[2 * index(from)], bytes, mesh ? together : out);
    add(nvlink_[2 * index(to) + 1], bytes, mesh ? together : in);
    const std::vector<std::string>& planes = paths(from).nvswitches[local(from)];
    if (planes.empty()) return;
    const auto count = static_cast<double>(planes.size());
    add(switches_[index(from) / static_cast<std::size_t>(units_.domain)], bytes / count,
        out / count * static_cast<double>(units_.domain));
  }

  void host(std::int64_t from, std::int64_t to, double bytes) {
    if (from / units_.node == to / units_.node)
      put(from, paths(from).to_gpu[local(from)][local(to)], 0, bytes);
  }

  void out(std::int64_t gpu, double bytes, int climb) { through_nics(gpu, bytes, climb, 0); }
  void in(std::int64_t gpu, double bytes, int climb) { through_nics(gpu, bytes, climb, 1); }

  // The first GPU so far that has no NIC left to send through; "" for none.
  [[nodiscard]] const std::string& cut_off() const { return cut_off_; }

  // Replaces what is in `best` where a link here is busier.
  void compare(BusiestLinks& best) const;

 private:
  [[nodiscard]] std::size_t index(std::int64_t gpu) const {
    return static_cast<std::size_t>(gpu - first_);
  }
  [[nodiscard]] std::size_t local(std::int64_t gpu) const {
    return static_cast<std::size_t>(gpu % units_.node);
  }
  [[nodiscard]] std::size_t node_in_stretch(std::int64_t gpu) const {
    return index(gpu) / static_cast<std::size_t>(units_.node);
  }
  [[nodiscard]] const NodePaths& paths(std::int64_t gpu) const {
    return *looks_like_[node_in_stretch(gpu)];
  }
  [[nodiscard]] double nvlink(std::int64_t gpu) const {
    return paths(gpu).nvlink[local(gpu)].value();
  }
  // The node's number in the cluster: nodes that are out are skipped.
  [[nodiscard]] std::int64_t node_number(std::int64_t gpu) const {
    std::int64_t node = gpu / units_.node;
    for (const std::int64_t out : out_) node += out <= node ? 1 : 0;
    return node;
  }
  void add(Carried& link, double bytes, double bandwidth) const {
    link.bytes[flow_] += bytes;
    link.seconds[flow_] += bandwidth > 0.0 ? bytes / bandwidth : no_way;
  }
  // `against`: 1 for the way back.
  void put(std::int64_t gpu, const Hops& hops, Hop against, double bytes) {
    const std::vector<Link>& links = paths(gpu).links;
    for (const Hop each : hops) {
      const Hop hop = each ^ against;
      add(hops_[node_in_stretch(gpu) * most_hops_ + hop], bytes, links[hop / 2].bandwidth.value());
    }
  }
  void through_nics(std::int64_t gpu, double bytes, int climb, Hop against);
  [[nodiscard]] double uplinks(std::int64_t unit, std::size_t leaf) const {
    const auto found = uplinks_.find({stand_ins_.unit(unit), static_cast<std::int64_t>(leaf)});
    return found == uplinks_.end() ? 0.0 : found->second;
  }
  [[nodiscard]] double core_links(std::int64_t pod) const {
    const auto found = core_links_.find(stand_ins_.pod(pod));
    return found == core_links_.end() ? 0.0 : found->second;
  }

  template <class Consider>
  void compare_nvlinks(const Consider& consider) const;
  template <class Consider>
  void compare_hops(const Consider& consider) const;
  template <class Consider>
  void compare_uplinks(const Consider& consider) const;

  static constexpr double no_way = std::numeric_limits<double>::infinity();

  UnitSizes units_;
  std::size_t flow_count_;
  IntraNode intra_node_;
  StandIns stand_ins_;
  Routes routes_;
  FabricShape fabric_;
  std::vector<std::int64_t> out_;
  std::map<std::int64_t, NodePaths> listed_;
  std::map<std::pair<std::int64_t, std::int64_t>, double> uplinks_;  // unit, leaf: together
  std::map<std::int64_t, double> core_links_;                        // of a spine of each pod
  std::size_t most_hops_ = 0, leaves_ = 0;
  std::int64_t first_ = 0;
  std::size_t flow_ = 0;
  std::string cut_off_;
  std::vector<const NodePaths*> looks_like_;  // [node]
  std::vector<Carried> nvlink_;               // [GPU][out, in]
  std::vector<Carried> switches_;             // [domain], of one plane
  std::vector<Carried> hops_;                 // [node][hop]
  std::vector<Carried> up_;                   // [unit][leaf][up, down]
  std::vector<Carried> core_;                 // [pod][up, down], of one spine
};

}  // namespace lockstep
