// Ctrl-C as a wish to end early with what there is.
#pragma once

#include <atomic>
#include <cstdint>

namespace lockstep::cli {

// From the first call on, the first SIGINT or SIGTERM sets the flag. A later one ends the process as
// it did before, but for those that belong to the first: a terminal, a shell and `timeout` all send
// their own.
const std::atomic<bool>* catch_interrupts();

// Whether a signal says again what another said so many nanoseconds before.
constexpr bool same_wish(std::int64_t nanoseconds_since_first) {
  return nanoseconds_since_first < 1'000'000'000;
}

}  // namespace lockstep::cli
