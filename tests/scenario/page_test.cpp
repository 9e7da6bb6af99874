// Does the page of every bundled scenario keep its promises: its size, its sums, its document?
#include <cmath>
#include <string>

#include "scenarios/scenario.hpp"
#include "sim/report/html/page.hpp"
#include "sim/report/plan_json.hpp"
#include "sim/report/render.hpp"
#include "tests/catch.hpp"
#include "tests/scenario/bundled.hpp"

using namespace lockstep;
using namespace lockstep::test;

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_bytes = 3'000'000;
constexpr double same = 1e-9;  // relative: sums of a dozen doubles

const Catalog& catalog() {
  static const Catalog loaded(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios");
  return loaded;
}

Json document_of(const Report& report) {
  Json document = report_document(report, "compare");
  document["page"] = page_json(report, {"lockstep compare", "0"});
  return document;
}

void check_sums(const Json& plan, const Json& page) {
  if (!plan["legal"].get<bool>() || page["partition"].is_null()) return;
  const double step = plan["step_time_s"]["value"];
  double lines = 0, shares = 0, rounded = 0;
  for (const Json& line : plan["partition"]) {
    lines += line["seconds"].get<double>();
    shares += line["share"].get<double>();
  }
  for (const Json& line : page["partition"]["lines"]) rounded += line["rounded"].get<double>();
  CHECK(std::abs(lines - step) <= same * step);
  CHECK(std::abs(shares - 1) <= same);
  CHECK(std::abs(page["partition"]["sum"]["exact"].get<double>() - step) <= same * step);
  const Json& sum = page["partition"]["sum"]["rounded"];
  CHECK(std::abs(rounded - sum.get<double>()) <= same * rounded);
}

void check_slices(const Json& timeline) {
  if (timeline.is_null()) return;
  const Json& slices = timeline["slices"];
  for (std::size_t i = 0; i < slices["stage"].size(); ++i) {
    const double start = slices["start_s"][i];
    const double seconds = slices["seconds"][i];
    REQUIRE(start >= 0);
    REQUIRE(seconds >= 0);
    REQUIRE(start + seconds <= timeline["end_s"].get<double>() * (1 + same) + 2e-9);
    REQUIRE(slices["stage"][i].get<int>() < timeline["stages"].get<int>());
  }
}

}  // namespace

TEST_CASE("the page of every bundled scenario is small, sums, and says what the JSON says",
          "[scenario][page]") {
  for (const auto& path : bundled_scenarios()) {
    CAPTURE(path);
    const Report report = simulate(load_scenario(path.string(), catalog(), IllegalPlans::keep));
    const Json document = document_of(report);
    const std::string page = html_page(document);
    CHECK(page.size() < most_bytes);
    Json plain = document;
    plain.erase("page");
    CHECK(json_text(plain) == report_json(report, "compare"));
    for (std::size_t i = 0; i < report.plans.size(); ++i) {
      CAPTURE(report.plans[i].plan.name);
      const Json& extra = document["page"]["plans"][i];
      CHECK(extra["name"] == document["plans"][i]["name"]);
      check_sums(document["plans"][i], extra);
      check_slices(extra["timeline"]);
    }
  }
}
