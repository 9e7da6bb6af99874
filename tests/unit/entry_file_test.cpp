// A catalog entry that is a YAML file of its own: `system: ./my-node.yaml`.
#include "scenarios/scenario.hpp"
#include "tests/catch.hpp"
#include "tests/cli/process.hpp"

using namespace lockstep;
using lockstep::test::TemporaryFolder;

namespace {

Catalog catalog(std::vector<Setting> settings = {}) {
  return Catalog(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios", std::move(settings));
}

const std::string node = "based_on: dgx-h100\nnic_bandwidth: 200 Gb/s\nnics_per_node: 4\n";

std::string scenario(const std::string& system) {
  return "lockstep: 1\nname: own node\nmodel: llama3-8b\ncluster: {system: " + system +
         ", nodes: 1}\ntraining: {sequence_length: 8192, global_batch: 8}\nsoftware: "
         "megatron-core\nplans:\n  - {name: a, "
         "tensor: 8, micro_batch: 1}\n";
}

std::string errors(const std::string& file, const Catalog& from) {
  try {
    (void)load_scenario(file, from);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a scenario names a system by its file, relative to itself", "[unit]") {
  const TemporaryFolder folder;
  (void)folder.file("my-node.yaml", node);
  const Scenario loaded =
      load_scenario(folder.file("s.yaml", scenario("./my-node.yaml")), catalog());
  CHECK(loaded.cluster.system.name == "my-node");
  CHECK(loaded.cluster.system.nics_per_node == 4);
  CHECK(loaded.cluster.system.nic_bandwidth.value == 25e9);
  CHECK(loaded.cluster.system.gpu_name == "h100-sxm-80gb");
}

TEST_CASE("a setting names a system by its file, relative to where one is", "[unit]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("my-node.yaml", node);
  const std::string text = folder.file("s.yaml", scenario("dgx-a100-80gb"));
  const Scenario loaded = load_scenario(text, catalog({{"cluster.system", file}}));
  CHECK(loaded.cluster.system.name == "my-node");
  const Scenario changed = load_scenario(
      text, catalog({{"cluster.system", file}, {"cluster.system.nic_bandwidth", "100 Gb/s"}}));
  CHECK(changed.cluster.system.nic_bandwidth.value == 12.5e9);
  CHECK(changed.cluster.system.nics_per_node == 4);
}

TEST_CASE("a file may be based on another file", "[unit]") {
  const TemporaryFolder folder;
  (void)folder.file("my-node.yaml", node);
  (void)folder.file("slower.yaml", "based_on: my-node.yaml\nnic_bandwidth: 50 Gb/s\n");
  const Scenario loaded = load_scenario(folder.file("s.yaml", scenario("slower.yaml")), catalog());
  CHECK(loaded.cluster.system.name == "slower");
  CHECK(loaded.cluster.system.nic_bandwidth.value == 6.25e9);
  CHECK(loaded.cluster.system.nics_per_node == 4);
}

TEST_CASE("a GPU may be a file", "[unit]") {
  const TemporaryFolder folder;
  (void)folder.file("my-gpu.yaml", "based_on: h100-sxm-80gb\npower_limit: 500 W\n");
  (void)folder.file("my-node.yaml", node + "gpu: my-gpu.yaml\n");
  const Scenario loaded = load_scenario(folder.file("s.yaml", scenario("my-node.yaml")), catalog());
  CHECK(loaded.cluster.system.gpu.name == "my-gpu");
  CHECK(loaded.cluster.system.gpu.power_limit.value == 500.0);
}

TEST_CASE("errors of an entry's file have its own places", "[unit]") {
  const TemporaryFolder folder;
  const std::string text = folder.file("s.yaml", scenario("./my-node.yaml"));
  const std::string excerpt =
      "    4 | cluster: {system: ./my-node.yaml, nodes: 1}\n      |                   "
      "^~~~~~~~~~~~~~\n";
  CHECK(errors(text, catalog()) == text + ":4:19: error[E304]: './my-node.yaml' names no file\n" +
                                       excerpt + "      = hint: looked for " +
                                       (folder.path() / "./my-node.yaml").string() + "\n");
  const std::string file = (folder.path() / "./my-node.yaml").string();
  (void)folder.file("my-node.yaml", "based_on: dgx-h100\nnics: 4\n");
  CHECK(errors(text, catalog())
            .find(file + ":2:1: error[E201]: unknown key 'nics' in 'systems.my-node'\n") == 0);
  (void)folder.file("my-node.yaml", "- 1\n");
  CHECK(errors(text, catalog()) ==
        file +
            ":1:1: error[E204]: a catalog file must be a map of keys\n    1 | - 1\n"
            "      | ^\n      = hint: write 'key: value' lines\n");
  (void)folder.file("my-node.yaml", "based_on: ./my-node.yaml\n");
  CHECK(errors(text, catalog()) ==
        file +
            ":1:11: error[E302]: './my-node.yaml' is based on itself\n"
            "    1 | based_on: ./my-node.yaml\n      |           ^~~~~~~~~~~~~~\n"
            "      = hint: break the circle of based_on\n");
}
