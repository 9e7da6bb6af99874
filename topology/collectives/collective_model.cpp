// The names of the collectives and nccl-tests' factors; their cost is that of NCCL's model.
#include "topology/collectives/collective_model.hpp"

#include "topology/collectives/nccl_model.hpp"

namespace lockstep {

const char* to_string(Collective collective) {
  switch (collective) {
    case Collective::all_reduce:
      return "all_reduce";
    case Collective::all_gather:
      return "all_gather";
    case Collective::reduce_scatter:
      return "reduce_scatter";
    case Collective::broadcast:
      return "broadcast";
    case Collective::reduce:
      return "reduce";
    case Collective::all_to_all:
      return "all_to_all";
    case Collective::send_recv:
      return "send_recv";
  }
  return "";
}

double bus_factor(Collective collective, std::int64_t ranks) {
  if (ranks < 2) return 0.0;
  const auto n = static_cast<double>(ranks);
  switch (collective) {
    case Collective::all_reduce:
      return 2.0 * (n - 1.0) / n;
    case Collective::all_gather:
    case Collective::reduce_scatter:
    case Collective::all_to_all:
      return (n - 1.0) / n;
    case Collective::broadcast:
    case Collective::reduce:
    case Collective::send_recv:
      return 1.0;
  }
  return 0.0;
}

CollectiveCost collective_cost(const Cluster& cluster, const Routes& routes,
                               const GroupShape& shape, Collective collective, Bytes bytes) {
  return nccl::cost_of(nccl::choose(nccl::prepare(cluster, routes, shape), collective, bytes));
}

CollectiveCost collective_cost(const Cluster& cluster, const GroupShape& shape,
                               Collective collective, Bytes bytes) {
  if (shape.ranks < 2 || bytes.value() <= 0.0) return {};
  return collective_cost(cluster, routes(cluster), shape, collective, bytes);
}

}  // namespace lockstep
