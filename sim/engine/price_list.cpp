#include "sim/engine/price_list.hpp"

#include <algorithm>
#include <cmath>

#include "topology/collectives/channels.hpp"

namespace lockstep {

namespace {

// So much faster that it takes no time beside the other part.
constexpr double infinitely = 1e30;

}  // namespace

std::size_t PriceList::add(const Cluster& cluster, const Routes& routes, const GroupShape& shape) {
  Group group;
  group.links = nccl::prepare(cluster, routes, shape, {1.0, 1.0, infinitely, 1.0, 0.0});
  group.network = nccl::prepare(cluster, routes, shape, {infinitely, 1.0, 1.0, 1.0, 0.0});
  if (shape.ranks > 1) {
    const auto nodes = static_cast<double>(nccl::node_view(cluster, routes, shape).nodes);
    group.across = nodes > 1;
    group.log_nodes = std::log2(std::max(1.0, nodes));
  }
  groups_.push_back(std::move(group));
  return groups_.size() - 1;
}

nccl::CollectiveChoice PriceList::price(std::size_t group, Collective collective, Bytes bytes) {
  for (const CallPrice& known : prices_) {
    if (known.bytes == bytes.value() && known.group == group && known.collective == collective)
      return known.now;
  }
  const nccl::CollectiveChoice links = nccl::choose(groups_[group].links, collective, bytes);
  const nccl::CollectiveChoice network = nccl::choose(groups_[group].network, collective, bytes);
  CallPrice price;
  price.group = group;
  price.collective = collective;
  price.bytes = bytes.value();
  price.fixed = links.latency.value();
  price.links = (links.time - links.latency).value();
  price.network = (network.time - network.latency).value();
  price.now = links;
  set(price);
  prices_.push_back(price);
  return price.now;
}

void PriceList::reprice(const nccl::Conditions& conditions) {
  conditions_ = conditions;
  for (CallPrice& price : prices_) set(price);
}

void PriceList::set(CallPrice& price) const {
  const Group& group = groups_[price.group];
  const double share =
      conditions_.network_share / (1.0 + conditions_.network_decay * group.log_nodes);
  const double factor = group.across ? conditions_.network_latency : conditions_.link_latency;
  price.now.latency = Seconds{factor * price.fixed};
  price.now.time =
      Seconds{factor * price.fixed +
              std::max(price.links / conditions_.link_share, price.network / share)};
}

}  // namespace lockstep
