// A backend whose calls a watchdog watches, for libraries that wait for ever.
#pragma once

#include <string>

#include "validate/measure/collective_backend.hpp"
#include "validate/measure/watchdog.hpp"

namespace lockstep {

class WatchedBackend : public CollectiveBackend {
 public:
  // `where` begins the names of calls: "rank 3 on node7". The backend's own waiting for other
  // processes must not be watched again: watched calls do not nest.
  WatchedBackend(CollectiveBackend& backend, Watchdog& watchdog, std::string where)
      : backend_(backend), watchdog_(watchdog), where_(std::move(where)) {}

  [[nodiscard]] std::string name() const override { return backend_.name(); }
  [[nodiscard]] std::int64_t ranks() const override { return backend_.ranks(); }
  [[nodiscard]] std::int64_t local_ranks() const override { return backend_.local_ranks(); }
  [[nodiscard]] std::int64_t nodes() const override { return backend_.nodes(); }
  [[nodiscard]] std::string element_type() const override { return backend_.element_type(); }
  [[nodiscard]] std::int64_t element_bytes() const override { return backend_.element_bytes(); }
  void select(const RankGroups& groups) override;
  void prepare(const TimedCall& call) override;
  std::vector<double> run(std::int64_t iterations) override;
  std::int64_t count_wrong() override;
  std::optional<double> estimate() override { return backend_.estimate(); }

 private:
  CollectiveBackend& backend_;
  Watchdog& watchdog_;
  std::string where_;
  std::string call_;  // "rank 3 on node7: all_reduce of 1024 bytes"
};

}  // namespace lockstep
