// The items of a search that nobody has taken, and how they are dealt out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/search/search_work.hpp"

namespace lockstep {

class Shares {
 public:
  // Largest items first, so that no large one is left for the end.
  explicit Shares(const SearchWork& work);

  [[nodiscard]] bool empty() const { return waiting_.empty(); }
  [[nodiscard]] std::uint64_t all_combinations() const { return all_; }
  [[nodiscard]] std::uint64_t combinations(const std::vector<std::size_t>& items) const;

  // A share for some of the threads that work: theirs of an eighth of what is left, at least one
  // item for each thread. Smaller shares as less is left, so that all end together.
  std::vector<std::size_t> take(int threads, int of_threads);
  // Items whose share was lost; they are the next ones taken.
  void give_back(std::vector<std::size_t> items);
  void drop();

 private:
  [[nodiscard]] bool larger(std::size_t a, std::size_t b) const;

  std::vector<std::uint64_t> combinations_;  // by item
  std::vector<std::size_t> waiting_;         // the next one last
  std::uint64_t all_ = 0;
  std::uint64_t left_ = 0;
};

}  // namespace lockstep
