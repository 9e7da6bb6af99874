#include "validate/measure/check_values.hpp"

#include <algorithm>

namespace lockstep {
namespace {

constexpr std::int64_t element_cycle = 31;
constexpr std::int64_t rank_cycle = 13;

std::int64_t value(std::int64_t rank, std::int64_t element) {
  return element % element_cycle + rank % rank_cycle;
}

// What all ranks have at an element, added up.
std::int64_t sum(std::int64_t ranks, std::int64_t element) {
  const std::int64_t cycles = ranks / rank_cycle;
  const std::int64_t rest = ranks % rank_cycle;
  return ranks * (element % element_cycle) + cycles * (rank_cycle * (rank_cycle - 1) / 2) +
         rest * (rest - 1) / 2;
}

struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

// Element i of rank's output, of an output with `part` elements from each rank.
std::int64_t expected(const CheckValues& of, std::int64_t part, std::int64_t i) {
  switch (of.collective) {
    case Collective::all_reduce:
    case Collective::reduce:
      return sum(of.ranks, i);
    case Collective::reduce_scatter:
      return sum(of.ranks, of.rank * part + i);
    case Collective::all_gather:
      return value(i / part, i % part);
    case Collective::broadcast:
      return value(of.root, i);
    case Collective::all_to_all:
      return value(i / part, of.rank * part + i % part);
    case Collective::send_recv:
      return value((of.rank + of.ranks - 1) % of.ranks, i);
  }
  return 0;
}

Range output(const CheckValues& of, std::int64_t all) {
  if (of.collective == Collective::reduce_scatter) return {0, all / of.ranks};
  if (of.collective == Collective::reduce && of.rank != of.root) return {0, 0};
  return {0, all};
}

Range input_place(const CheckValues& of, std::int64_t all, bool in_output) {
  const std::int64_t part = all / of.ranks;
  if (of.collective == Collective::all_gather)
    return in_output ? Range{of.rank * part, (of.rank + 1) * part} : Range{0, part};
  if (of.collective == Collective::broadcast && of.rank != of.root) return {0, 0};
  return {0, all};
}

}  // namespace

void CheckValues::poison(std::vector<float>& buffer) const {
  std::fill(buffer.begin(), buffer.end(), -1.0F);
}

void CheckValues::input(std::vector<float>& buffer, bool in_output) const {
  const Range place = input_place(*this, static_cast<std::int64_t>(buffer.size()), in_output);
  for (std::int64_t i = place.begin; i < place.end; ++i)
    buffer[static_cast<std::size_t>(i)] = static_cast<float>(value(rank, i - place.begin));
}

std::int64_t CheckValues::wrong(const std::vector<float>& buffer) const {
  const auto all = static_cast<std::int64_t>(buffer.size());
  const Range range = output(*this, all);
  std::int64_t count = 0;
  for (std::int64_t i = range.begin; i < range.end; ++i) {
    const auto right = static_cast<float>(expected(*this, all / ranks, i));
    // A number that is none is wrong as well.
    if (!(buffer[static_cast<std::size_t>(i)] == right)) ++count;
  }
  return count;
}

}  // namespace lockstep
