#include "sim/cli/interrupt.hpp"

#include <csignal>
#include <ctime>

namespace lockstep::cli {

namespace {

std::atomic<bool> interrupted{false};
std::atomic<std::int64_t> first_at{0};  // of a clock that only goes on, in nanoseconds
static_assert(std::atomic<bool>::is_always_lock_free &&
                  std::atomic<std::int64_t>::is_always_lock_free,
              "a signal handler may only touch such");

std::int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

// Only what POSIX lets a handler do.
extern "C" {
static void lockstep_on_interrupt(int signal) {
  if (!interrupted.exchange(true)) {
    first_at = now();
    return;
  }
  if (same_wish(now() - first_at)) return;
  std::signal(signal, SIG_DFL);
  std::raise(signal);  // comes once this handler has returned
}
}

const std::atomic<bool>* catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = lockstep_on_interrupt;
  action.sa_flags = SA_RESTART;
  // Each waits for the other's handler.
  sigaddset(&action.sa_mask, SIGINT);
  sigaddset(&action.sa_mask, SIGTERM);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);  // what mpirun makes of Ctrl-C for its ranks
  return &interrupted;
}

}  // namespace lockstep::cli
