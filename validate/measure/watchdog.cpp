#include "validate/measure/watchdog.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace lockstep {
namespace {

constexpr double ticks_per_limit = 20;
constexpr double patience_with_others = 2;
constexpr std::chrono::duration<double> longest_tick{0.5};

}  // namespace

Watchdog::Watchdog(double seconds, std::function<void(const std::string&)> on_timeout)
    : limit_(seconds), on_timeout_(std::move(on_timeout)), thread_([this] { watch(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Watchdog::begin(const std::string& call, double patience) {
  const std::lock_guard lock(mutex_);
  call_ = call;
  active_ = true;
  deadline_ = std::chrono::steady_clock::now() +
              std::chrono::duration_cast<std::chrono::steady_clock::duration>(patience * limit_);
}

void Watchdog::end() {
  const std::lock_guard lock(mutex_);
  active_ = false;
}

// Looks now and then, so that a call that is watched costs no switch to this thread.
void Watchdog::watch() {
  const auto tick = std::min(limit_ / ticks_per_limit, longest_tick);
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    changed_.wait_for(lock, tick);
    if (stopped_ || !active_ || std::chrono::steady_clock::now() < deadline_) continue;
    active_ = false;
    const std::string call = call_;
    lock.unlock();
    on_timeout_(call);
    lock.lock();
  }
}

void WatchedProcesses::abort(int code) {
  processes_.abort(code);
  std::abort();  // never comes here, which a compiler may not see through the virtual call
}

std::string WatchedProcesses::waiting() const {
  return where_ + ": waiting for the other processes";
}

void WatchedProcesses::barrier() {
  const Watchdog::Watched watched(watchdog_, waiting(), patience_with_others);
  processes_.barrier();
}

void WatchedProcesses::broadcast(std::span<std::byte> bytes, int root) {
  const Watchdog::Watched watched(watchdog_, waiting(), patience_with_others);
  processes_.broadcast(bytes, root);
}

std::vector<double> WatchedProcesses::gather(double value) {
  const Watchdog::Watched watched(watchdog_, waiting(), patience_with_others);
  return processes_.gather(value);
}

std::vector<std::string> WatchedProcesses::gather(const std::string& text) {
  const Watchdog::Watched watched(watchdog_, waiting(), patience_with_others);
  return processes_.gather(text);
}

}  // namespace lockstep
