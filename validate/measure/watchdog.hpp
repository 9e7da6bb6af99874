// Ends a run in which a call never returns.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "validate/measure/processes.hpp"

namespace lockstep {

class Watchdog {
 public:
  // `on_timeout` gets the name of the call that takes longer than `seconds` of real time, once, on
  // a thread of the watchdog's. It usually ends the process.
  Watchdog(double seconds, std::function<void(const std::string& call)> on_timeout);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // A call is watched from here to the end of the object, for `patience` times the seconds. Calls
  // do not nest.
  class Watched {
   public:
    Watched(Watchdog& watchdog, const std::string& call, double patience = 1)
        : watchdog_(watchdog) {
      watchdog_.begin(call, patience);
    }
    ~Watched() { watchdog_.end(); }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

   private:
    Watchdog& watchdog_;
  };

 private:
  void begin(const std::string& call, double patience);
  void end();
  void watch();

  std::chrono::duration<double> limit_;
  std::function<void(const std::string&)> on_timeout_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  bool active_ = false;
  std::string call_;
  std::chrono::steady_clock::time_point deadline_;
  std::thread thread_;
};

// The same processes, their calls watched: one that ended or hangs keeps the others waiting. They
// wait twice as long as other calls take, so that the one that hangs speaks first.
class WatchedProcesses : public Processes {
 public:
  WatchedProcesses(Processes& processes, Watchdog& watchdog, std::string where)
      : processes_(processes), watchdog_(watchdog), where_(std::move(where)) {}
  [[nodiscard]] int rank() const override { return processes_.rank(); }
  [[nodiscard]] int size() const override { return processes_.size(); }
  void barrier() override;
  void broadcast(std::span<std::byte> bytes, int root) override;
  [[nodiscard]] std::vector<double> gather(double value) override;
  [[nodiscard]] std::vector<std::string> gather(const std::string& text) override;
  void let_words_arrive() override { processes_.let_words_arrive(); }
  [[noreturn]] void abort(int code) override;
  [[nodiscard]] std::string library() const override { return processes_.library(); }

 private:
  [[nodiscard]] std::string waiting() const;

  Processes& processes_;
  Watchdog& watchdog_;
  std::string where_;  // "rank 3 on node7"
};

}  // namespace lockstep
