// One line on a terminal that says how far something is, once that takes long; gone when it goes.
#pragma once

#include <chrono>
#include <cstddef>
#include <iosfwd>
#include <string>

namespace lockstep::validation {

class Progress {
 public:
  // `what` is counted: "rows".
  Progress(std::ostream& err, std::string what) : err_(err), what_(std::move(what)) {}
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(std::size_t done, std::size_t of);

 private:
  using Clock = std::chrono::steady_clock;
  std::ostream& err_;
  std::string what_;
  bool shown_ = false;
  Clock::time_point next_ = Clock::now() + std::chrono::seconds(2);
};

}  // namespace lockstep::validation
