// What the command line may know of the world around it. Only main() fills it from the process; tests fill it
// by hand.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "sim/search/search.hpp"

namespace lockstep::cli {

// search_plans(), or what does the same over the processes of a run.
using SearchRunner = std::function<SearchResult(
    const Scenario& scenario, const SearchOptions& options, int threads,
    const std::function<void(std::uint64_t done, std::uint64_t all)>& progress,
    const std::atomic<bool>* stop)>;

struct Environment {
  bool stdout_is_terminal = false;
  bool no_color = false;                  // NO_COLOR is set and not empty
  bool ascii_locale = false;              // the locale's characters are not those of UTF-8
  bool stderr_is_terminal = false;
  std::ostream* progress_to = nullptr;    // where long work shows how far it is; null: nowhere
  // From the first call on Ctrl-C or SIGTERM sets the flag, and only a second one ends the program. Null: Ctrl-C ends it.
  std::function<const std::atomic<bool>*()> catch_interrupts;
  std::filesystem::path program;          // the running executable; empty: unknown
  // Replaces the process by a program with these arguments (argv[0] included). Returns only where that fails:
  // with the text of the error.
  std::function<std::string(const std::filesystem::path& program, const std::vector<std::string>& argv)> execute;
  SearchRunner search = search_plans;
};

}  // namespace lockstep::cli
