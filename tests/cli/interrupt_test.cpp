// Ctrl-C: once is a wish, and so are the signals that come with it.
#include "sim/cli/interrupt.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/catch.hpp"

TEST_CASE("interrupt: signals within a second say the same", "[cli]") {
  using lockstep::cli::same_wish;
  CHECK(same_wish(0));
  CHECK(same_wish(999'999'999));
  CHECK_FALSE(same_wish(1'000'000'000));
}

// `timeout -s INT` signals the process and its group: two at once.
TEST_CASE("interrupt: two signals at once leave the process its result", "[cli]") {
  const ::pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const std::atomic<bool>* pressed = lockstep::cli::catch_interrupts();
    const bool before = *pressed;
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    // Both wait here, and come one right after the other.
    sigprocmask(SIG_BLOCK, &both, nullptr);
    std::raise(SIGINT);
    std::raise(SIGTERM);
    sigprocmask(SIG_UNBLOCK, &both, nullptr);
    ::_exit(!before && *pressed ? 7 : 8);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 7);
}
