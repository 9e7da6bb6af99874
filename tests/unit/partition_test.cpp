#include "strategies/pipeline/partition.hpp"

#include <numeric>

#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using Counts = std::vector<std::int64_t>;

namespace {

Model layers(std::int64_t count) {
  Model model = testing::small_gpt();
  model.layers = count;
  return model;
}

}  // namespace

TEST_CASE("partition: layers that divide are spread evenly by every rule without weights") {
  for (const auto rule :
       {StagePartition::uniform, StagePartition::ends_lighter, StagePartition::front_loaded}) {
    CHECK(layers_per_stage(layers(12), rule, 4) == Counts{3, 3, 3, 3});
  }
}

TEST_CASE("partition: ends lighter gives the remainder to the middle, then the first stage") {
  // Llama-3.1 405B: 126 layers on 8 stages are 16 each, but 15 on both ends.
  CHECK(layers_per_stage(layers(126), StagePartition::ends_lighter, 8) ==
        Counts{15, 16, 16, 16, 16, 16, 16, 15});
  CHECK(layers_per_stage(layers(11), StagePartition::ends_lighter, 4) == Counts{3, 3, 3, 2});
}

TEST_CASE("partition: front loaded gives one more to the first stages") {
  CHECK(layers_per_stage(layers(14), StagePartition::front_loaded, 4) == Counts{4, 4, 3, 3});
}

TEST_CASE("partition: nanotron's costs leave the last stage room for the head") {
  // f = 4h: a layer costs 4 + 12 = 16 h^2, the head V/h = 32 h^2, that is two layers. 6 layers and
  // the head are 8 units on 2 stages: stage 0 is left once its sum exceeds 4, after 5 layers.
  Model model = layers(6);
  model.vocabulary = 32 * model.hidden;
  CHECK(layers_per_stage(model, StagePartition::cost_balanced, 2) == Counts{5, 1});
}

TEST_CASE("partition: parameter balance counts embedding and head as what they weigh") {
  // A layer weighs 12 h^2 + 2h; a table of 24 h rows weighs 24 h^2, about two layers. 8 layers and
  // two tables are about 12 units: 6 a stage is 4 layers and a table each.
  Model model = layers(8);
  model.positions = Positions::none;
  model.vocabulary = 24 * model.hidden;
  CHECK(layers_per_stage(model, StagePartition::parameters_balanced, 2) == Counts{4, 4});
  // On three stages 4 units each: two layers and a table on the ends, four layers between.
  CHECK(layers_per_stage(model, StagePartition::parameters_balanced, 3) == Counts{2, 4, 2});
}

TEST_CASE("partition: every rule places every layer exactly once") {
  for (const auto rule :
       {StagePartition::uniform, StagePartition::ends_lighter, StagePartition::front_loaded,
        StagePartition::parameters_balanced, StagePartition::cost_balanced}) {
    for (std::int64_t count = 1; count <= 40; ++count) {
      for (std::int64_t stages = 1; stages <= count; ++stages) {
        const Counts counts = layers_per_stage(layers(count), rule, stages);
        REQUIRE(static_cast<std::int64_t>(counts.size()) == stages);
        REQUIRE(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}) == count);
        for (const std::int64_t here : counts) REQUIRE(here >= 0);
      }
    }
  }
}

TEST_CASE("partition: only the uniform rule refuses a remainder, all refuse empty chunks") {
  CHECK(
      partition_problem(layers(10), StagePartition::uniform, 4, 1) ==
      "10 layers do not divide into 4 stages x 1 chunks, and this software lays layers out evenly");
  CHECK(partition_problem(layers(10), StagePartition::ends_lighter, 4, 1).empty());
  CHECK(partition_problem(layers(10), StagePartition::ends_lighter, 4, 3) ==
        "10 layers cannot fill 4 stages x 3 chunks");
}
