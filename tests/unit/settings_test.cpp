// --set: one value of a scenario or of the catalog, from outside.
#include "scenarios/scenario.hpp"
#include "tests/catch.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

Scenario load(const TestCatalog& files, std::vector<Setting> settings) {
  return parse_scenario(good_scenario, "s.yaml", files.with(std::move(settings)));
}

std::string complaint(const std::string& path, const std::string& value) {
  return TestCatalog().complaints(good_scenario, {{path, value}});
}

}  // namespace

TEST_CASE("settings: keys of the scenario, also such as the file leaves out") {
  const TestCatalog files;
  const Scenario scenario = load(files, {{"training.global_batch", "128"},
                                         {"training.dropout", "10 %"},
                                         {"cluster.nodes", "4"},
                                         {"cluster.fabric.type", "fat-tree"},
                                         {"name", "another title"}});
  CHECK(scenario.training.global_batch == 128);
  CHECK(scenario.training.dropout == Approx(0.1));
  CHECK(scenario.cluster.gpus == 32);
  CHECK(scenario.cluster.fabric.type == FabricType::fat_tree);
  CHECK(scenario.plans[0].plan.data == 32);
  CHECK(scenario.name == "another title");
}

TEST_CASE("settings: one plan by its name") {
  const TestCatalog files;
  const Scenario scenario = load(files, {{"plans.tp.micro_batch", "4"},
                                         {"plans.tp.pipeline.stages", "2"},
                                         {"plans.dp.software", "fancy"},
                                         {"plans.dp.cluster.nodes", "1"}});
  CHECK(scenario.plans[0].plan.micro_batch == 1);
  CHECK(scenario.plans[0].plan.software.name == "fancy");
  CHECK(scenario.plans[0].cluster.gpus == 8);
  CHECK(scenario.plans[1].plan.micro_batch == 4);
  CHECK(scenario.plans[1].plan.pipeline.stages == 2);
  CHECK(scenario.plans[1].cluster.gpus == 16);
}

TEST_CASE("settings: a key inside a named entry changes it for this scenario") {
  const TestCatalog files;
  const Scenario scenario = load(files, {{"model.layers", "32"},
                                         {"cluster.system.nic_bandwidth", "100 Gb/s"},
                                         {"cluster.system.gpu.memory_bandwidth", "4 TB/s"},
                                         {"software.data_exposed", "25 %"}});
  CHECK(scenario.model.layers == 32);
  CHECK(scenario.model.hidden == 1024);
  CHECK(scenario.cluster.system.nic_bandwidth.value == 12.5e9);
  CHECK(scenario.cluster.system.nic_bandwidth.source == "--set");
  CHECK(scenario.cluster.system.gpu.memory_bandwidth.value == 4e12);
  CHECK(scenario.cluster.system.gpu.peak_fp16.value == 100e12);
  CHECK(scenario.plans[0].plan.software.data_exposed.value == 0.25);
  CHECK(scenario.plans[0].plan.software.attention == AttentionKernel::unfused);
}

TEST_CASE("settings: a catalog value changes wherever the entry is used, also as a base") {
  const TestCatalog files;
  const Catalog catalog = files.with({{"gpus.tiny.memory_bandwidth", "3 TB/s"},
                                      {"gpus.tiny.memory_capacity", "96 GB"},
                                      {"models.small-1.5.layers", "48"},
                                      {"software.plain.data_exposed", "0.75"}});
  CHECK(catalog.gpu("tiny").memory_bandwidth.value == 3e12);
  CHECK(catalog.gpu("tiny-fast").memory_bandwidth.value == 2e12);
  CHECK(catalog.gpu("tiny-fast").memory_capacity.value == 96e9);
  CHECK(catalog.model("small-1.5").layers == 48);
  const Scenario scenario = parse_scenario(good_scenario, "s.yaml", catalog);
  CHECK(scenario.cluster.system.gpu.memory_bandwidth.value == 3e12);
  CHECK(scenario.plans[0].plan.software.data_exposed.value == 0.75);
}

TEST_CASE("settings: part of a constant, or all of it") {
  const TestCatalog files;
  const Gpu spread = files.with({{"gpus.tiny.memory_bandwidth.spread", "20 %"}}).gpu("tiny");
  CHECK(spread.memory_bandwidth.value == 1e12);
  CHECK(spread.memory_bandwidth.spread == Approx(0.2));
  CHECK(spread.memory_bandwidth.source == "test");
  const Gpu whole =
      files.with({{"gpus.tiny.memory_bandwidth", "{value: 3 TB/s, kind: measured, spread: 1%, source: me}"}}).gpu("tiny");
  CHECK(whole.memory_bandwidth.value == 3e12);
  CHECK(whole.memory_bandwidth.kind == Provenance::measured);
  CHECK(whole.memory_bandwidth.source == "me");
}

TEST_CASE("settings: the later one wins") {
  const TestCatalog files;
  CHECK(load(files, {{"cluster.nodes", "4"}, {"cluster.nodes", "1"}}).cluster.gpus == 8);
}

TEST_CASE("settings: a path that hits nothing") {
  CHECK(complaint("training.global_bach", "5") ==
        "--set: error[E201]: unknown key 'global_bach' in 'training'\n"
        "      | training.global_bach=5\n"
        "      |          ^~~~~~~~~~~\n"
        "      = hint: did you mean 'global_batch'?\n");
  CHECK(complaint("plans.pd.tensor", "2") ==
        "--set: error[E303]: the scenario has no plan 'pd'\n"
        "      | plans.pd.tensor=2\n"
        "      |       ^~\n"
        "      = hint: did you mean 'dp'? plans: dp, tp\n");
  CHECK(complaint("gpus.tinny.memory_bandwidth", "2 TB/s") ==
        "--set: error[E301]: the catalog has no GPU 'tinny'\n"
        "      | gpus.tinny.memory_bandwidth=2 TB/s\n"
        "      |      ^~~~~\n"
        "      = hint: did you mean 'tiny'? gpus: tiny, tiny-fast\n");
  // Also of an entry that the scenario does not use.
  CHECK(complaint("gpus.tiny-fast.memory_bandwith", "2 TB/s") ==
        "--set: error[E201]: unknown key 'memory_bandwith' in 'gpus.tiny-fast'\n"
        "      | gpus.tiny-fast.memory_bandwith=2 TB/s\n"
        "      |                ^~~~~~~~~~~~~~~\n"
        "      = hint: did you mean 'memory_bandwidth'?\n");
}

TEST_CASE("settings: values are read as in a file") {
  CHECK(complaint("cluster.nodes", "two") ==
        "--set: error[E206]: 'nodes' must be a whole number, not 'two'\n"
        "      | cluster.nodes=two\n"
        "      |               ^~~\n"
        "      = hint: write digits only, such as 64\n");
  CHECK(complaint("gpus.tiny.memory_bandwidth", "3") ==
        "--set: error[E203]: 'memory_bandwidth' needs a unit\n"
        "      | gpus.tiny.memory_bandwidth=3\n"
        "      |                            ^ a bare number is ambiguous\n"
        "      = hint: \"3 Gb/s\" (0.375 GB/s) or \"3 GB/s\"?\n");
  CHECK(complaint("plans.tp.data", "4") ==
        "--set: error[E401]: plan 'tp': data 4 x tensor 8 x pipeline stages 1 = 32 ranks, but the cluster has 16 GPUs\n"
        "      | plans.tp.data=4\n"
        "      |               ^\n"
        "      = hint: data: 2 would fill the cluster (or leave data out: it is derived)\n");
}

TEST_CASE("settings: paths and values that are none") {
  CHECK(complaint("cluster..nodes", "2") ==
        "--set: error[E211]: a name is missing in the path of a setting\n"
        "      | cluster..nodes=2\n"
        "      |         ^\n"
        "      = hint: write it like training.global_batch=512\n");
  CHECK(complaint("cluster.nodes", "") ==
        "--set: error[E104]: the setting has no value\n"
        "      | cluster.nodes=\n"
        "      |               ^\n"
        "      = hint: write it like training.global_batch=512\n");
  CHECK(complaint("plans.tp", "2") ==
        "--set: error[E211]: a key of the plan 'tp' is missing\n"
        "      | plans.tp=2\n"
        "      |       ^~\n"
        "      = hint: write it like plans.tp.KEY=VALUE\n");
  CHECK(complaint("gpus.tiny", "2") ==
        "--set: error[E211]: a key of 'tiny' is missing in the path of a setting\n"
        "      | gpus.tiny=2\n"
        "      |      ^~~~\n"
        "      = hint: write it like gpus.tiny.KEY=VALUE\n");
  CHECK_FALSE(complaint("", "2").empty());
  CHECK_FALSE(complaint("a", "[").empty());
  CHECK_FALSE(complaint("a\nb", "2").empty());
}

TEST_CASE("settings: every mistake of several is reported") {
  const std::string text = TestCatalog().complaints(good_scenario, {{"a..b", "1"}, {"cluster.nodse", "2"}});
  CHECK(text.find("E211") != std::string::npos);
  CHECK(text.find("did you mean 'nodes'?") != std::string::npos);
}
