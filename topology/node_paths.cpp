#include "topology/node_paths.hpp"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/breadth_first_search.hpp>

namespace lockstep {
namespace {

using Host = boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS, boost::no_property,
                                   std::size_t>;  // an edge knows its link
using Edge = Host::edge_descriptor;

class Reader {
 public:
  Reader(const ClusterGraph& graph, std::int64_t node, bool peer_to_peer)
      : graph_(graph), peer_to_peer_(peer_to_peer) {
    read_parts(node);
    read_links();
    for (const std::size_t gpu : gpus_)
      result_.nvlink.push_back(graph.incident(gpu, LinkKind::nvlink));
    for (const std::size_t gpu : gpus_) add_ways(gpu);
    deal_nics();
  }

  NodePaths take() && { return std::move(result_); }

 private:
  struct Tree {
    std::vector<std::size_t> before;
    std::vector<std::size_t> distance;  // in hops; `far` where there is no way
  };
  static constexpr std::size_t far = static_cast<std::size_t>(-1);

  void read_parts(std::int64_t node) {
    const std::vector<Part>& parts = graph_.parts();
    own_.resize(parts.size());
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const PartKind kind = parts[i].kind;
      const bool device = kind == PartKind::gpu || kind == PartKind::cpu || kind == PartKind::nic ||
                          kind == PartKind::pcie_switch;
      own_[i] = device && parts[i].owner == node;
      if (own_[i] && kind == PartKind::gpu) gpus_.push_back(i);
      if (own_[i] && kind == PartKind::cpu) cpus_.push_back(i);
    }
  }

  void read_links() {
    host_ = Host(graph_.parts().size());
    result_.nvswitches.resize(gpus_.size());
    for (const PartLink& link : graph_.part_links()) {
      if (!own_[link.from] || link.bandwidth <= BytesPerSecond{}) continue;
      if (link.kind == LinkKind::network) {
        result_.wires.push_back({graph_.parts()[link.to].index, 2 * result_.links.size()});
        nics_.push_back(link.from);
      } else if (link.kind == LinkKind::pcie || link.kind == LinkKind::socket) {
        boost::add_edge(link.from, link.to, result_.links.size(), host_);
      } else {
        add_plane(link);
        continue;
      }
      ends_.push_back(link.to);
      result_.links.push_back({name(graph_.parts()[link.from]), name(graph_.parts()[link.to]),
                               link.kind, link.bandwidth, 1, 1});
    }
  }

  // NVLinks to a switch go from the GPU.
  void add_plane(const PartLink& link) {
    const Part& other = graph_.parts()[link.to];
    const auto gpu = std::find(gpus_.begin(), gpus_.end(), link.from);
    if (other.kind != PartKind::nvswitch || gpu == gpus_.end()) return;
    result_.nvswitches[static_cast<std::size_t>(gpu - gpus_.begin())].push_back(name(other));
  }

  [[nodiscard]] Tree tree_from(std::size_t part) const {
    Tree tree{std::vector<std::size_t>(boost::num_vertices(host_), part),
              std::vector<std::size_t>(boost::num_vertices(host_), far)};
    tree.distance[part] = 0;
    const auto index = boost::get(boost::vertex_index, host_);
    const auto before = boost::make_iterator_property_map(tree.before.begin(), index);
    const auto distance = boost::make_iterator_property_map(tree.distance.begin(), index);
    boost::breadth_first_search(host_, part,
                                boost::visitor(boost::make_bfs_visitor(std::make_pair(
                                    boost::record_predecessors(before, boost::on_tree_edge{}),
                                    boost::record_distances(distance, boost::on_tree_edge{})))));
    return tree;
  }

  [[nodiscard]] Hops way(const Tree& tree, std::size_t to) const {
    Hops hops;
    if (tree.distance[to] == far) return hops;
    for (std::size_t part = to; tree.before[part] != part; part = tree.before[part]) {
      const std::size_t link = host_[boost::edge(tree.before[part], part, host_).first];
      const bool along = ends_[link] == part;
      hops.push_back(2 * link + (along ? 0 : 1));
    }
    std::reverse(hops.begin(), hops.end());
    return hops;
  }

  void add_ways(std::size_t gpu) {
    const Tree tree = tree_from(gpu);
    std::vector<Hops> wires, gpus;
    std::vector<std::size_t> nearest;
    std::size_t least = far;
    for (std::size_t i = 0; i < nics_.size(); ++i) {
      wires.push_back(way(tree, nics_[i]));
      if (tree.distance[nics_[i]] < least) nearest.clear();
      least = std::min(least, tree.distance[nics_[i]]);
      if (least != far && tree.distance[nics_[i]] == least) nearest.push_back(i);
    }
    std::size_t cpu = gpu;
    for (const std::size_t each : cpus_) {
      const bool closer = cpu == gpu || tree.distance[each] < tree.distance[cpu];
      if (tree.distance[each] != far && closer) cpu = each;
    }
    const Tree from_cpu = peer_to_peer_ ? Tree{} : tree_from(cpu);
    for (const std::size_t other : gpus_) {
      Hops hops = peer_to_peer_ ? way(tree, other) : way(tree, cpu);
      if (!peer_to_peer_) {
        const Hops down = way(from_cpu, other);
        hops.insert(hops.end(), down.begin(), down.end());
      }
      gpus.push_back(std::move(hops));
    }
    result_.to_wire.push_back(std::move(wires));
    result_.to_gpu.push_back(std::move(gpus));
    nearest_.push_back(std::move(nearest));
  }

  // k NICs beside p GPUs: the i-th of them has NICs [i k / p, (i + 1) k / p), or number i k / p
  // where there are fewer NICs than GPUs.
  void deal_nics() {
    for (std::size_t gpu = 0; gpu < nearest_.size(); ++gpu) {
      const std::vector<std::size_t>& nics = nearest_[gpu];
      const auto same =
          static_cast<std::size_t>(std::count(nearest_.begin(), nearest_.end(), nics));
      const auto place = static_cast<std::size_t>(
          std::count(nearest_.begin(), nearest_.begin() + static_cast<std::ptrdiff_t>(gpu), nics));
      std::vector<std::size_t> own;
      if (!nics.empty()) {
        const std::size_t first = place * nics.size() / same;
        const std::size_t end = std::max(first + 1, (place + 1) * nics.size() / same);
        own.assign(nics.begin() + static_cast<std::ptrdiff_t>(first),
                   nics.begin() + static_cast<std::ptrdiff_t>(end));
      }
      result_.nics_of.push_back(std::move(own));
    }
  }

  const ClusterGraph& graph_;
  bool peer_to_peer_;
  Host host_;
  NodePaths result_;
  std::vector<bool> own_;          // by part: belongs to the node
  std::vector<std::size_t> ends_;  // `to` of links, as part
  std::vector<std::size_t> gpus_, cpus_, nics_;
  std::vector<std::vector<std::size_t>> nearest_;
};

}  // namespace

NodePaths node_paths(const ClusterGraph& graph, std::int64_t node, bool peer_to_peer) {
  return Reader{graph, node, peer_to_peer}.take();
}

}  // namespace lockstep
