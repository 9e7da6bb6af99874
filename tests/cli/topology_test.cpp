// Does `lockstep topology` show what it should, and refuse what makes no sense?
#include <nlohmann/json.hpp>
#include <sstream>

#include "scenarios/scenario.hpp"
#include "sim/cli/commands.hpp"
#include "sim/report/display.hpp"
#include "tests/catch.hpp"
#include "tests/cli/process.hpp"

using namespace lockstep::test;

namespace {

std::string shown(std::vector<std::string> words) {
  words.insert(words.begin(), "topology");
  std::ostringstream out, err;
  CHECK(lockstep::cli::run(words, out, err, {}) == 0);
  CHECK(err.str().empty());
  return out.str();
}

nlohmann::json json_of(std::vector<std::string> words) {
  words.insert(words.end(), {"--format", "json"});
  return nlohmann::json::parse(shown(words));
}

void check_refused(std::vector<std::string> words, const std::string& message) {
  words.insert(words.begin(), "topology");
  const Finished finished = run_lockstep(words);
  CHECK(finished.code == 2);
  CHECK(finished.out.empty());
  CHECK(finished.err == "lockstep: " + message + "\n  = help: lockstep topology --help\n");
}

const std::string llama = bundled("llama3-70b-64xh100.yaml");

}  // namespace

TEST_CASE("topology: every system of the catalog fits into 100 columns", "[cli]") {
  const lockstep::Catalog catalog(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios");
  for (const std::string& system : catalog.names("systems")) {
    for (const char* nodes : {"1", "2", "100"}) {
      std::istringstream lines(shown({system, "--nodes", nodes}));
      for (std::string line; std::getline(lines, line);) {
        INFO(system << " × " << nodes << ": " << line);
        CHECK(lockstep::display_width(line) <= 100);
      }
    }
  }
}

TEST_CASE("topology: plans of bundled scenarios fit into 100 columns", "[cli]") {
  for (const auto& [scenario, plan] : std::vector<std::pair<std::string, std::string>>{
           {"llama3-70b-64xh100.yaml", "tp8-pp2"},
           {"llama3.1-405b-1024xh100.yaml", "tp8-pp16"},
           {"llama2-7b-8xrtx4090.yaml", "fsdp"}}) {
    std::istringstream lines(shown({bundled(scenario), "--plan", plan}));
    for (std::string line; std::getline(lines, line);) {
      INFO(scenario << ": " << line);
      CHECK(lockstep::display_width(line) <= 100);
    }
  }
}

TEST_CASE("topology: a route with every hop and its bottleneck", "[cli]") {
  const std::string text =
      shown({"dgx-h100", "--nodes", "4", "--from", "node0.gpu0", "--to", "node2.gpu0"});
  // GPU - PCIe switch - NIC - leaf and down again: 6 hops, as wide as the NIC's 400 Gb/s.
  CHECK_THAT(text, Matchers::Contains("ROUTE from node0.gpu0 to node2.gpu0"));
  CHECK_THAT(text, Matchers::Contains("3  node0.nic0   unit0.leaf0  NIC   50.0 GB/s"));
  CHECK_THAT(text, Matchers::Contains("6 hops, 50.0 GB/s (NET): bottleneck node0.nic0 → "
                                      "unit0.leaf0, NIC."));
}

TEST_CASE("topology: a route goes round what is down", "[cli]") {
  const nlohmann::json json = json_of({"dgx-h100", "-n", "4", "--from", "node0.gpu0", "--to",
                                       "node2.gpu0", "--fail", "node0.nic0"});
  CHECK(json["route"]["bytes_per_s"] == 50e9);
  for (const nlohmann::json& hop : json["route"]["hops"]) CHECK(hop["from"] != "node0.nic0");
  CHECK(json["change"]["failed"][0] == "node0.nic0");
}

TEST_CASE("topology: link loads of a plan and its bottleneck", "[cli]") {
  const nlohmann::json json = json_of({llama, "--plan", "tp8-pp2"});
  CHECK(json["plan"] == "tp8-pp2");
  const nlohmann::json& loads = json["figures"]["link_loads"];
  CHECK(loads["complete"] == true);
  CHECK(loads["bottleneck"] == "nvlink");
  for (const nlohmann::json& load : loads["classes"]) {
    double bytes = 0, busy = 0;
    for (const nlohmann::json& flow : load["flows"]) {
      bytes += flow["bytes"].get<double>();
      busy += flow["busy_s"].get<double>();
    }
    CHECK(bytes == Approx(load["bytes_per_step"].get<double>()));
    CHECK(busy == Approx(load["busy_s"].get<double>()));
    CHECK(busy < json["figures"]["step_time_s"].get<double>());
  }
  CHECK_THAT(shown({llama, "--plan", "tp8-pp2"}),
             Matchers::Contains("Bottleneck: node0.gpu0 → its 4 NVSwitches, busy "));
}

TEST_CASE("topology: what breaks is predicted anew", "[cli]") {
  const nlohmann::json json = json_of({llama, "--plan", "fsdp-recompute"});
  REQUIRE(json["what_if"].size() >= 4);
  const double healthy = json["figures"]["step_time_s"];
  for (const nlohmann::json& each : json["what_if"]) {
    INFO(each["name"]);
    if (each["figures"]["step_time_s"].is_null()) {
      // 56 GPUs do not divide 512 sequences.
      CHECK(each["name"] == "a dead node");
      CHECK(each["figures"]["no_step_reason"] == "not run on 56 GPUs");
      continue;
    }
    CHECK(each["figures"]["step_time_s"].get<double>() >= healthy * (1 - 1e-9));
  }
  // FSDP over nodes lives by its NICs.
  CHECK(json["what_if"][0]["name"] == "a dead NIC");
  CHECK(json["what_if"][0]["figures"]["step_time_s"].get<double>() > healthy);
}

TEST_CASE("topology: before and after", "[cli]") {
  const std::string text = shown({"dgx-h100", "-n", "64", "--oversubscription", "2:1"});
  // 32 nodes of 8 NICs of 50 GB/s are 12.8 TB/s; half of it is left.
  CHECK_THAT(text, Matchers::Contains("bisection                          12.8 TB/s  6400 GB/s   "
                                      "−50 %"));
  const nlohmann::json json =
      json_of({"dgx-h100", "-n", "2", "--degrade", "node0.gpu0-node0.nvswitch0=50%"});
  CHECK(json["change"]["degraded"][0]["bandwidth_left"] == 0.5);
  // One of four planes at half: 7/8 of 450 GB/s.
  CHECK(json["changed_figures"]["in_domain"][6]["bytes_per_s_per_gpu"].get<double>() ==
        Approx(450e9 * 7 / 8));
}

TEST_CASE("topology: the same twice, also as JSON", "[cli]") {
  const std::vector<std::string> words{llama, "--plan", "tp4-pp4", "--format", "json"};
  CHECK(shown(words) == shown(words));
}

TEST_CASE("topology: --set and a plan's number of nodes", "[cli]") {
  const nlohmann::json json = json_of({llama, "--plan", "fsdp-recompute", "--nodes", "16", "--set",
                                       "cluster.system.nic_bandwidth=200 Gb/s"});
  CHECK(json["cluster"]["gpus"] == 128);
  CHECK(json["cluster"]["node"]["nic_bytes_per_s"] == 25e9);
}

TEST_CASE("topology: Graphviz reads the drawing", "[cli]") {
  const std::string drawing =
      shown({"dgx-h100", "-n", "2", "--format", "dot", "--whole", "--fail", "node0.nic3"});
  CHECK_THAT(drawing, Matchers::StartsWith("graph cluster {\n"));
  CHECK_THAT(drawing, Matchers::Contains("subgraph cluster_node1 {"));
  CHECK_THAT(drawing,
             Matchers::Contains("\"node0.nic3\" -- \"unit0.leaf3\" [label=\"down\", color=red, "
                                "fontcolor=red, style=dashed];"));
  CHECK_THAT(drawing, Matchers::Contains("[label=\"400 Gb/s\"]"));
  const std::string program = "/usr/bin/dot";
  if (!std::filesystem::exists(program)) LOCKSTEP_SKIP("Graphviz is not installed");
  const TemporaryFolder folder;
  for (const std::string& text : {drawing, shown({"gb200-nvl72", "-n", "100", "--format", "dot"}),
                                  shown({"dgx-1v", "--format", "dot"})}) {
    const Finished finished = start(program, {"-Tsvg", folder.file("graph.dot", text)});
    CHECK(finished.code == 0);
    CHECK(finished.err.empty());
    CHECK_THAT(finished.out, Matchers::Contains("</svg>"));
  }
}

TEST_CASE("topology: what is no part, no link, no number", "[cli]") {
  check_refused(
      {"dgx-h100", "-n", "4", "--from", "node0.gpu0", "--to", "node9.gpu5"},
      "--to: 'node9.gpu5' is no part of this cluster\n  = hint: did you mean node0.gpu5?");
  check_refused({"dgx-h100", "--from", "node0.gpu0"}, "--from and --to go together");
  check_refused({"dgx-h100", "-n", "4", "--fail", "node0.nic3-unit0.leaf4"},
                "--fail: node0.nic3 and unit0.leaf4 are not linked\n"
                "  = hint: links there: node0.nic3-node0.pcie1, node0.nic3-unit0.leaf3");
  check_refused({"dgx-h100", "--fail", "node0"},
                "--fail: no node is left to work\n"
                "  = hint: a node without one of its GPUs is out; --nodes gives more of them");
  check_refused({"dgx-h100", "--degrade", "node0.gpu0-node0.nvswitch0"},
                "--degrade cannot be 'node0.gpu0-node0.nvswitch0'\n"
                "  = hint: a link and what is left of it: node0.gpu0-node0.nvswitch0=50%");
  check_refused({"dgx-h100", "--oversubscription", "0.5"},
                "--oversubscription cannot be '0.5'\n"
                "  = hint: downlinks over uplinks of a leaf, at least 1: 2 or 2:1");
  check_refused({"dgx-h100", "--nodes", "0"},
                "--nodes cannot be '0'\n  = hint: a whole number from 1 to 10000000");
  check_refused({"dgx-h100", "--whole"}, "--whole goes with --format dot");
  check_refused({"dgx-h100", "-n", "33", "--whole", "--format", "dot"},
                "--whole draws 32 nodes at most; this cluster has 33\n"
                "  = hint: without --whole one node of each kind is drawn");
  check_refused({"dgx-h100", "--plan", "x"},
                "--plan needs a scenario; dgx-h100 is a system\n"
                "  = hint: lockstep topology scenarios/llama3-70b-64xh100.yaml --plan tp8-pp2");
  check_refused(
      {llama, "--plan", "tp8-pp1"},
      "the scenario has no plan 'tp8-pp1'\n"
      "  = hint: did you mean tp8-pp2? its plans: fsdp-recompute, fsdp-selective, hsdp32, "
      "hsdp8, tp8-fsdp8,\n          tp8-pp2, tp4-pp4, tp4-pp4-half");
  const Finished unknown = run_lockstep({"topology", "dgx-h10"});
  CHECK(unknown.code == 3);
  CHECK_THAT(unknown.err, Matchers::Contains("did you mean 'dgx-h100'?"));
}

TEST_CASE("topology: a GPU without any NVLink beside others that have theirs", "[cli]") {
  const Finished finished =
      run_lockstep({"topology", bundled("llama3-70b-64xh100.yaml"), "--plan", "tp8-pp2", "--fail",
                    "node0.gpu0-node0.nvswitch0", "--fail", "node0.gpu0-node0.nvswitch1", "--fail",
                    "node0.gpu0-node0.nvswitch2", "--fail", "node0.gpu0-node0.nvswitch3"});
  CHECK(finished.code == 0);
  CHECK_THAT(finished.out, Matchers::Contains("Bottleneck: "));
}
