// The keys of a scenario that take parts of a cluster away.
#include "tests/catch.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

const TestCatalog catalog;

std::string cluster_keys(const std::string& keys) {
  return replaced(good_scenario, "nodes: 2", "nodes: 2, " + keys);
}

Scenario load(const std::string& yaml, std::vector<Setting> settings = {}) {
  return parse_scenario(yaml, "s.yaml", catalog.with(std::move(settings)));
}

}  // namespace

TEST_CASE("topology keys: failed and degraded are read, also from --set") {
  const Scenario scenario = load(
      cluster_keys("failed: [node0.nic2, spine1], degraded: [{link: node0.gpu1-node0.nvswitch0, "
                   "bandwidth_left: 50 %}]"));
  CHECK(scenario.cluster.failed == std::vector<std::string>{"node0.nic2", "spine1"});
  REQUIRE(scenario.cluster.degraded.size() == 1);
  CHECK(scenario.cluster.degraded[0].link == "node0.gpu1-node0.nvswitch0");
  CHECK(scenario.cluster.degraded[0].bandwidth_left == Approx(0.5));
  const Scenario set =
      load(good_scenario,
           {{"cluster.failed", "[node1.nic0, unit0.leaf3]"},
            {"cluster.degraded", "[{link: node0.nic0-unit0.leaf0, bandwidth_left: 0.25}]"}});
  CHECK(set.cluster.failed == std::vector<std::string>{"node1.nic0", "unit0.leaf3"});
  CHECK(set.cluster.degraded[0].bandwidth_left == Approx(0.25));
}

TEST_CASE("topology keys: a name that is no part, where it stands") {
  CHECK(catalog.complaints(cluster_keys("failed: [node0.nic2, node5.nic0]")) ==
        "s.yaml:3:55: error[E460]: 'node5.nic0' is no part of this cluster\n"
        "    3 | cluster: {system: box, nodes: 2, failed: [node0.nic2, node5.nic0]}\n"
        "      |                                                       ^~~~~~~~~~\n"
        "      = hint: the nodes are node0 to node1\n");
  CHECK(catalog.complaints(good_scenario, {{"cluster.failed", "[node0.nic9]"}}) ==
        "--set: error[E460]: 'node0.nic9' is no part of this cluster\n"
        "      | cluster.failed=[node0.nic9]\n"
        "      |                 ^~~~~~~~~~\n"
        "      = hint: node0 has gpu0 to gpu7, nvswitch0, pcie0 to pcie3, cpu0 to cpu1, nic0 to "
        "nic7\n");
}

TEST_CASE("topology keys: a list is a list of texts") {
  CHECK(catalog.complaints(cluster_keys("failed: node0.nic2")) ==
        "s.yaml:3:42: error[E204]: 'failed' must be a list\n"
        "    3 | cluster: {system: box, nodes: 2, failed: node0.nic2}\n"
        "      |                                          ^~~~~~~~~~\n"
        "      = hint: write [node0.nic2]\n");
}

TEST_CASE("topology keys: a GPU that is down takes its node's GPUs out of use") {
  // A batch of 64 divides by the eight GPUs that are left.
  CHECK(load(cluster_keys("failed: [node1.gpu3]")).cluster.gpus == 8);
  CHECK(catalog.complaints(cluster_keys("failed: [node1.gpu3], gpus: 16")) ==
        "s.yaml:3:62: error[E454]: 16 GPUs, but 1 node of 8 have 8 without node1\n"
        "    3 | cluster: {system: box, nodes: 2, failed: [node1.gpu3], gpus: 16}\n"
        "      |                                                              ^~\n"
        "      = hint: set nodes: 3 or fewer gpus\n");
  CHECK(catalog.complaints(cluster_keys("failed: [node0, node1.gpu3]")) ==
        "s.yaml:3:34: error[E454]: no node is left to work\n"
        "    3 | cluster: {system: box, nodes: 2, failed: [node0, node1.gpu3]}\n"
        "      |                                  ^~~~~~\n"
        "      = hint: a node without one of its GPUs is out of the job: add nodes, or take fewer "
        "away\n");
}

TEST_CASE("topology keys: a plan that no longer fits says which node is missing") {
  std::string text = catalog.complaints(replaced(
      cluster_keys("failed: [node1.gpu3]"), "  - name: dp\n", "  - name: dp\n    data: 16\n"));
  // The hint is broken into lines at 100 columns.
  const std::string broken = "\n              ";
  for (std::size_t at = text.find(broken); at != std::string::npos; at = text.find(broken))
    text.replace(at, broken.size(), " ");
  CHECK(text.find("; 8 GPUs are left without node1\n") != std::string::npos);
}

TEST_CASE("topology keys: a pod is made of whole leaves") {
  CHECK(catalog.complaints(cluster_keys("fabric: {nodes_per_leaf: 32, nodes_per_pod: 48}"))
            .find("error[E459]: a pod of 48 nodes cuts a leaf of 32\n") != std::string::npos);
}
