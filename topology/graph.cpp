#include "topology/graph.hpp"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <boost/graph/filtered_graph.hpp>
#include <boost/property_map/function_property_map.hpp>
#include <functional>
#include <limits>

namespace lockstep {
namespace {

struct LinkData {
  LinkKind kind = LinkKind::nvlink;
  double bandwidth = 0.0;
};

using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS,
                                    boost::no_property, LinkData>;
using Edge = Graph::edge_descriptor;

constexpr double unlimited = std::numeric_limits<double>::infinity();

// Dijkstra's algorithm with "the narrower of" for "plus" and "wider" for "less".
// Source: Pollack, "The maximum capacity through a network", Operations Research, 1960.
template <class Usable>
std::vector<double> widest_ways(const Graph& graph, std::size_t from, Usable usable) {
  std::vector<double> width(boost::num_vertices(graph), 0.0);
  const auto weight = boost::make_function_property_map<Edge>(
      [&](const Edge& edge) { return usable(graph[edge].kind) ? graph[edge].bandwidth : 0.0; });
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

auto links_at(std::size_t part, const Graph& graph) {
  return boost::make_iterator_range(boost::out_edges(part, graph));
}

}  // namespace

struct ClusterGraph::Impl {
  std::vector<Part> parts;
  Graph graph;

  [[nodiscard]] std::optional<std::size_t> find(std::string_view wanted) const {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (name(parts[i]) == wanted) return i;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<Edge> find(std::string_view from, std::string_view to) const {
    const std::optional<std::size_t> a = find(from), b = find(to);
    if (!a || !b) return std::nullopt;
    const auto [edge, found] = boost::edge(*a, *b, graph);
    return found ? std::optional<Edge>{edge} : std::nullopt;
  }
  [[nodiscard]] Link describe(std::size_t from, std::size_t to, const LinkData& link) const {
    return {name(parts[from]), name(parts[to]), link.kind, BytesPerSecond{link.bandwidth}};
  }
};

ClusterGraph::ClusterGraph(const Cluster& cluster) : impl_(std::make_unique<Impl>()) {
  ClusterParts all = cluster_parts(cluster);
  impl_->graph = Graph(all.parts.size());
  for (const PartLink& link : all.links) {
    boost::add_edge(link.from, link.to, LinkData{link.kind, link.bandwidth.value()}, impl_->graph);
  }
  impl_->parts = std::move(all.parts);
}
ClusterGraph::ClusterGraph(ClusterGraph&&) noexcept = default;
ClusterGraph& ClusterGraph::operator=(ClusterGraph&&) noexcept = default;
ClusterGraph::~ClusterGraph() = default;

const std::vector<Part>& ClusterGraph::parts() const {
  return impl_->parts;
}

std::optional<std::size_t> ClusterGraph::find(std::string_view name) const {
  return impl_->find(name);
}

std::vector<Link> ClusterGraph::links() const {
  const Graph& graph = impl_->graph;
  std::vector<Link> all;
  for (const Edge& edge : boost::make_iterator_range(boost::edges(graph))) {
    all.push_back(
        impl_->describe(boost::source(edge, graph), boost::target(edge, graph), graph[edge]));
  }
  return all;
}

bool ClusterGraph::set_bandwidth(std::string_view from, std::string_view to,
                                 BytesPerSecond bandwidth) {
  const std::optional<Edge> edge = impl_->find(from, to);
  if (edge) impl_->graph[*edge].bandwidth = std::max(0.0, bandwidth.value());
  return edge.has_value();
}

bool ClusterGraph::remove_link(std::string_view from, std::string_view to) {
  const std::optional<Edge> edge = impl_->find(from, to);
  if (edge) boost::remove_edge(*edge, impl_->graph);
  return edge.has_value();
}

Route ClusterGraph::widest_route(std::string_view from, std::string_view to) const {
  const Graph& graph = impl_->graph;
  const std::optional<std::size_t> start = impl_->find(from), end = impl_->find(to);
  if (!start || !end) return {};
  if (*start == *end) return {{std::string{from}}, BytesPerSecond{unlimited}, {}};
  const double width = widest_ways(graph, *start, [](LinkKind) { return true; })[*end];
  if (width <= 0.0) return {};

  // Of the widest ways the shortest: breadth first over the links that are wide enough.
  const std::function<bool(const Edge&)> wide = [&](const Edge& edge) {
    return graph[edge].bandwidth >= width;
  };
  const boost::filtered_graph<Graph, std::function<bool(const Edge&)>> wide_links{graph, wide};
  std::vector<std::size_t> before(boost::num_vertices(graph), *end);
  const auto index = boost::get(boost::vertex_index, graph);
  boost::breadth_first_search(
      wide_links, *start,
      boost::visitor(boost::make_bfs_visitor(boost::record_predecessors(
          boost::make_iterator_property_map(before.begin(), index), boost::on_tree_edge{}))));

  Route route{{std::string{to}}, BytesPerSecond{width}, {}};
  for (std::size_t part = *end; part != *start; part = before[part]) {
    const LinkData& link = graph[boost::edge(before[part], part, graph).first];
    if (link.bandwidth <= width) route.bottleneck = impl_->describe(before[part], part, link);
    route.parts.push_back(name(impl_->parts[before[part]]));
  }
  std::reverse(route.parts.begin(), route.parts.end());
  return route;
}

std::vector<BytesPerSecond> ClusterGraph::widest_from(std::size_t part,
                                                      const std::vector<LinkKind>& kinds) const {
  const std::vector<double> width = widest_ways(impl_->graph, part, [&](LinkKind kind) {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
  });
  std::vector<BytesPerSecond> result;
  result.reserve(width.size());
  for (const double value : width) result.emplace_back(value);
  return result;
}

BytesPerSecond ClusterGraph::incident(std::size_t part, LinkKind kind) const {
  double sum = 0.0;
  for (const Edge& edge : links_at(part, impl_->graph)) {
    if (impl_->graph[edge].kind == kind) sum += impl_->graph[edge].bandwidth;
  }
  return BytesPerSecond{sum};
}

BytesPerSecond ClusterGraph::direct(std::size_t from, std::size_t to, LinkKind kind) const {
  for (const Edge& edge : links_at(from, impl_->graph)) {
    if (boost::target(edge, impl_->graph) == to && impl_->graph[edge].kind == kind) {
      return BytesPerSecond{impl_->graph[edge].bandwidth};
    }
  }
  return {};
}

}  // namespace lockstep
