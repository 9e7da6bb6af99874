#include "sim/cli/interrupt.hpp"

#include <csignal>

namespace lockstep::cli {

namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch such");

}  // namespace

extern "C" {
static void lockstep_on_interrupt(int /*signal*/) {
  interrupted = true;
}
}

const std::atomic<bool>* catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = lockstep_on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);  // what mpirun makes of Ctrl-C for its ranks
  return &interrupted;
}

}  // namespace lockstep::cli
