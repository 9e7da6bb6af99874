#include "topology/graph.hpp"

#include <algorithm>
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/compressed_sparse_row_graph.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <boost/graph/filtered_graph.hpp>
#include <boost/range/iterator_range.hpp>
#include <boost/property_map/function_property_map.hpp>
#include <boost/range/iterator_range.hpp>
#include <functional>
#include <limits>
#include <utility>

#include "topology/cluster_shape.hpp"

namespace lockstep {
namespace {

// Each link is two edges, one each way, that know its number.
struct EdgeData {
  std::size_t link = 0;
};
using Graph = boost::compressed_sparse_row_graph<boost::directedS, boost::no_property, EdgeData>;
using Edge = boost::graph_traits<Graph>::edge_descriptor;

constexpr double unlimited = std::numeric_limits<double>::infinity();

Graph build(const ClusterParts& all) {
  std::vector<std::pair<std::size_t, std::size_t>> edges;
  std::vector<EdgeData> data;
  edges.reserve(2 * all.links.size());
  data.reserve(2 * all.links.size());
  for (std::size_t i = 0; i < all.links.size(); ++i) {
    edges.emplace_back(all.links[i].from, all.links[i].to);
    edges.emplace_back(all.links[i].to, all.links[i].from);
    data.insert(data.end(), 2, EdgeData{i});
  }
  return Graph(boost::edges_are_unsorted_multi_pass, edges.begin(), edges.end(), data.begin(),
               all.parts.size());
}

// Dijkstra's algorithm with "the narrower of" for "plus" and "wider" for "less".
// Source: Pollack, "The maximum capacity through a network", Operations Research, 1960.
template <class Width>
std::vector<double> widest_ways(const Graph& graph, std::size_t from, Width width_of) {
  std::vector<double> width(boost::num_vertices(graph), 0.0);
  const auto weight = boost::make_function_property_map<Edge>(
      [&](const Edge& edge) { return width_of(graph[edge].link); });
  const auto index = boost::get(boost::vertex_index, graph);
  boost::dijkstra_shortest_paths(
      graph, from,
      boost::weight_map(weight)
          .distance_map(boost::make_iterator_property_map(width.begin(), index))
          .distance_compare(std::greater<>{})
          .distance_combine([](double a, double b) { return std::min(a, b); })
          .distance_inf(0.0)
          .distance_zero(unlimited));
  return width;
}

// Breadth first over the links that `usable` leaves: the part before each on the way from `from`,
// itself where none leads there.
template <class Usable>
std::vector<std::size_t> fewest_hops(const Graph& graph, std::size_t from, Usable usable) {
  const std::function<bool(const Edge&)> wanted = [&](const Edge& edge) {
    return usable(graph[edge].link);
  };
  const boost::filtered_graph<Graph, std::function<bool(const Edge&)>> left{graph, wanted};
  std::vector<std::size_t> before(boost::num_vertices(graph));
  for (std::size_t i = 0; i < before.size(); ++i) before[i] = i;
  const auto index = boost::get(boost::vertex_index, graph);
  boost::breadth_first_search(
      left, from,
      boost::visitor(boost::make_bfs_visitor(boost::record_predecessors(
          boost::make_iterator_property_map(before.begin(), index), boost::on_tree_edge{}))));
  return before;
}

bool is_plane_link(const PartLink& link, const std::vector<Part>& parts) {
  return link.kind == LinkKind::nvlink && parts[link.to].kind == PartKind::nvswitch;
}

}  // namespace

struct ClusterGraph::Impl {
  ClusterParts all;
  Graph graph;
  FabricShape shape;

  [[nodiscard]] std::optional<std::size_t> find(std::string_view wanted) const {
    const std::optional<Part> part = parse_part(wanted);
    for (std::size_t i = 0; part && i < all.parts.size(); ++i) {
      if (same_part(all.parts[i], *part)) return i;
    }
    return std::nullopt;
  }
  [[nodiscard]] PartLink* find(std::string_view from, std::string_view to) {
    const std::optional<std::size_t> a = find(from), b = find(to);
    if (!a || !b) return nullptr;
    for (PartLink& link : all.links) {
      if ((link.from == *a && link.to == *b) || (link.from == *b && link.to == *a)) return &link;
    }
    return nullptr;
  }
  [[nodiscard]] Link describe(const PartLink& link, bool turned = false) const {
    const std::size_t from = turned ? link.to : link.from, to = turned ? link.from : link.to;
    return {name(all.parts[from]), name(all.parts[to]), link.kind,
            link.bandwidth,        link.parallel,       link.multiplicity};
  }
  // The links of a GPU to all planes of its domain are one way of their joint width.
  [[nodiscard]] std::vector<double> widths() const {
    std::vector<double> width(all.links.size()), of_gpu(all.parts.size(), 0.0);
    for (const PartLink& link : all.links) {
      if (is_plane_link(link, all.parts)) of_gpu[link.from] += link.bandwidth.value();
    }
    for (std::size_t i = 0; i < width.size(); ++i) {
      const PartLink& link = all.links[i];
      const bool striped = is_plane_link(link, all.parts) && link.bandwidth > BytesPerSecond{};
      width[i] = striped ? of_gpu[link.from] : link.bandwidth.value();
    }
    return width;
  }
  // Of the links between two neighbours the one that is left.
  [[nodiscard]] std::size_t link_between(std::size_t from, std::size_t to,
                                         const std::vector<double>& width) const {
    for (const Edge& edge : boost::make_iterator_range(boost::out_edges(from, graph))) {
      if (boost::target(edge, graph) == to && width[graph[edge].link] > 0.0)
        return graph[edge].link;
    }
    return 0;
  }
};

ClusterGraph::ClusterGraph(const Cluster& cluster, Extent extent)
    : impl_(std::make_unique<Impl>()) {
  impl_->all = cluster_parts(cluster, extent);
  impl_->graph = build(impl_->all);
  impl_->shape = fabric_shape(cluster);
}
ClusterGraph::ClusterGraph(ClusterGraph&&) noexcept = default;
ClusterGraph& ClusterGraph::operator=(ClusterGraph&&) noexcept = default;
ClusterGraph::~ClusterGraph() = default;

const std::vector<Part>& ClusterGraph::parts() const {
  return impl_->all.parts;
}

std::optional<std::size_t> ClusterGraph::find(std::string_view name) const {
  return impl_->find(name);
}

std::vector<Link> ClusterGraph::links() const {
  std::vector<Link> all;
  for (const PartLink& link : impl_->all.links) {
    if (link.bandwidth > BytesPerSecond{}) all.push_back(impl_->describe(link));
  }
  return all;
}

const std::vector<PartLink>& ClusterGraph::part_links() const {
  return impl_->all.links;
}

const FabricShape& ClusterGraph::shape() const {
  return impl_->shape;
}

std::int64_t ClusterGraph::count(PartKind kind) const {
  std::int64_t sum = 0;
  for (const Part& part : impl_->all.parts) {
    if (part.kind == kind && !part.failed) sum += part.multiplicity;
  }
  return sum;
}

bool ClusterGraph::set_bandwidth(std::string_view from, std::string_view to,
                                 BytesPerSecond bandwidth) {
  PartLink* link = impl_->find(from, to);
  if (link == nullptr) return false;
  if (bandwidth < link->bandwidth) {
    link->cause = static_cast<std::int64_t>(impl_->all.failures.size());
    impl_->all.failures.push_back(std::string(from) + "-" + std::string(to) +
                                  (bandwidth > BytesPerSecond{} ? " is slow" : " is down"));
  }
  link->bandwidth = std::max(BytesPerSecond{}, bandwidth);
  return true;
}

bool ClusterGraph::remove_link(std::string_view from, std::string_view to) {
  const PartLink* link = impl_->find(from, to);
  if (link == nullptr || link->bandwidth <= BytesPerSecond{}) return false;
  return set_bandwidth(from, to, BytesPerSecond{});
}

Route ClusterGraph::widest_route(std::string_view from, std::string_view to) const {
  const std::optional<std::size_t> start = impl_->find(from), end = impl_->find(to);
  if (!start || !end) return {};
  if (*start == *end) return {{std::string{from}}, BytesPerSecond{unlimited}, {}};
  const std::vector<double> width = impl_->widths();
  const double widest =
      widest_ways(impl_->graph, *start, [&](std::size_t link) { return width[link]; })[*end];
  if (widest <= 0.0) return {};

  // Of the widest ways the shortest: breadth first over the links that are wide enough.
  const std::vector<std::size_t> before =
      fewest_hops(impl_->graph, *start, [&](std::size_t link) { return width[link] >= widest; });
  Route route{{std::string{to}}, BytesPerSecond{widest}, {}};
  for (std::size_t part = *end; part != *start; part = before[part]) {
    const std::size_t link = impl_->link_between(before[part], part, width);
    if (width[link] <= widest)
      route.bottleneck =
          impl_->describe(impl_->all.links[link], impl_->all.links[link].from == part);
    route.parts.push_back(name(impl_->all.parts[before[part]]));
  }
  std::reverse(route.parts.begin(), route.parts.end());
  return route;
}

std::optional<std::size_t> ClusterGraph::hops(std::string_view from, std::string_view to) const {
  const std::optional<std::size_t> start = impl_->find(from), end = impl_->find(to);
  if (!start || !end) return std::nullopt;
  const std::vector<std::size_t> before = fewest_hops(impl_->graph, *start, [&](std::size_t link) {
    return impl_->all.links[link].bandwidth > BytesPerSecond{};
  });
  std::size_t count = 0;
  for (std::size_t part = *end; part != *start; part = before[part], ++count) {
    if (before[part] == part) return std::nullopt;
  }
  return count;
}

std::vector<BytesPerSecond> ClusterGraph::widest_from(std::size_t part,
                                                      const std::vector<LinkKind>& kinds) const {
  const std::vector<double> links = impl_->widths();
  const std::vector<double> width = widest_ways(impl_->graph, part, [&](std::size_t link) {
    const LinkKind kind = impl_->all.links[link].kind;
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end() ? links[link] : 0.0;
  });
  std::vector<BytesPerSecond> result;
  result.reserve(width.size());
  for (const double value : width) result.emplace_back(value);
  return result;
}

BytesPerSecond ClusterGraph::incident(std::size_t part, LinkKind kind) const {
  double sum = 0.0;
  for (const Edge& edge : boost::make_iterator_range(boost::out_edges(part, impl_->graph))) {
    const PartLink& link = impl_->all.links[impl_->graph[edge].link];
    if (link.kind != kind) continue;
    const double links = link.from == part
                             ? static_cast<double>(link.parallel)
                             : static_cast<double>(link.multiplicity) /
                                   static_cast<double>(impl_->all.parts[part].multiplicity);
    sum += link.bandwidth.value() * links;
  }
  return BytesPerSecond{sum};
}

BytesPerSecond ClusterGraph::direct(std::size_t from, std::size_t to, LinkKind kind) const {
  for (const Edge& edge : boost::make_iterator_range(boost::out_edges(from, impl_->graph))) {
    const PartLink& link = impl_->all.links[impl_->graph[edge].link];
    if (boost::target(edge, impl_->graph) == to && link.kind == kind) return link.bandwidth;
  }
  return {};
}

std::string ClusterGraph::cause(const PartLink& link) const {
  return link.cause < 0 ? std::string{} : impl_->all.failures[static_cast<std::size_t>(link.cause)];
}

}  // namespace lockstep
