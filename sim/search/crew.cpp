#include "sim/search/crew.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <utility>

namespace lockstep {
namespace {

int wanted(int threads) {
  return threads > 0 ? threads : tbb::info::default_concurrency();
}

}  // namespace

// Each item added is one task, which does the first item that waits.
struct Crew::Parts {
  Parts(const SearchWork& searched, int wanted_threads, const std::atomic<bool>* stopped)
      : work(searched),
        stop(stopped),
        threads(wanted(wanted_threads)),
        // The thread that gives out the items is one more, and counts where TBB counts.
        limit(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads) + 1),
        arena(threads + 1, 1) {}

  void work_once() {
    std::size_t item = 0;
    {
      const std::lock_guard lock(mutex);
      if (waiting.empty()) return;
      item = waiting.front();
      waiting.pop_front();
    }
    try {
      FinishedItem done{item, work.empty()};
      work.run(item, done.state, stop);
      const std::lock_guard lock(mutex);
      finished.push_back(std::move(done));
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      waiting.clear();
    }
    something_finished.notify_one();
  }

  const SearchWork& work;
  const std::atomic<bool>* stop;
  int threads;
  tbb::global_control limit;
  tbb::task_arena arena;
  tbb::task_group tasks;

  std::size_t outstanding = 0;  // of the owner's thread alone
  std::mutex mutex;             // of what follows
  std::condition_variable something_finished;
  std::deque<std::size_t> waiting;
  std::vector<FinishedItem> finished;
  std::exception_ptr failure;
};

Crew::Crew(const SearchWork& work, int threads, const std::atomic<bool>* stop)
    : parts_(std::make_unique<Parts>(work, threads, stop)) {}

Crew::~Crew() {
  {
    const std::lock_guard lock(parts_->mutex);
    parts_->waiting.clear();
  }
  parts_->arena.execute([this] { parts_->tasks.wait(); });
}

int Crew::threads() const {
  return parts_->threads;
}

void Crew::add(const std::vector<std::size_t>& items) {
  {
    const std::lock_guard lock(parts_->mutex);
    parts_->waiting.insert(parts_->waiting.end(), items.begin(), items.end());
  }
  parts_->outstanding += items.size();
  parts_->arena.execute([&] {
    for (std::size_t i = 0; i < items.size(); ++i)
      parts_->tasks.run([parts = parts_.get()] { parts->work_once(); });
  });
}

std::size_t Crew::outstanding() const {
  return parts_->outstanding;
}

std::vector<FinishedItem> Crew::take(std::chrono::milliseconds patience) {
  std::unique_lock lock(parts_->mutex);
  parts_->something_finished.wait_for(
      lock, patience, [this] { return !parts_->finished.empty() || parts_->failure; });
  if (parts_->failure) std::rethrow_exception(parts_->failure);
  parts_->outstanding -= parts_->finished.size();
  return std::exchange(parts_->finished, {});
}

}  // namespace lockstep
