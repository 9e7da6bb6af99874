// Do the JSON and the CSV of a search have what its text has?
#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/report/search_report.hpp"
#include "tests/catch.hpp"
#include "tests/unit/sample_search.hpp"

using namespace lockstep;
using lockstep::test::sample_search;

namespace {

// Sums and quotients hold up to the rounding of double arithmetic.
constexpr double tolerance = 1e-9;

}  // namespace

TEST_CASE("the JSON of a search has everything the text has", "[unit][search]") {
  SearchReport report = sample_search();
  report.request.constraints = {test::memory_limit("peak_memory <= 70 GiB", 70)};
  report.request.limits = {{"tensor", {{2, 8}}, {}}, {"recompute", {}, {"full"}}};
  report.request.forbidden = {"offload"};
  CHECK(search_json(report) == search_json(report));
  const nlohmann::json json = nlohmann::json::parse(search_json(report));
  CHECK(json["schema_version"] == 1);
  CHECK(json["command"] == "search");
  CHECK(json["complete"] == true);
  CHECK(json["objective"] == "step_time");
  CHECK(json["deadline_days"].is_null());
  CHECK(json["constraints"][0]["text"] == "peak_memory <= 70 GiB");
  CHECK(json["constraints"][0]["bound"] == 70 * 0x1p30);
  CHECK(json["limits"]["tensor"][0]["high"] == 8);
  CHECK(json["limits"]["recompute"][0] == "full");
  CHECK(json["forbidden"][0] == "offload");
  CHECK(json["counts"]["enumerated"] == 3'214'567);
  CHECK(json["counts"]["illegal"] == 3'214'567 - 312'345);
  CHECK(json["counts"]["illegal_by_reason"]["layers do not divide by stages"] == 902'222);
  CHECK(json["counts"]["infeasible"] == 312'345 - 62'123);
  CHECK(json["counts"]["feasible"] == 62'123);
  REQUIRE(json["best"].size() == 3);
  const nlohmann::json& second = json["best"][1];
  CHECK(second["place"] == 2);
  CHECK(second["group"] == 1);
  CHECK(second["number"] == 101);
  CHECK(second["alike"] == 2);
  CHECK(second["name"] == "pp4-dp2");
  CHECK(second["front"].empty());
  CHECK(json["best"][0]["front"][0] == "memory");
  CHECK(second["differs_from_first"][0]["words"] == "pp 4 instead of 2");
  CHECK(second["short_partition"]["compute"].get<double>() == Approx(0.8).epsilon(tolerance));
  CHECK(second["step_time_s"]["low"].get<double>() == Approx(9.09).epsilon(tolerance));
  CHECK(second["plan"]["pipeline_stages"] == 4);
  CHECK(second["plan"]["gradient_bucket_bytes"].is_number());
  for (const char* detail : {"ops", "timeline", "stages", "sensitivities"}) {
    CHECK_FALSE(second.contains(detail));  // simulate has them
  }
  for (const char* listed : {"partition", "memory", "collectives", "bound", "hfu"}) {
    CHECK(second.contains(listed));
  }
  CHECK(json["groups"][0]["last"] == 2);
  CHECK(json["groups"][0]["first_better_probability"][0] == 0.55);
  CHECK(json["fronts"]["memory"][1]["name"] == "dp8");
  REQUIRE(json["pareto"].size() == 2);
  CHECK(json["pareto"][1]["number"] == 103);
  CHECK(json["pareto"][1]["peak_memory_bytes"]["value"].get<double>() == 20 * 0x1p30);
  CHECK(json["relaxations"][0]["constraint"] == "memory of the GPU");
  CHECK(json["relaxations"][0]["needed"] == 85.5 * 0x1p30);
  CHECK(json["relaxations"][0]["gain"] == 0.06);
  CHECK(json["relaxations"][0]["plan"]["name"] == "pp1-big");
  CHECK(json["nearest"].is_null());
  // What depends on the machine is not there.
  CHECK_FALSE(json.contains("effort"));
  CHECK(search_json(report).find("pruned") == std::string::npos);
}

TEST_CASE("the CSV of a search has a row for each plan of each list", "[unit][search]") {
  std::istringstream lines(search_csv(sample_search()));
  std::string line;
  std::getline(lines, line);
  CHECK_THAT(line, Matchers::StartsWith(
                       "list,place,plan,number,nodes,feasible,compute,communication,bubble,rest,"
                       "step_time_s,step_time_s_low,"));
  for (const char* start :
       {"best,1,pp2-dp4,100,1,true,", "best,2,pp4-dp2,101,", "best,3,pp2-dp4-mb2,102,",
        "memory,1,pp2-dp4,100,", "memory,2,dp8,103,", "relaxed,1,pp1-big,104,1,false,"}) {
    REQUIRE(std::getline(lines, line));
    CHECK_THAT(line, Matchers::StartsWith(start));
  }
  CHECK_FALSE(std::getline(lines, line));
}
