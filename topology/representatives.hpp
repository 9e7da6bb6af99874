// Which of many like things stand for the others, and for how many.
#pragma once

#include <cstdint>
#include <vector>

namespace lockstep {

// Groups of neighbours: item i is in group i * per / items, so that a group has items/per of them.
struct Level {
  std::int64_t items = 1;
  std::int64_t per = 1;
  std::vector<std::int64_t> touched;  // groups that differ from the others, ascending
  [[nodiscard]] std::int64_t group(std::int64_t item) const { return item * per / items; }
  [[nodiscard]] std::int64_t start(std::int64_t group) const {
    return (group * items + per - 1) / per;
  }
};

struct Representative {
  std::int64_t number = 0;
  std::int64_t weight = 1;  // items that it stands for, itself included
};

// Of the items 0 … total-1: those of `base` and `touched`, and as many more as it takes for every
// item to be represented. An item is represented by one that is not touched itself and that, on
// every level, is in the same group or, like the item, in one that is not touched; among several by
// the one with which it shares the nearest level. The weights sum to `total`. Ascending. Cost does
// not depend on `total`.
std::vector<Representative> fold(std::int64_t total, std::vector<std::int64_t> base,
                                 const std::vector<std::int64_t>& touched,
                                 const std::vector<Level>& levels);

}  // namespace lockstep
