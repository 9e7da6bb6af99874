// The program: what it needs of its process, then the library.
#include <csignal>
#include <iostream>

#include "sim/cli/commands.hpp"
#include "sim/cli/process_environment.hpp"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a failed write, which run() tells from other failures
  return lockstep::cli::run({argv + (argc > 0 ? 1 : 0), argv + argc}, std::cout, std::cerr,
                            lockstep::cli::process_environment());
}
