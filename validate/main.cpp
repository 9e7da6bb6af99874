// The program: what it needs of its process, then the library.
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <system_error>

#include "validate/command_line.hpp"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a failed write, which run() tells from other failures
  std::error_code unknown;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  return lockstep::validation::run({argv + (argc > 0 ? 1 : 0), argv + argc}, std::cout, std::cerr, program,
                                   ::isatty(STDERR_FILENO) == 1);
}
