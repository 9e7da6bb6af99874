// The text of a scenario with found plans.
#include "scenarios/found_scenario.hpp"

#include "tests/catch.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

constexpr const char* searched_file =
    "# a comment that does not survive\n"
    "lockstep: 1\n"
    "description: |\n"
    "  two\n"
    "  lines\n"
    "model: {based_on: small, layers: 32}\n"
    "cluster:\n"
    "  system: box\n"
    "  nodes: 2\n"
    "training: {sequence_length: 1024, global_batch: 64}\n"
    "software: plain\n"
    "price: {per_gpu_hour: 2.5, date: \"2026-11-01\"}\n"
    "search: {tensor: 1..8}\n"
    "plans:\n"
    "  - name: old\n";

PlanToWrite plan_of(const Scenario& scenario, const std::string& name) {
  PlanToWrite found{Plan{}, scenario.cluster, ""};
  found.plan.name = name;
  found.plan.software = scenario.software;
  found.plan.data = 16;
  return found;
}

}  // namespace

TEST_CASE("found scenario: the file with these plans in place of its own") {
  const TestCatalog files;
  const TemporaryFolder folder;
  const auto file = folder.write("s.yaml", searched_file);
  const Scenario scenario = load_scenario(file, files.with());
  PlanToWrite first = plan_of(scenario, "tp8");
  first.plan.tensor = 8;
  first.plan.data = 2;  // what 16 GPUs leave: not written
  first.plan.sequence_parallel = true;
  first.plan.pipeline = {1, 1, "1f1b"};
  first.remark = "1.25 s, 40.1 GiB";
  PlanToWrite second = plan_of(scenario, "half");
  second.cluster.nodes = 1;
  second.cluster.gpus = 8;
  second.plan.data = 2;
  second.plan.pipeline = {4, 2, "zb-v"};
  second.plan.recompute = Recompute::full;
  second.plan.sharding = Sharding::optimizer;
  second.plan.offload.optimizer = 0.1;
  PlanToWrite third = plan_of(scenario, "half");  // that name is taken
  third.plan.data = 16;
  CHECK(found_scenario(file, files.with(), {first, second, third}, "lockstep search s.yaml") ==
        "# Plans that `lockstep search s.yaml` found for s.yaml.\n"
        "lockstep: 1\n"
        "name: s\n"
        "description: \"two\\nlines\\n\"\n"
        "model: {based_on: small, layers: 32}\n"
        "cluster: {system: box, nodes: 2}\n"
        "training: {sequence_length: 1024, global_batch: 64}\n"
        "software: plain\n"
        "price: {per_gpu_hour: 2.5, date: \"2026-11-01\"}\n"
        "plans:\n"
        "  - name: tp8  # 1.25 s, 40.1 GiB\n"
        "    tensor: 8\n"
        "    sequence_parallel: true\n"
        "  - name: half\n"
        "    pipeline: {stages: 4, interleave: 2, schedule: zb-v}\n"
        "    sharding: optimizer\n"
        "    recompute: full\n"
        "    offload: {optimizer: 0.1}\n"
        "    cluster: {nodes: 1}\n"
        "  - name: half-2\n");
}

TEST_CASE("found scenario: fewer nodes of a cluster that states its GPUs") {
  const TestCatalog files;
  const TemporaryFolder folder;
  const auto file =
      folder.write("s.yaml", replaced(good_scenario, "nodes: 2", "nodes: 2, gpus: 12"));
  const Scenario scenario = load_scenario(file, files.with(), IllegalPlans::keep);
  PlanToWrite one = plan_of(scenario, "one-node");
  one.cluster.nodes = 1;
  one.cluster.gpus = 8;
  one.plan.data = 8;
  const std::string text = found_scenario(file, files.with(), {one}, "c");
  CHECK(text.substr(text.find("plans:")) ==
        "plans:\n"
        "  - name: one-node\n"
        "    cluster: {nodes: 1, gpus: 8}\n");
  const Scenario again = parse_scenario(text, file.string(), files.with());
  CHECK(again.plans.front().cluster.gpus == 8);
  CHECK(again.plans.front().plan.data == 8);
}

TEST_CASE("found scenario: another software than the scenario's, by name or by its keys") {
  const TestCatalog files;
  const TemporaryFolder folder;
  const auto file = folder.write("s.yaml", good_scenario);
  const Scenario scenario = load_scenario(file, files.with());
  PlanToWrite named = plan_of(scenario, "named");
  named.plan.software = files.with().software("fancy");
  PlanToWrite changed = plan_of(scenario, "changed");
  changed.plan.software.attention = AttentionKernel::flash3;
  PlanToWrite both = named;
  both.plan.name = "both";
  both.plan.software.attention = AttentionKernel::flash1;
  const std::string text = found_scenario(file, files.with(), {named, changed, both}, "c");
  CHECK(text.substr(text.find("plans:")) ==
        "plans:\n"
        "  - name: named\n"
        "    software: fancy\n"
        "  - name: changed\n"
        "    software: {attention: flash3}\n"
        "  - name: both\n"
        "    software: {based_on: fancy, attention: flash1}\n");
  const Scenario again = parse_scenario(text, file.string(), files.with());
  CHECK(again.plans[1].plan.software.name == "plain");
  CHECK(again.plans[2].plan.software.name == "fancy");
  CHECK(again.plans[2].plan.software.attention == AttentionKernel::flash1);
}

TEST_CASE("found scenario: relative paths follow the file to another folder") {
  const TestCatalog files;
  const TemporaryFolder folder;
  folder.write("in/my-box.yaml", "based_on: box\ngpus_per_node: 4\n");
  folder.write("other/model.yaml", "based_on: small\nlayers: 8\n");
  const auto file =
      folder.write("in/s.yaml",
                   "lockstep: 1\n"
                   "model: ../other/model.yaml\n"
                   "cluster: {system: {based_on: my-box.yaml, nics_per_node: 4}, nodes: 2}\n"
                   "training: {sequence_length: 1024, global_batch: 64}\n"
                   "software: plain\n"
                   "search: {tensor: 8}\n");
  const Scenario scenario = load_scenario(file, files.with());
  PlanToWrite plan = plan_of(scenario, "dp");
  plan.plan.data = 8;
  const std::string beside = found_scenario(file, files.with(), {plan}, "c");
  CHECK(beside.find("model: ../other/model.yaml\n"
                    "cluster: {system: {based_on: ./my-box.yaml, nics_per_node: 4}, nodes: 2}\n") !=
        std::string::npos);
  const std::string moved =
      found_scenario(file, files.with(), {plan}, "c", folder.path() / "out" / "deep");
  CHECK(moved.find(
            "model: ../../other/model.yaml\n"
            "cluster: {system: {based_on: ../../in/my-box.yaml, nics_per_node: 4}, nodes: 2}\n") !=
        std::string::npos);
  const Scenario again = load_scenario(folder.write("out/deep/f.yaml", moved), files.with());
  CHECK(again.cluster.gpus == 8);
  CHECK(again.model.layers == 8);
  CHECK(again.model.name == scenario.model.name);
}

TEST_CASE("found scenario: a setting of the catalog is written where it counts") {
  const TestCatalog files;
  const TemporaryFolder folder;
  const auto file = folder.write("s.yaml", good_scenario);
  const Catalog changed = files.with({{"gpus.tiny.memory_bandwidth", "2 TB/s"},
                                      {"software.plain.attention", "flash2"},
                                      {"models.small.layers", "16"},
                                      {"training.global_batch", "128"}});
  const Scenario scenario = load_scenario(file, changed);
  const std::string text = found_scenario(file, changed, {plan_of(scenario, "dp")}, "c");
  CHECK(text ==
        "# Plans that `c` found for s.yaml.\n"
        "lockstep: 1\n"
        "name: s\n"
        "model: small\n"  // as it was
        "cluster: {system: {based_on: box, gpu: {based_on: tiny, memory_bandwidth: 2 TB/s}}, nodes: "
        "2}\n"
        "training: {sequence_length: 1024, global_batch: 128}\n"
        "software: {based_on: plain, attention: flash2}\n"
        "plans:\n"
        "  - name: dp\n");
  const Scenario again = parse_scenario(text, file.string(), files.with());
  CHECK(again.cluster.system.gpu.memory_bandwidth.value == 2e12);
  CHECK(again.cluster.system.name == "box");
  CHECK(again.software.name == "plain");
}

TEST_CASE("found scenario: a file that does not load says why") {
  const TestCatalog files;
  const TemporaryFolder folder;
  const auto file = folder.write("s.yaml", "lockstep: 1\n");
  CHECK_THROWS_AS(found_scenario(file, files.with(), {}, "c"), InputError);
}
