// Names of parts, and what an entry of `failed` or `degraded` means.
#include "topology/failures.hpp"

#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using lockstep::testing::round_cluster;

namespace {

std::string problem(Cluster cluster, const std::string& failed) {
  cluster.failed = {failed};
  const std::vector<FailureProblem> all = failure_problems(cluster);
  return all.empty() ? "" : all.front().message + " | " + all.front().hint;
}

std::vector<std::int64_t> out(Cluster cluster, std::vector<std::string> failed) {
  cluster.failed = std::move(failed);
  return nodes_out(cluster);
}

using Nodes = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("part names: read as they are written") {
  for (const char* text : {"node0.gpu3", "node12.nvswitch0", "node0.pcie1", "node7.cpu0",
                           "node0.nic2", "unit3.leaf7", "spine1", "pod2.spine1", "core9"}) {
    const std::optional<Part> part = parse_part(text);
    REQUIRE(part);
    CHECK(name(*part) == text);
  }
  for (const char* text : {"", "gpu0", "node0", "node0.gpu", "node.gpu0", "node0.gpu01",
                           "node-1.gpu0", "node0.gpu0x", "node0.gpu0.nic0", "spine", "unit0.spine1",
                           "pod0.core1", "node0.gpu9999999999", "Node0.gpu0"}) {
    CHECK_FALSE(parse_part(text));
  }
}

TEST_CASE("failures: a part that is not there, with those that are") {
  const Cluster cluster = round_cluster(4);
  CHECK(problem(cluster, "node3.nic2").empty());
  CHECK(problem(cluster, "node3").empty());
  CHECK(problem(cluster, "node9") ==
        "'node9' is no part of this cluster | the nodes are node0 to node3");
  CHECK(problem(cluster, "node9.nic0") ==
        "'node9.nic0' is no part of this cluster | the nodes are node0 to node3");
  CHECK(problem(cluster, "node1.nic8") ==
        "'node1.nic8' is no part of this cluster | node1 has gpu0 to gpu7, nvswitch0, pcie0 to "
        "pcie3, cpu0 to cpu1, nic0 to nic7");
  CHECK(problem(cluster, "unit1.leaf0") ==
        "'unit1.leaf0' is no part of this cluster | the leaf switches are unit0.leaf0 to "
        "unit0.leaf7");
  // 8 leaves of 32 links up onto ports of 64.
  CHECK(problem(cluster, "spine4") ==
        "'spine4' is no part of this cluster | the spine switches are spine0 to spine3");
  CHECK(problem(cluster, "moon") ==
        "'moon' is no part of this cluster | parts are node0 to node3 with gpu0 to gpu7, "
        "nvswitch0, pcie0 to pcie3, cpu0 to cpu1, nic0 to nic7; unit0.leaf0 to unit0.leaf7; spine0 "
        "to spine3");
  CHECK(problem(cluster, "").substr(0, 13) == "an empty name");
}

TEST_CASE("failures: two parts that are not linked, with the links that are") {
  CHECK(problem(round_cluster(4), "node3.nic2-unit0.leaf2").empty());
  CHECK(problem(round_cluster(4), "unit0.leaf2-node3.nic2").empty());
  CHECK(problem(round_cluster(4), "node3.nic2-unit0.leaf1") ==
        "node3.nic2 and unit0.leaf1 are not linked | links there: node3.nic2-node3.pcie1, "
        "node3.nic2-unit0.leaf2");
}

TEST_CASE("failures: a degraded part must be a link") {
  Cluster cluster = round_cluster(1);
  cluster.degraded = {{"node0.nic0", 0.5}};
  const std::vector<FailureProblem> all = failure_problems(cluster);
  REQUIRE(all.size() == 1);
  CHECK(all.front().degraded);
  CHECK(all.front().message == "'node0.nic0' is no link");
  CHECK(all.front().hint ==
        "a link is two parts: node0.gpu1-node0.nvswitch0, node0.nic0-unit0.leaf0");
}

TEST_CASE(
    "failures: a GPU or what ties it to its host takes the node out, a NIC or an NVLink not") {
  const Cluster cluster = round_cluster(4);
  CHECK(out(cluster, {"node3.gpu2"}) == Nodes{3});
  CHECK(out(cluster, {"node3.cpu0", "node1"}) == Nodes{1, 3});
  CHECK(out(cluster, {"node2.pcie1", "node2.gpu0"}) == Nodes{2});
  CHECK(out(cluster, {"node2.gpu0-node2.pcie0"}) == Nodes{2});
  CHECK(out(cluster, {"node2.pcie3-node2.cpu1"}) == Nodes{2});
  CHECK(out(cluster, {"node0.nic2", "node0.gpu1-node0.nvswitch0", "node0.nvswitch0",
                      "node1.cpu0-node1.cpu1", "node1.nic0-node1.pcie0", "unit0.leaf3", "spine0"})
            .empty());
}

TEST_CASE("failures: the GPUs in use shrink with the nodes that are out") {
  Cluster cluster = round_cluster(4);
  cluster.gpus = 0;
  CHECK(gpu_count(cluster) == 32);
  cluster.failed = {"node3.gpu2"};
  CHECK(gpu_count(cluster) == 24);
  cluster.failed.push_back("node3.gpu4");
  CHECK(gpu_count(cluster) == 24);
  cluster.failed.push_back("node1");
  CHECK(gpu_count(cluster) == 16);
}
