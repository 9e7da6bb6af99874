// The items of a search, as what spreads them over threads and processes sees them.
#pragma once

#include "sim/search/search.hpp"

namespace lockstep {

// See PlanSearch for what each does; safe to call from several threads, each with its own state.
class SearchWork {
 public:
  virtual ~SearchWork() = default;
  [[nodiscard]] virtual std::size_t items() const = 0;
  [[nodiscard]] virtual std::uint64_t combinations(std::size_t item) const = 0;
  [[nodiscard]] virtual SearchState empty() const = 0;
  virtual void run(std::size_t item, SearchState& state, const std::atomic<bool>* stop) const = 0;
  virtual void merge(SearchState& into, const SearchState& from) const = 0;
  virtual void learn(const SearchState& from) const = 0;
};

// Of a search, which outlives it.
class PlanSearchWork : public SearchWork {
 public:
  explicit PlanSearchWork(const PlanSearch& search) : search_(search) {}
  [[nodiscard]] std::size_t items() const override { return search_.items(); }
  [[nodiscard]] std::uint64_t combinations(std::size_t item) const override {
    return search_.combinations(item);
  }
  [[nodiscard]] SearchState empty() const override { return search_.empty(); }
  void run(std::size_t item, SearchState& state, const std::atomic<bool>* stop) const override {
    search_.run(item, state, stop);
  }
  void merge(SearchState& into, const SearchState& from) const override {
    search_.merge(into, from);
  }
  void learn(const SearchState& from) const override { search_.learn(from); }

 private:
  const PlanSearch& search_;
};

}  // namespace lockstep
