// Collectives of a plan on its cluster: the shape of every group, the time of every call, and a
// tally.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "scenarios/scenario.hpp"
#include "sim/engine/group_book.hpp"
#include "sim/engine/parts.hpp"
#include "sim/engine/price_list.hpp"
#include "strategies/rank_order.hpp"
#include "strategies/workload.hpp"
#include "topology/collectives/nccl_model.hpp"

namespace lockstep {

// One kind of collective over the whole step, as the slowest stage sees it.
struct CollectiveUse {
  std::string name;
  StepPart part = StepPart::tensor_exposed;  // whose line has what is exposed
  Collective collective = Collective::all_reduce;
  GroupShape shape;
  Bytes bytes;       // of one call
  double calls = 0;  // per step
  Seconds time;      // all calls; under FSDP at the bandwidth that is left beside compute
  Seconds exposed;   // what the step waits for
  std::string algorithm;
  std::string protocol;
  std::string bottleneck;
};

class Communication {
 public:
  Communication(const Cluster& cluster, const Plan& plan);
  // The same with groups from a book of this cluster, which outlives it: for many plans.
  Communication(const Cluster& cluster, const Plan& plan, GroupBook& book);

  // From now on times are read from a list of prices: for many evaluations of one plan on one
  // cluster, whose conditions (system.link_share …) may move and whose links may not. Times are the
  // same to rounding; names of algorithms and bottlenecks are not those of the conditions.
  void list_prices();
  // At the cluster's conditions as they stand. After list_prices().
  void reprice();

  [[nodiscard]] const GroupShape& shape(GroupKind group) const;
  // Where the group lies; the same group of the same book: the same times.
  [[nodiscard]] const GroupBook::Group* group(GroupKind group) const;
  // Of a stage transfer: the slowest of them.
  [[nodiscard]] nccl::CollectiveChoice cost(const CollectiveCall& call) const;

  // A transfer from a stage to the next one; from the last stage, to the first (interleaving wraps
  // around). Stages narrower than a domain cross domains only at some boundaries.
  [[nodiscard]] nccl::CollectiveChoice transfer_cost(const CollectiveCall& call,
                                                     std::int64_t from_stage) const;

  // Time of the call as it runs beside compute under FSDP: kernels are given fewer channels and
  // share HBM, so the bandwidth is the profile's share of what the call has alone; latency is
  // unchanged.
  [[nodiscard]] Seconds overlapped_time(const CollectiveCall& call) const;

 private:
  // Bytes of the call that travel.
  [[nodiscard]] Bytes sent_bytes(const CollectiveCall& call) const;
  [[nodiscard]] bool stays_inside(std::int64_t from_stage, std::int64_t to_stage) const;
  [[nodiscard]] const GroupBook::Group& stage_pair(std::int64_t stages_apart, bool inside);
  void find_groups();

  [[nodiscard]] nccl::CollectiveChoice choose(std::size_t group, Collective collective,
                                              Bytes bytes) const;

  const Cluster& cluster_;
  const Plan& plan_;
  std::unique_ptr<GroupBook> own_book_;
  GroupBook& book_;
  RankStrides strides_;
  static constexpr auto kinds = static_cast<std::size_t>(GroupKind::count);
  // Behind the kinds: a pair of pipeline stages in one domain, and one in two domains.
  static constexpr std::size_t pair_inside = kinds;
  static constexpr std::size_t pair_across = kinds + 1;
  std::array<const GroupBook::Group*, kinds + 2> groups_{};  // of the book
  std::unique_ptr<PriceList> prices_;                        // null: times come from groups_
};

// Sums what each kind of call costs over the step.
class CollectiveTally {
 public:
  explicit CollectiveTally(const Communication& communication) : communication_(communication) {}
  void add(const CollectiveCall& call, StepPart part, double calls, Seconds time_of_one,
           Seconds exposed_of_one);
  [[nodiscard]] std::vector<CollectiveUse> take() { return std::move(uses_); }

 private:
  const Communication& communication_;
  std::vector<CollectiveUse> uses_;
};

}  // namespace lockstep
