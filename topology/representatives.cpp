#include "topology/representatives.hpp"

#include <algorithm>
#include <optional>

namespace lockstep {
namespace {

bool contains(const std::vector<std::int64_t>& sorted, std::int64_t value) {
  return std::binary_search(sorted.begin(), sorted.end(), value);
}

void sort_once(std::vector<std::int64_t>& numbers, std::int64_t total) {
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  const auto outside = [&](std::int64_t number) { return number < 0 || number >= total; };
  numbers.erase(std::remove_if(numbers.begin(), numbers.end(), outside), numbers.end());
}

// Levels that both share, the nearest first as the highest bit; nothing where one can't stand for
// the other.
std::optional<unsigned> likeness(const std::vector<Level>& levels, std::int64_t a, std::int64_t b) {
  unsigned shared = 0;
  for (const Level& level : levels) {
    const std::int64_t of_a = level.group(a), of_b = level.group(b);
    const bool same = of_a == of_b;
    if (!same && (contains(level.touched, of_a) || contains(level.touched, of_b)))
      return std::nullopt;
    shared = 2 * shared + (same ? 1U : 0U);
  }
  return shared;
}

Representative* representative_of(std::vector<Representative>& all, std::int64_t item,
                                  const std::vector<std::int64_t>& touched,
                                  const std::vector<Level>& levels) {
  Representative* best = nullptr;
  unsigned most = 0;
  for (Representative& one : all) {
    if (contains(touched, one.number)) continue;
    const std::optional<unsigned> alike = likeness(levels, one.number, item);
    if (!alike || (best != nullptr && *alike < most)) continue;
    best = &one;
    most = *alike;
  }
  return best;
}

}  // namespace

// Between two neighbouring starts of a group or ends of a representative all items are alike: the
// loop runs over these segments, not over the items.
std::vector<Representative> fold(std::int64_t total, std::vector<std::int64_t> base,
                                 const std::vector<std::int64_t>& touched,
                                 const std::vector<Level>& levels) {
  base.insert(base.end(), touched.begin(), touched.end());
  std::vector<std::int64_t> sorted_touched = touched;
  sort_once(sorted_touched, total);
  for (;;) {
    sort_once(base, total);
    std::vector<Representative> all;
    std::vector<std::int64_t> cuts{0};
    for (const std::int64_t number : base) {
      all.push_back({number, 1});
      cuts.push_back(number);
      cuts.push_back(number + 1);
      for (const Level& level : levels) {
        cuts.push_back(level.start(level.group(number)));
        cuts.push_back(level.start(level.group(number) + 1));
      }
    }
    sort_once(cuts, total);
    bool complete = true;
    for (std::size_t i = 0; i < cuts.size(); ++i) {
      const std::int64_t end = i + 1 < cuts.size() ? cuts[i + 1] : total;
      if (contains(base, cuts[i])) continue;
      if (Representative* one = representative_of(all, cuts[i], sorted_touched, levels)) {
        one->weight += end - cuts[i];
      } else {
        base.push_back(cuts[i]);
        complete = false;
        break;
      }
    }
    if (complete) return all;
  }
}

}  // namespace lockstep
