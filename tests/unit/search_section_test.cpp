// `search:` and `price:` of a scenario file.
#include "scenarios/scenario.hpp"
#include "scenarios/search_text.hpp"
#include "tests/catch.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

// A scenario without plans; line 6 is `search:`, its keys come behind it.
std::string searched(const std::string& keys, const std::string& training = "") {
  return "lockstep: 1\n"
         "model: small\n"
         "cluster: {system: box, nodes: 2}\n"
         "training: {sequence_length: 1024, global_batch: 64" +
         training +
         "}\n"
         "software: plain\n"
         "search:\n" +
         keys;
}

Scenario load(const std::string& yaml, std::vector<Setting> settings = {}) {
  const TestCatalog files;
  return parse_scenario(yaml, "s.yaml", files.with(std::move(settings)));
}

std::string complaint(const std::string& yaml, std::vector<Setting> settings = {}) {
  return TestCatalog().complaints(yaml, std::move(settings));
}

}  // namespace

TEST_CASE("search section: everything that may be said") {
  const Scenario scenario =
      load(searched("  objective: gpus_for_deadline\n"
                    "  deadline: 30 d\n"
                    "  memory_headroom: 4 GiB\n"
                    "  top: 25\n"
                    "  constraints:\n"
                    "    - peak_memory <= 70 GiB\n"
                    "    - P(fits) >= 0.9\n"
                    "  forbid: [context, zero-bubble]\n"
                    "  tensor: 8\n"
                    "  stages: [1, 2, 4..8]\n"
                    "  micro_batch: 1..4\n"
                    "  sequence_parallel: true\n"
                    "  recompute: [selective, full]\n"
                    "  prefetch: software\n"
                    "  offload_optimizer: 0.5\n",
                    ", total_tokens: 1e12"));
  const SearchRequest& search = scenario.search;
  CHECK(search.objective == Objective::gpus_for_deadline);
  CHECK(search.deadline_days == 30.0);
  CHECK(search.memory_headroom_bytes == 4.0 * 1024 * 1024 * 1024);
  CHECK(search.top == 25);
  REQUIRE(search.constraints.size() == 2);
  CHECK(search.constraints[1].text == "P(fits) >= 0.9");
  CHECK(search.forbidden == std::vector<std::string>{"context", "zero-bubble"});
  CHECK(search.limits.size() == 7);
  CHECK(search.allows("stages", 6.0));
  CHECK_FALSE(search.allows("stages", 3.0));
  CHECK_FALSE(search.allows("recompute", "none"));
  CHECK(search.allows("prefetch", -1.0));
  CHECK(scenario.plans.empty());
  CHECK(scenario.software.name == "plain");
  CHECK(scenario.cluster.gpus == 16);
}

TEST_CASE("search section: none is a search of everything, beside plans") {
  const Scenario scenario = load(good_scenario);
  CHECK(scenario.search.objective == Objective::step_time);
  CHECK(scenario.search.top == 10);
  CHECK(scenario.search.limits.empty());
  CHECK(scenario.software.name == "plain");
  CHECK_FALSE(scenario.price.stated());
  CHECK(load(std::string(good_scenario) + "search: {tensor: 8}\n").plans.size() == 2);
}

TEST_CASE("search section: --set reaches its keys") {
  const Scenario scenario =
      load(searched("  tensor: 8\n"), {{"search.tensor", "[2, 4]"}, {"search.top", "3"}});
  CHECK_FALSE(scenario.search.allows("tensor", 8.0));
  CHECK(scenario.search.allows("tensor", 2.0));
  CHECK(scenario.search.top == 3);
  CHECK(load(good_scenario, {{"search.forbid", "offload"}}).search.forbids("offload"));
}

TEST_CASE("search section: every mistake at its place, in one run") {
  CHECK(complaint(searched("  objektive: memory\n"
                           "  tensor: [1, x]\n"
                           "  constraints: [peak_mem <= 70 GiB, step_time <= 12]\n"
                           "  recompute: {full: true}\n"
                           "  deadline: [30 d]\n"
                           "  stages: []\n")) ==
        "s.yaml:11:13: error[E204]: 'deadline' must be a time, like `30 d`, not a list\n"
        "   11 |   deadline: [30 d]\n"
        "      |             ^\n"
        "      = hint: Of objective gpus_for_deadline: when the whole run has to be through.\n"
        "s.yaml:9:17: error[E207]: a constraint can't be about 'peak_mem'\n"
        "    9 |   constraints: [peak_mem <= 70 GiB, step_time <= 12]\n"
        "      |                 ^~~~~~~~~~~~~~~~~~\n"
        "      = hint: did you mean 'peak_memory'? One of: peak_memory, P(fits), step_time,\n"
        "              tokens_per_s_per_gpu, mfu, gpus, days, cost, host_memory\n"
        "s.yaml:9:37: error[E203]: 'step_time' needs a unit\n"
        "    9 |   constraints: [peak_mem <= 70 GiB, step_time <= 12]\n"
        "      |                                     ^~~~~~~~~~~~~~~\n"
        "      = hint: \"12 us\", \"12 ms\" or \"12 s\"?\n"
        "s.yaml:8:15: error[E206]: 'tensor' must be a whole number, not 'x'\n"
        "    8 |   tensor: [1, x]\n"
        "      |               ^\n"
        "      = hint: write it like 8, 2..8 or [1, 2, 4]\n"
        "s.yaml:12:11: error[E208]: 'stages' has no value\n"
        "   12 |   stages: []\n"
        "      |           ^\n"
        "      = hint: give it one, or remove the key\n"
        "s.yaml:10:14: error[E204]: 'recompute' must be a name, or a list, not a map\n"
        "   10 |   recompute: {full: true}\n"
        "      |              ^\n"
        "      = hint: Activations that are computed again in the backward pass.\n"
        "s.yaml:7:3: error[E201]: unknown key 'objektive' in 'search'\n"
        "    7 |   objektive: memory\n"
        "      |   ^~~~~~~~~\n"
        "      = hint: did you mean 'objective'?\n");
}

namespace {

// The first lines and hints of complaints, without the excerpts.
std::string sentences(const std::string& yaml) {
  std::string text = complaint(yaml);
  std::string kept;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    if (line.find(" | ") == std::string::npos) kept += line + '\n';
    begin = end + 1;
  }
  return kept;
}

}  // namespace

TEST_CASE("search section: objectives that lack what they are about") {
  CHECK(sentences(searched("  objective: gpus_for_deadline\n")) ==
        "s.yaml:7:14: error[E468]: gpus_for_deadline needs a deadline\n"
        "      = hint: add one: deadline: 30 d\n"
        "s.yaml:7:14: error[E468]: gpus_for_deadline needs the length of the run, and "
        "training.total_tokens is not stated\n"
        "      = hint: add it to training: total_tokens: 15e12\n");
  CHECK(
      sentences(searched("  deadline: 30 d\n", ", total_tokens: 1e12")) ==
      "s.yaml:7:13: error[E468]: a deadline means nothing to the objective step_time\n"
      "      = hint: set objective: gpus_for_deadline, or write it as the constraint days <= 30\n");
  CHECK(sentences(searched("  objective: cost_per_token\n")) ==
        "s.yaml:7:14: error[E468]: cost_per_token needs a price, and the scenario has none\n"
        "      = hint: add one: 'price: {per_gpu_hour: 2.5, currency: USD, date: 2026-11-01}'\n");
}

TEST_CASE("search section: constraints on a run whose length or price nobody states") {
  CHECK(
      sentences(
          searched("  constraints:\n    - gpus <= 16\n    - days <= 30\n    - cost <= 2e6\n")) ==
      "s.yaml:9:7: error[E468]: the constraint 'days <= 30' needs the length of the run, and "
      "training.total_tokens is not stated\n"
      "      = hint: add it to training: total_tokens: 15e12\n"
      "s.yaml:10:7: error[E468]: the constraint 'cost <= 2e6' needs the length of the run, and "
      "training.total_tokens is not stated\n"
      "      = hint: add it to training: total_tokens: 15e12\n"
      "s.yaml:10:7: error[E468]: the constraint 'cost <= 2e6' needs a price, and the scenario has "
      "none\n"
      "      = hint: add one: 'price: {per_gpu_hour: 2.5, currency: USD, date: 2026-11-01}'\n");
  CHECK(complaint(searched("  constraints: days <= 30\n", ", total_tokens: 1e12")).empty());
}

TEST_CASE("search section: requests that no plan can meet") {
  CHECK(sentences(searched("  constraints: [gpus <= 8, gpus >= 16]\n")) ==
        "s.yaml:7:28: error[E468]: no plan has both 'gpus <= 8' and 'gpus >= 16'\n"
        "      = hint: remove one of them\n");
  CHECK(sentences(searched("  tensor: 2..8\n  recompute: [selective, full]\n"
                           "  forbid: [tensor, recompute, offload]\n")) ==
        "s.yaml:9:12: error[E468]: tensor is forbidden, and the values of tensor leave no plan "
        "without it\n"
        "      = hint: add 1 to tensor, or remove tensor from forbid\n"
        "s.yaml:9:20: error[E468]: recompute is forbidden, and the values of recompute leave no "
        "plan without it\n"
        "      = hint: add none to recompute, or remove recompute from forbid\n");
  CHECK(complaint(searched("  tensor: 1..8\n  forbid: tensor\n")).empty());
  CHECK(complaint(searched("  constraints: [gpus >= 8, gpus <= 16, gpus >= 16]\n")).empty());
}

TEST_CASE("search section: plans of a search have the scenario's software") {
  CHECK(sentences(replaced(searched("  tensor: 8\n"), "software: plain\n", "")) ==
        "s.yaml:5:1: error[E468]: a search needs a software profile for its plans\n"
        "      = hint: name one for all plans: 'software: NAME' beside 'search'\n");
}

TEST_CASE("search section: a flag's request is checked like the file's") {
  Scenario scenario = load(good_scenario);
  CHECK(request_problems(scenario).empty());
  set_objective(scenario.search, "cost_per_token");
  REQUIRE(request_problems(scenario).size() == 1);
  CHECK(request_problems(scenario).front().message ==
        "cost_per_token needs a price, and the scenario has none");
  scenario.price.per_gpu_hour = 2;
  CHECK(request_problems(scenario).empty());
}

TEST_CASE("search section: plans may be left out beside it alone") {
  const std::string without = replaced(searched("  tensor: 8\n"), "search:\n  tensor: 8\n", "");
  CHECK(
      complaint(without) ==
      "s.yaml:1:1: error[E202]: the file lacks the key 'plans'\n"
      "    1 | lockstep: 1\n"
      "      | ^\n"
      "      = hint: plans: The plans to compare: how the training is spread over the cluster. Or "
      "write\n"
      "              'search: {}' in its place\n");
  CHECK(sentences(without + "plans: []\n") ==
        "s.yaml:6:1: error[E451]: the scenario has no plan\n"
        "      = hint: add one: '- name: NAME' and its degrees; or let a search find some: 'search: "
        "{}'\n");
}

TEST_CASE("search section: who needs plans says so") {
  CHECK_NOTHROW(require_plans(load(good_scenario), "s.yaml"));
  try {
    require_plans(load(searched("  tensor: 8\n")), "s.yaml");
    FAIL("no error");
  } catch (const InputError& error) {
    CHECK(std::string(error.what()) ==
          "s.yaml: error[E451]: the scenario has no plans, only a search for them\n"
          "      = hint: find some: lockstep search s.yaml; or write them under 'plans'\n");
  }
}

TEST_CASE("price: per GPU and hour, with its day") {
  const Price price =
      load(std::string(good_scenario) +
           "price: {per_gpu_hour: 2.5, currency: EUR, date: 2026-11-01, source: a list}\n")
          .price;
  CHECK(price.stated());
  CHECK(price.per_gpu_hour == 2.5);
  CHECK(price.currency == "EUR");
  CHECK(price.date == "2026-11-01");
  CHECK(price.source == "a list");
  CHECK(load(std::string(good_scenario) + "price: {per_gpu_hour: 2, date: 2026-11-01}\n")
            .price.currency == "USD");
}

TEST_CASE("price: without a day it is none") {
  CHECK(complaint(std::string(good_scenario) + "price: {per_gpu_hour: 2.5}\n") ==
        "s.yaml:10:1: error[E202]: 'price' lacks the key 'date'\n"
        "   10 | price: {per_gpu_hour: 2.5}\n"
        "      | ^~~~~\n"
        "      = hint: date: The day for which the price holds, like 2026-11-01: prices move.\n");
  CHECK(complaint(std::string(good_scenario) + "price: {per_gpu_hour: 0, date: last week}\n") ==
        "s.yaml:10:23: error[E205]: 'per_gpu_hour' must be above 0 and at most 1e+09, not 0\n"
        "   10 | price: {per_gpu_hour: 0, date: last week}\n"
        "      |                       ^\n"
        "s.yaml:10:32: error[E206]: 'date' must be a day of the calendar, not 'last week'\n"
        "   10 | price: {per_gpu_hour: 0, date: last week}\n"
        "      |                                ^~~~~~~~~\n"
        "      = hint: write it like 2026-11-01\n");
}
