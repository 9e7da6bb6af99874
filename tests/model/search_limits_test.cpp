// What a search says of its limits: by how much each would have to be relaxed, and for which plan.
#include "tests/catch.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/search_text.hpp"
#include "sim/search/least_memory.hpp"
#include "tests/model/small_search.hpp"

using namespace lockstep;
using lockstep::test::bundled;
using lockstep::test::search_all;
using lockstep::test::small;

TEST_CASE("A deadline is relaxed by as little as frees a node", "[search]") {
  const std::string rest =
      ", context: 1, micro_batch: [1, 2], placement: tp-cp-dp-pp, prefetch: software, "
      "reshard_after_forward: software";
  const auto best_of = [&](const std::string& request) {
    Scenario scenario = small(request + rest);
    scenario.training.global_batch = 64;
    const PlanSearch search(scenario);
    return search.finish(search_all(search));
  };
  // Half a second more than two nodes need for the whole run of 7,629 steps of 131,072 tokens.
  const SearchResult two = best_of("nodes: 1..2");
  const SearchResult one = best_of("nodes: 1");
  const double steps = 1.0e9 / (64 * 2048);
  const double days = (two.best.front().candidate.costs.step_time_s * steps + 0.5) / 86'400;
  const SearchResult result = best_of(
      "objective: gpus_for_deadline, nodes: 1..2, deadline: " + std::to_string(days) + " d");
  REQUIRE(!result.best.empty());
  REQUIRE(result.best.front().candidate.nodes == 2);
  REQUIRE(result.relaxations.size() == 1);
  const Relaxation& relaxation = result.relaxations.front();
  CHECK(relaxation.constraint.text == "deadline");
  CHECK(relaxation.plan.candidate.nodes == 1);
  const double fastest = one.best.front().candidate.costs.step_time_s;
  CHECK(relaxation.plan.candidate.costs.step_time_s == fastest);
  CHECK(relaxation.bound_needed == Approx(fastest * steps / 86'400));
  CHECK(relaxation.gain == 0.5);
}

TEST_CASE("What more memory brings does not wait for P(fits)", "[search]") {
  // Of GPT-3's plans the fastest without offload need more than 80 GB, and so do not fit likely.
  const auto relaxations_of = [](const std::vector<std::string>& constraints) {
    Scenario scenario = bundled("gpt3-175b-64xa100.yaml");
    scenario.search = {};
    for (const std::string& one : constraints) add_constraint(scenario.search, one);
    for (const char* limit : {"tensor=8", "placement=tp-cp-dp-pp", "context=1"})
      set_limit(scenario.search, limit);
    add_forbidden(scenario.search, "offload");
    const PlanSearch search(scenario);
    return search.finish(search_all(search)).relaxations;
  };
  const std::vector<Relaxation> sure = relaxations_of({"P(fits) >= 0.9"});
  const auto memory = std::find_if(sure.begin(), sure.end(), [](const Relaxation& one) {
    return one.constraint.text == "memory of the GPU";
  });
  REQUIRE(memory != sure.end());
  CHECK(memory->bound_needed == memory->plan.candidate.costs.peak_memory_bytes);
  const std::vector<Relaxation> free = relaxations_of({});
  REQUIRE(free.size() == 1);
  CHECK(free.front().plan.candidate.number == memory->plan.candidate.number);
}

TEST_CASE("The plan of least memory is found whatever the host has", "[search]") {
  Scenario scenario = small("context: 1, placement: tp-cp-dp-pp, offload_activations: \"100 %\"");
  const std::optional<FoundPlan> known = least_memory_plan(scenario, 1, {}, nullptr);
  scenario.cluster.system.host_memory.value = 1;
  const std::optional<FoundPlan> found = least_memory_plan(scenario, 1, {}, nullptr);
  REQUIRE(found);
  REQUIRE(known);
  CHECK(found->candidate.number == known->candidate.number);
  CHECK(found->cluster.system.host_memory.value == 1);
}
