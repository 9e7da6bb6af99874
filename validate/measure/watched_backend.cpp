#include "validate/measure/watched_backend.hpp"

#include <fmt/format.h>

namespace lockstep {

void WatchedBackend::select(const RankGroups& groups) {
  const Watchdog::Watched watched(watchdog_,
                                  fmt::format("{}: making the groups {}", where_, groups.name));
  backend_.select(groups);
}

void WatchedBackend::prepare(const TimedCall& call) {
  call_ = fmt::format("{}: {} of {} bytes{}", where_, to_string(call.collective), call.size_bytes,
                      call.in_place ? " in place" : "");
  backend_.prepare(call);
}

std::vector<double> WatchedBackend::run(std::int64_t iterations) {
  const Watchdog::Watched watched(watchdog_, call_);
  return backend_.run(iterations);
}

std::int64_t WatchedBackend::count_wrong() {
  const Watchdog::Watched watched(watchdog_, call_);
  return backend_.count_wrong();
}

}  // namespace lockstep
