// Which ranks of a run perform collectives together.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

// Groups of equal size that share no rank. All of them run at the same time, or only the first.
struct RankGroups {
  std::string name;  // "world", "blocks of 4", "every 4th"
  std::vector<std::vector<std::int64_t>> groups;  // ranks of the run, each list rising
  bool at_once = false;                           // false: only the first group communicates
  // The group of a rank, -1 where it takes no part.
  [[nodiscard]] std::int64_t group_of(std::int64_t rank) const;
  [[nodiscard]] std::int64_t size() const {
    return static_cast<std::int64_t>(groups.front().size());
  }
};

// "world": all ranks. "blocks:N": N neighbours each, as tensor parallelism takes them. "every:N":
// ranks that are N apart, as data parallelism over blocks of N takes them. "rails": every:GPUs of a
// node. With "+" at the end all groups at once, else the first alone. Throws UsageError
// (validate/arguments.hpp) for other words and for N that does not divide the ranks.
RankGroups rank_groups(const std::string& words, std::int64_t ranks, std::int64_t ranks_per_node);

}  // namespace lockstep
