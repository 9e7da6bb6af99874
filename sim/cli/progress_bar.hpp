// How far long work is, on one line of a terminal that is gone when the work is done.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>

namespace lockstep::cli {

class ProgressBar {
 public:
  // Null `out` shows nothing. `what` is counted: "combinations". The line appears once the work
  // took longer than `patience`.
  ProgressBar(std::ostream* out, std::string what, std::chrono::milliseconds patience);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // At most some times a second. Not for two threads at once.
  void show(std::uint64_t done, std::uint64_t all);
  // Takes the line away until the next show().
  void clear();
  [[nodiscard]] double elapsed_s() const;

 private:
  using Clock = std::chrono::steady_clock;
  std::ostream* out_;
  std::string what_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_;
  bool shown_ = false;
};

// "[########............]  41 %  1.32 million of 3.21 million combinations, 147 thousand/s, 13 s
// left"
std::string progress_line(std::uint64_t done, std::uint64_t all, const std::string& what,
                          double elapsed_s);

}  // namespace lockstep::cli
