// Do a cluster's keys nccl_topology and nccl_graph reach the plans of a scenario, and the file that
// a --cluster names?
#include "scenarios/cluster_file.hpp"
#include "tests/support/nccl_dump.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using namespace lockstep::testing;

TEST_CASE("imported files: a scenario's dump changes the cluster of its plans") {
  const TestCatalog catalog;
  const TemporaryFolder folder;
  (void)folder.write("t.xml", dump_text("gb200_two_trays.topology.xml"));
  const std::string yaml = replaced(good_scenario, "{system: box, nodes: 2}",
                                    "{system: box, nodes: 4, nccl_topology: t.xml}");
  const Scenario scenario =
      parse_scenario(yaml, (folder.path() / "s.yaml").string(), catalog.with());
  // Trays of four GPUs, two of them one NVLink domain.
  CHECK(scenario.cluster.gpus == 16);
  for (const ScenarioPlan& plan : scenario.plans) {
    CHECK(plan.cluster.system.gpus_per_node == 4);
    CHECK(plan.cluster.system.gpus_per_nvlink_domain == 8);
    REQUIRE(plan.cluster.imported.topology);
  }
}

TEST_CASE("imported files: a setting names a dump from where the command runs") {
  const TestCatalog catalog;
  const std::string file = dump_path("a100_ndv4.topology.xml");
  const Cluster cluster = load_cluster("box", catalog.with({{"cluster.nccl_topology", file}}));
  REQUIRE(cluster.imported.topology);
  CHECK(cluster.imported.topology->file == file);
  CHECK(cluster.system.nics_per_node == 8);
}

TEST_CASE("imported files: one that is not there, and one that is no dump") {
  const TestCatalog catalog;
  const std::string missing =
      replaced(good_scenario, "nodes: 2}", "nodes: 2, nccl_topology: x.xml}");
  CHECK(catalog.complaints(missing) ==
        "s.yaml:3:49: error[E304]: 'nccl_topology' names no file\n"
        "    3 | cluster: {system: box, nodes: 2, nccl_topology: x.xml}\n"
        "      |                                                 ^~~~~\n"
        "      = hint: looked for x.xml\n");
  const TemporaryFolder folder;
  const std::string text = folder.write("x.xml", "hello\n").string();
  CHECK(catalog.complaints(good_scenario, {{"cluster.nccl_graph", text}}) ==
        text +
            ":1:1: error[E120]: this is not XML: no document element found\n"
            "    1 | hello\n"
            "      | ^\n"
            "      = hint: give a file that NCCL_TOPO_DUMP_FILE or NCCL_GRAPH_DUMP_FILE wrote\n");
}
