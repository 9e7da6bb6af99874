// The processes of one measuring run: one, or as many as mpirun started.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/launcher.hpp"

namespace lockstep {

class Processes {
 public:
  virtual ~Processes() = default;
  [[nodiscard]] virtual int rank() const = 0;
  [[nodiscard]] virtual int size() const = 0;

  // Each of these is called by every process in the same order. Each throws MeasurementError where
  // the library reports an error.
  virtual void barrier() = 0;
  virtual void broadcast(std::span<std::byte> bytes, int root) = 0;
  // What every process gave, by rank, on every process.
  [[nodiscard]] virtual std::vector<double> gather(double value) = 0;
  [[nodiscard]] virtual std::vector<std::string> gather(const std::string& text) = 0;

  [[nodiscard]] bool first() const { return rank() == 0; }
  // The largest on every process.
  [[nodiscard]] double max(double value);

  // Called by every process before they end with an error: what one has written reaches whoever
  // started them, since a launcher that sees a process fail ends the others and drops their words.
  virtual void let_words_arrive() = 0;
  // Ends all processes at once with this exit code, also those that hang; words arrive first.
  [[noreturn]] virtual void abort(int code) = 0;
  // Of the library: "Open MPI v4.1.4"; "" where there is none.
  [[nodiscard]] virtual std::string library() const = 0;
};

// This process alone.
std::unique_ptr<Processes> single_process();

// What find_launcher() sees in this process's environment: the one place where the measuring commands read it.
Launcher started_by_launcher();

// Those that the launcher started, or this one alone where there is none; initialises MPI in the
// first case. Call it once. Throws Unavailable where a launcher started several and this build has
// no MPI, MeasurementError where MPI knows of fewer processes than the launcher started.
std::unique_ptr<Processes> processes_of_run(const Launcher& launcher);

}  // namespace lockstep
