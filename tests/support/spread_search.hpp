// A search of a few made-up plans, and posts between ranks that are threads of this process.
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sim/search/post.hpp"
#include "sim/search/search_work.hpp"

namespace lockstep::test {

inline constexpr std::size_t plans_kept = 3;

// Item i holds the plans 10 i to 10 i + 9; plan n has the objective (7 n) mod 1000, so of the plans
// 0 to 999 plan 0 is the best, then 143 (7 x 143 = 1001), 286 (2002). Odd plans are illegal.
class CountingWork : public SearchWork {
 public:
  explicit CountingWork(std::size_t items) : items_(items) {}

  std::function<void(std::size_t item, const std::atomic<bool>* stop)> at_item;  // may throw
  mutable std::atomic<int> learned = 0;

  [[nodiscard]] std::size_t items() const override { return items_; }
  [[nodiscard]] std::uint64_t combinations(std::size_t /*item*/) const override { return 10; }
  [[nodiscard]] SearchState empty() const override { return {}; }

  void run(std::size_t item, SearchState& state, const std::atomic<bool>* stop) const override {
    if (at_item) at_item(item, stop);
    if (stop != nullptr && *stop) return;
    for (std::uint64_t plan = 10 * item; plan < 10 * item + 10; ++plan) {
      ++state.counts.enumerated;
      if (plan % 2 == 1) {
        ++state.counts.illegal["odd"];
        continue;
      }
      ++state.counts.legal;
      const auto objective = static_cast<double>(7 * plan % 1000);
      keep(state.best, {plan, 1, {objective, 0, 0}, objective});
    }
  }

  void merge(SearchState& into, const SearchState& from) const override {
    into.counts.enumerated += from.counts.enumerated;
    into.counts.legal += from.counts.legal;
    for (const auto& [reason, count] : from.counts.illegal) into.counts.illegal[reason] += count;
    for (const Candidate& candidate : from.best) keep(into.best, candidate);
  }

  void learn(const SearchState& from) const override {
    if (!from.best.empty()) ++learned;
  }

 private:
  static void keep(std::vector<Candidate>& best, const Candidate& candidate) {
    best.push_back(candidate);
    std::sort(best.begin(), best.end(), [](const Candidate& a, const Candidate& b) {
      return std::pair(a.objective, a.number) < std::pair(b.objective, b.number);
    });
    best.resize(std::min(best.size(), plans_kept));
  }

  std::size_t items_;
};

// Boxes of letters, one for each rank.
class PostRoom {
 public:
  explicit PostRoom(int ranks) : boxes_(static_cast<std::size_t>(ranks)) {}

  class Rank : public Post {
   public:
    Rank(PostRoom& room, int rank) : room_(room), rank_(rank) {}
    std::vector<int> given_up;

    [[nodiscard]] int rank() const override { return rank_; }
    [[nodiscard]] int size() const override { return static_cast<int>(room_.boxes_.size()); }
    void send(int to, std::string bytes) override {
      const std::lock_guard lock(room_.mutex_);
      room_.boxes_[static_cast<std::size_t>(to)].push_back({rank_, std::move(bytes)});
    }
    [[nodiscard]] std::optional<Letter> receive() override {
      const std::lock_guard lock(room_.mutex_);
      std::deque<Letter>& box = room_.boxes_[static_cast<std::size_t>(rank_)];
      if (box.empty()) return std::nullopt;
      Letter letter = std::move(box.front());
      box.pop_front();
      return letter;
    }
    void give_up(int rank) override { given_up.push_back(rank); }

   private:
    PostRoom& room_;
    int rank_;
  };

 private:
  std::mutex mutex_;
  std::vector<std::deque<Letter>> boxes_;
};

}  // namespace lockstep::test
