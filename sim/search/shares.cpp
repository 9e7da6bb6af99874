#include "sim/search/shares.hpp"

#include <algorithm>
#include <numeric>

namespace lockstep {
namespace {

// A rank that gets this part of what is left comes back often enough to learn what others found,
// and seldom enough that letters do not count.
constexpr std::uint64_t rounds = 8;

}  // namespace

Shares::Shares(const SearchWork& work) {
  const std::size_t items = work.items();
  for (std::size_t item = 0; item < items; ++item) combinations_.push_back(work.combinations(item));
  waiting_.resize(items);
  std::iota(waiting_.begin(), waiting_.end(), std::size_t{0});
  std::sort(waiting_.begin(), waiting_.end(),
            [this](std::size_t a, std::size_t b) { return larger(b, a); });
  all_ = left_ = combinations(waiting_);
}

bool Shares::larger(std::size_t a, std::size_t b) const {
  return combinations_[a] != combinations_[b] ? combinations_[a] > combinations_[b] : a < b;
}

std::uint64_t Shares::combinations(const std::vector<std::size_t>& items) const {
  std::uint64_t sum = 0;
  for (const std::size_t item : items) sum += combinations_[item];
  return sum;
}

std::vector<std::size_t> Shares::take(int threads, int of_threads) {
  const auto least = static_cast<std::size_t>(threads);
  const std::uint64_t enough = left_ / (rounds * static_cast<std::uint64_t>(of_threads)) *
                               static_cast<std::uint64_t>(threads);
  std::vector<std::size_t> items;
  std::uint64_t taken = 0;
  while (!waiting_.empty() && (items.size() < least || taken < enough)) {
    items.push_back(waiting_.back());
    taken += combinations_[waiting_.back()];
    waiting_.pop_back();
  }
  left_ -= taken;
  return items;
}

void Shares::give_back(std::vector<std::size_t> items) {
  left_ += combinations(items);
  waiting_.insert(waiting_.end(), items.rbegin(), items.rend());
}

void Shares::drop() {
  waiting_.clear();
  left_ = 0;
}

}  // namespace lockstep
