// Threads that work through items of a search.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "sim/search/search_work.hpp"

namespace lockstep {

struct FinishedItem {
  std::size_t item = 0;
  SearchState state;
};

class Crew {
 public:
  // `work` and `stop` (may be null) outlive the crew. threads 0: as many as this process may use.
  Crew(const SearchWork& work, int threads, const std::atomic<bool>* stop);
  // Waits for the items that have begun; the others are dropped.
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  [[nodiscard]] int threads() const;
  // Items are begun in the order in which they are added.
  void add(const std::vector<std::size_t>& items);
  // Items that were added and not yet taken back.
  [[nodiscard]] std::size_t outstanding() const;
  // What has finished; where nothing has, waits for it, but no longer than this. Throws what an
  // item threw.
  std::vector<FinishedItem> take(std::chrono::milliseconds patience);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lockstep
