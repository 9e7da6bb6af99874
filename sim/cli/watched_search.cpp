#include "sim/cli/watched_search.hpp"

#include <fmt/format.h>

#include "scenarios/utf8.hpp"
#include "sim/cli/progress_bar.hpp"

namespace lockstep::cli {

namespace {

constexpr std::chrono::milliseconds patience{500};
constexpr int most_threads = 1024;

int threads_of(const Arguments& arguments) {
  if (!arguments.has("threads")) return 0;
  const std::string text = arguments.value("threads");
  const bool digits = text.find_first_not_of("0123456789") == std::string::npos;
  const int threads = digits && text.size() <= 4 ? std::stoi(text) : 0;
  if (threads < 1 || threads > most_threads) {
    throw UsageError(fmt::format("--threads cannot be '{}'", printable(text)),
                     fmt::format("a whole number from 1 to {}", most_threads));
  }
  return threads;
}

std::ostream* progress_of(const Arguments& arguments, const Environment& environment) {
  const std::string when = arguments.value("progress", "auto");
  if (when == "always") return environment.progress_to;
  return when == "auto" && environment.stderr_is_terminal ? environment.progress_to : nullptr;
}

}  // namespace

std::vector<Option> watched_search_options() {
  return {{"threads", "N", "threads at work (default: one a core)", {}, false},
          {"progress",
           "WHEN",
           "a progress bar on stderr (default: auto)",
           {"auto", "always", "never"},
           false}};
}

WatchedSearch::WatchedSearch(const Arguments& arguments, const Environment& environment)
    : arguments_(arguments),
      environment_(environment),
      threads_(threads_of(arguments)),
      stop_(environment.catch_interrupts ? environment.catch_interrupts() : nullptr) {}

double WatchedSearch::run(const std::string& what,
                          const std::function<void(const Progress&)>& work) const {
  const bool always = arguments_.value("progress") == "always";
  ProgressBar bar(progress_of(arguments_, environment_), what,
                  always ? std::chrono::milliseconds{0} : patience);
  work([&](std::uint64_t done, std::uint64_t all) { bar.show(done, all); });
  return bar.elapsed_s();
}

}  // namespace lockstep::cli
