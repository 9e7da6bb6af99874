// One link less anywhere on the way of a collective moves the step that `compare` shows, and a
// cluster that falls apart is said to.
#include <cmath>
#include <filesystem>
#include <map>

#include "scenarios/scenario.hpp"
#include "sim/report/report.hpp"
#include "tests/catch.hpp"

using namespace lockstep;

namespace {

Report compare(std::vector<Setting> settings) {
  const std::filesystem::path folder =
      std::filesystem::path(LOCKSTEP_TEST_SOURCE_DIR) / "scenarios";
  const Catalog catalog(folder, std::move(settings));
  return simulate(load_scenario(folder / "llama3.1-405b-1024xh100.yaml", catalog));
}

std::map<std::string, double> step_times(std::vector<Setting> settings = {}) {
  std::map<std::string, double> times;
  for (const PlanReport& plan : compare(std::move(settings)).plans)
    times[plan.plan.name] = plan.step_time_s.value;
  return times;
}

}  // namespace

TEST_CASE("compare: one link that is removed moves the step time") {
  const std::map<std::string, double> healthy = step_times();
  struct Case {
    const char* link;
    const char* plan;  // that feels it
  };
  for (const Case& one : {
           Case{"node3.gpu1-node3.nvswitch2", "tp8-pp16"},   // NVLink to one plane: tensor parallel
           Case{"node77.nic2-unit2.leaf2", "tp8-fsdp128"},   // a NIC's cable
           Case{"node77.nic2-node77.pcie1", "tp8-fsdp128"},  // its slot
           Case{"unit1.leaf3-spine1", "tp8-hsdp32"},         // an uplink: copies are a leaf apart
       }) {
    CAPTURE(one.link);
    const std::map<std::string, double> damaged =
        step_times({{"cluster.failed", "[" + std::string(one.link) + "]"}});
    CHECK(damaged.at(one.plan) > healthy.at(one.plan) * 1.0001);
    for (const auto& [plan, time] : damaged) {
      CAPTURE(plan);
      CHECK(time >= healthy.at(plan) * (1 - 1e-9));
    }
  }
}

TEST_CASE("compare: a dead leaf, a dead spine and thinner uplinks move it as well") {
  const std::map<std::string, double> healthy = step_times();
  CHECK(step_times({{"cluster.failed", "[unit1.leaf0]"}}).at("tp8-fsdp128") >
        healthy.at("tp8-fsdp128"));
  const double spine = step_times({{"cluster.failed", "[spine4]"}}).at("tp8-hsdp32");
  CHECK(spine > healthy.at("tp8-hsdp32"));
  const double two = step_times({{"cluster.fabric.oversubscription", "2"}}).at("tp8-hsdp32");
  const double four = step_times({{"cluster.fabric.oversubscription", "4"}}).at("tp8-hsdp32");
  CHECK(two > spine);
  CHECK(four > two);
}

TEST_CASE("compare: a slow NVLink is worse the less is left of it") {
  double before = step_times().at("tp8-pp16");
  for (const char* left : {"0.5", "0.1"}) {
    const double now =
        step_times({{"cluster.degraded", "[{link: node5.gpu0-node5.nvswitch1, bandwidth_left: " +
                                             std::string(left) + "}]"}})
            .at("tp8-pp16");
    CHECK(now > before);
    before = now;
  }
}

TEST_CASE("compare: a cluster that is cut in two has no step time, and says where") {
  const Report report =
      compare({{"cluster.fabric.type", "fat-tree"}, {"cluster.failed", "[unit2.leaf0]"}});
  for (const PlanReport& plan : report.plans) {
    CAPTURE(plan.plan.name);
    CHECK(plan.legal);
    CHECK_FALSE(plan.feasible);
    CHECK(std::isinf(plan.step_time_s.value));
    CHECK(plan.infeasible_reason == "finds no way left out of a node: unit2.leaf0 is down");
  }
}
