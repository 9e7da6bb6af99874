#include "topology/representatives.hpp"

#include <numeric>

#include "tests/catch.hpp"

using namespace lockstep;

namespace {

std::string listed(const std::vector<Representative>& all) {
  std::string text;
  for (const Representative& one : all)
    text +=
        (text.empty() ? "" : " ") + std::to_string(one.number) + "x" + std::to_string(one.weight);
  return text;
}

}  // namespace

TEST_CASE("representatives: without levels the last one stands for the rest") {
  CHECK(listed(fold(1, {0}, {}, {})) == "0x1");
  CHECK(listed(fold(100, {0}, {}, {})) == "0x100");
  CHECK(listed(fold(100, {0, 1}, {}, {})) == "0x1 1x99");
}

TEST_CASE("representatives: what is touched stands for itself alone") {
  CHECK(listed(fold(100, {0}, {7}, {})) == "0x99 7x1");
  // The first one is touched: another is added for the others.
  CHECK(listed(fold(100, {0}, {0}, {})) == "0x1 1x99");
  CHECK(listed(fold(2, {0}, {0, 1}, {})) == "0x1 1x1");
  // Numbers beyond the end are nobody.
  CHECK(listed(fold(3, {0, 9}, {12}, {})) == "0x3");
}

TEST_CASE("representatives: neighbours of the same group come first") {
  // 64 nodes, units of 32: node 0 for the 32 of its unit, node 32 for the others.
  const Level units{32, 1, {}};
  CHECK(listed(fold(64, {0, 32}, {}, {units})) == "0x32 32x32");
  // The last unit of 100 has four: node 32 stands for all that are not in the first.
  CHECK(listed(fold(100, {0, 32}, {}, {units})) == "0x32 32x68");
}

TEST_CASE("representatives: a touched group is represented by its own") {
  // Unit 1 has a dead leaf: its 32 nodes are alike, and unlike the others.
  const Level units{32, 1, {1}};
  CHECK(listed(fold(128, {0, 32}, {}, {units})) == "0x96 32x32");
  // A touched node of it besides: another one of the unit is added.
  CHECK(listed(fold(128, {0}, {32}, {units})) == "0x96 32x1 33x31");
}

TEST_CASE("representatives: groups need not divide each other") {
  // Domains of 18 nodes across units of 32; the first domain, its second node, the next domain and
  // the next unit. Nodes 2..17 go with node 1, 19..31 and 33..35 with node 18 (same domain; node 32
  // is itself), the rest of unit 1, 36..63, with node 32.
  const Level domains{72, 4, {}}, units{32, 1, {}};
  CHECK(listed(fold(64, {0, 1, 18, 32}, {}, {domains, units})) == "0x1 1x17 18x14 32x32");
}

TEST_CASE("representatives: the weights of a hundred thousand sum to a hundred thousand") {
  const std::vector<Representative> all =
      fold(131'072, {0, 1, 18, 144, 1152}, {5, 77'777},
           {Level{18, 1, {}}, Level{144, 1, {3}}, Level{1152, 1, {}}});
  std::int64_t sum = 0;
  for (const Representative& one : all) sum += one.weight;
  CHECK(sum == 131'072);
  CHECK(all.size() < 12);
}
