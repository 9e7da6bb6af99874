#include "sim/cli/process_environment.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <system_error>

#include "sim/cli/interrupt.hpp"

namespace lockstep::cli {
namespace {

std::string execute(const std::filesystem::path& program, const std::vector<std::string>& argv) {
  std::vector<char*> pointers;
  for (const std::string& argument : argv) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  std::signal(SIGPIPE, SIG_DFL);  // an ignored signal would stay ignored in the other program
  ::execv(program.c_str(), pointers.data());
  return std::strerror(errno);
}

// Whether LC_ALL, LC_CTYPE or LANG (the first that is set) names UTF-8; where none does, who knows.
bool ascii_locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    return ::strcasestr(value, "utf-8") == nullptr && ::strcasestr(value, "utf8") == nullptr;
  }
  return false;
}

}  // namespace

Environment process_environment() {
  std::error_code unknown;
  Environment environment;
  environment.stdout_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  const char* no_color = std::getenv("NO_COLOR");
  environment.no_color = no_color != nullptr && *no_color != '\0';
  environment.ascii_locale = ascii_locale();
  environment.program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  environment.execute = execute;
  environment.stderr_is_terminal = ::isatty(STDERR_FILENO) == 1;
  environment.progress_to = &std::cerr;
  environment.catch_interrupts = catch_interrupts;
  return environment;
}

}  // namespace lockstep::cli
