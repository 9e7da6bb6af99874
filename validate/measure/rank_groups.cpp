#include "validate/measure/rank_groups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "scenarios/utf8.hpp"
#include "validate/arguments.hpp"
#include "validate/nccl_log_line.hpp"

namespace lockstep {
namespace {

using validation::UsageError;

constexpr const char* forms =
    "world, blocks:N, every:N or rails; with + at the end all groups at once: blocks:4+";

// "1st", "2nd", "3rd", "4th", "11th", "22nd".
std::string ordinal(std::int64_t number) {
  const bool teen = number / 10 % 10 == 1;
  const std::int64_t digit = teen ? 0 : number % 10;
  return fmt::format("{}{}", number,
                     digit == 1   ? "st"
                     : digit == 2 ? "nd"
                     : digit == 3 ? "rd"
                                  : "th");
}

// Group i has the ranks first(i), first(i) + step, …
std::vector<std::vector<std::int64_t>> strided(std::int64_t groups, std::int64_t size,
                                               std::int64_t between_groups, std::int64_t step) {
  std::vector<std::vector<std::int64_t>> out;
  for (std::int64_t group = 0; group < groups; ++group) {
    std::vector<std::int64_t>& ranks = out.emplace_back();
    for (std::int64_t i = 0; i < size; ++i) ranks.push_back(group * between_groups + i * step);
  }
  return out;
}

RankGroups blocks(const std::string& words, std::int64_t size, std::int64_t ranks) {
  if (size < 2 || ranks % size != 0)
    throw UsageError(fmt::format("--groups {}: blocks of {} do not {}", printable(words), size,
                                 size < 2 ? "make groups of 2 or more"
                                          : fmt::format("divide {} ranks", ranks)),
                     "N from 2 on that divides the ranks");
  return {fmt::format("blocks of {}", size), strided(ranks / size, size, size, 1), false};
}

RankGroups every(const std::string& words, std::int64_t apart, std::int64_t ranks) {
  if (apart < 1 || ranks % apart != 0 || ranks / apart < 2)
    throw UsageError(fmt::format("--groups {}: ranks that are {} apart make no groups of {} ranks",
                                 printable(words), apart, ranks),
                     "N that divides the ranks and leaves groups of 2 or more");
  return {fmt::format("every {}", ordinal(apart)), strided(apart, ranks / apart, 1, apart), false};
}

RankGroups world(std::int64_t ranks) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(ranks));
  std::iota(all.begin(), all.end(), 0);
  return {"world", {std::move(all)}, false};
}

RankGroups groups_of(const std::string& rule, const std::string& words, std::int64_t ranks,
                     std::int64_t ranks_per_node) {
  if (rule == "world") return world(ranks);
  if (rule == "rails") {
    if (ranks <= ranks_per_node)
      throw UsageError(
          fmt::format("--groups {}: all {} ranks are on one node", printable(words), ranks),
          "rails join the same GPU of several nodes; on one node: every:N");
    return every(words, ranks_per_node, ranks);
  }
  const std::size_t colon = rule.find(':');
  const std::string kind = rule.substr(0, colon);
  const auto number =
      colon == std::string::npos ? std::nullopt : whole_number(rule.substr(colon + 1));
  if (number && kind == "blocks") return blocks(words, *number, ranks);
  if (number && kind == "every") return every(words, *number, ranks);
  throw UsageError(fmt::format("--groups is '{}'", printable(words)), forms);
}

}  // namespace

std::int64_t RankGroups::group_of(std::int64_t rank) const {
  const std::size_t taking_part = at_once ? groups.size() : 1;
  for (std::size_t i = 0; i < taking_part; ++i) {
    if (std::binary_search(groups[i].begin(), groups[i].end(), rank))
      return static_cast<std::int64_t>(i);
  }
  return -1;
}

RankGroups rank_groups(const std::string& words, std::int64_t ranks, std::int64_t ranks_per_node) {
  const bool all = !words.empty() && words.back() == '+';
  RankGroups out =
      groups_of(all ? words.substr(0, words.size() - 1) : words, words, ranks, ranks_per_node);
  out.at_once = all && out.groups.size() > 1;
  return out;
}

}  // namespace lockstep
