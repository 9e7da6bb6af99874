// Which ranks communicate, from the words of --groups; ranks in blocks by host.
#include "tests/catch.hpp"

#include "validate/arguments.hpp"
#include "validate/measure/failures.hpp"
#include "validate/measure/hosts.hpp"
#include "validate/measure/rank_groups.hpp"

using namespace lockstep;

namespace {

using Groups = std::vector<std::vector<std::int64_t>>;

std::string refusal(const std::string& words, std::int64_t ranks, std::int64_t per_node) {
  try {
    static_cast<void>(rank_groups(words, ranks, per_node));
  } catch (const validation::UsageError& error) {
    return std::string(error.what()) + " | " + error.hint();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("Groups of ranks as tensor, data and rail groups take them", "[measure]") {
  const RankGroups world = rank_groups("world", 4, 4);
  CHECK(world.name == "world");
  CHECK(world.groups == Groups{{0, 1, 2, 3}});
  CHECK(world.size() == 4);
  CHECK_FALSE(world.at_once);

  const RankGroups blocks = rank_groups("blocks:2", 6, 6);
  CHECK(blocks.name == "blocks of 2");
  CHECK(blocks.groups == Groups{{0, 1}, {2, 3}, {4, 5}});
  CHECK(blocks.size() == 2);

  const RankGroups every = rank_groups("every:2", 6, 6);
  CHECK(every.name == "every 2nd");
  CHECK(every.groups == Groups{{0, 2, 4}, {1, 3, 5}});

  // 2 nodes of 4: rail i joins rank i of both
  const RankGroups rails = rank_groups("rails+", 8, 4);
  CHECK(rails.name == "every 4th");
  CHECK(rails.groups == Groups{{0, 4}, {1, 5}, {2, 6}, {3, 7}});
  CHECK(rails.at_once);
}

TEST_CASE("Ordinals of groups are English", "[measure]") {
  CHECK(rank_groups("every:1", 2, 2).name == "every 1st");
  CHECK(rank_groups("every:3", 6, 6).name == "every 3rd");
  CHECK(rank_groups("every:11", 22, 22).name == "every 11th");
  CHECK(rank_groups("every:12", 24, 24).name == "every 12th");
  CHECK(rank_groups("every:22", 44, 44).name == "every 22nd");
  CHECK(rank_groups("every:101", 202, 202).name == "every 101st");
  CHECK(rank_groups("every:112", 224, 224).name == "every 112th");
}

TEST_CASE("Alone only the first group communicates, with + all of them", "[measure]") {
  const RankGroups alone = rank_groups("blocks:2", 4, 4);
  CHECK(alone.group_of(1) == 0);
  CHECK(alone.group_of(2) == -1);
  const RankGroups together = rank_groups("blocks:2+", 4, 4);
  CHECK(together.group_of(1) == 0);
  CHECK(together.group_of(2) == 1);
  CHECK(together.group_of(4) == -1);
  // One group is never several at once.
  CHECK_FALSE(rank_groups("world+", 4, 4).at_once);
}

TEST_CASE("Groups that cannot be are refused with what would be one", "[measure]") {
  const std::string forms =
      " | world, blocks:N, every:N or rails; with + at the end all groups at once: blocks:4+";
  CHECK(refusal("blocks:3", 4, 4) ==
        "--groups blocks:3: blocks of 3 do not divide 4 ranks | N from 2 on that divides the ranks");
  CHECK(refusal("blocks:1", 4, 4) ==
        "--groups blocks:1: blocks of 1 do not make groups of 2 or more | N from 2 on that divides the ranks");
  CHECK(refusal("every:4", 4, 4) ==
        "--groups every:4: ranks that are 4 apart make no groups of 4 ranks | N that divides the ranks and leaves "
        "groups of 2 or more");
  CHECK(refusal("every:0", 4, 4) ==
        "--groups every:0: ranks that are 0 apart make no groups of 4 ranks | N that divides the ranks and leaves "
        "groups of 2 or more");
  CHECK(refusal("rails", 4, 4) ==
        "--groups rails: all 4 ranks are on one node | rails join the same GPU of several nodes; on one node: every:N");
  CHECK(refusal("ring", 4, 4) == "--groups is 'ring'" + forms);
  CHECK(refusal("blocks", 4, 4) == "--groups is 'blocks'" + forms);
  CHECK(refusal("blocks:x", 4, 4) == "--groups is 'blocks:x'" + forms);
  CHECK(refusal("", 4, 4) == "--groups is ''" + forms);
  CHECK(refusal("+", 4, 4) == "--groups is '+'" + forms);
}

TEST_CASE("Hosts hold blocks of ranks, equally many each", "[measure]") {
  CHECK(distinct_hosts({"b", "b", "a", "b"}) == std::vector<std::string>{"b", "a"});
  CHECK(nodes_in_blocks({"a"}) == 1);
  CHECK(nodes_in_blocks({"a", "a", "b", "b"}) == 2);
  CHECK_THROWS_WITH(nodes_in_blocks({"a", "b", "a", "b"}),
                    "rank 1 is on b, but 4 ranks on 2 hosts belong in blocks of equal size");
  CHECK_THROWS_WITH(nodes_in_blocks({"a", "a", "b"}),
                    "rank 1 is on a, but 3 ranks on 2 hosts belong in blocks of equal size");
  try {
    static_cast<void>(nodes_in_blocks({"a", "b", "a", "b"}));
  } catch (const MeasurementError& error) {
    CHECK(error.hint() == "start them with mpirun --map-by ppr:N:node, the same N on every host");
  }
}
