// What commands that search share: threads, progress bars, Ctrl-C.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "sim/cli/environment.hpp"
#include "sim/cli/options.hpp"

namespace lockstep::cli {

// --threads and --progress.
std::vector<Option> watched_search_options();

// Throws UsageError for threads that are no number of them.
class WatchedSearch {
 public:
  // From here on Ctrl-C is a wish to end. Both outlive it.
  WatchedSearch(const Arguments& arguments, const Environment& environment);

  [[nodiscard]] int threads() const { return threads_; }  // 0: as many as there are cores
  [[nodiscard]] const std::atomic<bool>* stop() const { return stop_; }
  [[nodiscard]] bool stopped() const { return stop_ != nullptr && *stop_; }

  using Progress = std::function<void(std::uint64_t done, std::uint64_t all)>;
  // Does the work under a progress bar of its own that counts `what`; the seconds that it took.
  double run(const std::string& what, const std::function<void(const Progress&)>& work) const;

 private:
  const Arguments& arguments_;
  const Environment& environment_;
  int threads_ = 0;
  const std::atomic<bool>* stop_ = nullptr;
};

}  // namespace lockstep::cli
