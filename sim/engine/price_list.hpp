// Times of a plan's collectives as functions of the conditions inside a step, for many evaluations
// of one plan. NCCL's choice does not depend on the conditions (system.link_share …), and the time
// of what it chose is
//   t = l L + max(m / a, n / b)
// with a, b the shares of the links and of the network and l the factor on latencies; L, m and n are
// taken once from nccl::choose() at a = infinity and at b = infinity. Holds for every algorithm in
// nccl_prepare.cpp and nccl_point_to_point.cpp, whose bandwidths are least of terms in a or b.
#pragma once

#include <cstddef>
#include <vector>

#include "topology/collectives/nccl_model.hpp"

namespace lockstep {

class PriceList {
 public:
  // Adds a group and returns its number.
  std::size_t add(const Cluster& cluster, const Routes& routes, const GroupShape& shape);

  // Time and latency under the conditions of the last reprice(); the rest is the algorithm's name.
  [[nodiscard]] nccl::CollectiveChoice price(std::size_t group, Collective collective, Bytes bytes);
  void reprice(const nccl::Conditions& conditions);

 private:
  struct Group {
    nccl::NcclGroup links;    // the network is infinitely fast
    nccl::NcclGroup network;  // the links are
    bool across = false;
    double log_nodes = 0;
  };
  struct CallPrice {
    std::size_t group = 0;
    Collective collective = Collective::all_reduce;
    double bytes = 0;
    double fixed = 0;
    double links = 0;
    double network = 0;
    nccl::CollectiveChoice now;
  };
  void set(CallPrice& price) const;

  nccl::Conditions conditions_;
  std::vector<Group> groups_;
  std::vector<CallPrice> prices_;
};

}  // namespace lockstep
