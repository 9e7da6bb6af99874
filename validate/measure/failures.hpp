// How a measurement ends other than well.
#pragma once

#include <stdexcept>
#include <string>

namespace lockstep {

// The machine, or this build, lacks what the command needs: no GPU, no driver, built without NCCL.
// One clear line; exit code 77.
class Unavailable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Something failed while it was measured: a GPU, a collective, another rank. `hint` says how to
// mend it and may be empty. Exit code 1.
class MeasurementError : public std::runtime_error {
 public:
  explicit MeasurementError(const std::string& message, std::string hint = {})
      : std::runtime_error(message), hint_(std::move(hint)) {}
  [[nodiscard]] const std::string& hint() const { return hint_; }

 private:
  std::string hint_;
};

}  // namespace lockstep
