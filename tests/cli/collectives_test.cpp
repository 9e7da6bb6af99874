// Does `lockstep collectives` print what nccl-tests prints, and refuse what makes no sense?
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/catch.hpp"
#include "tests/cli/process.hpp"
#include "tests/support/nccl_dump.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep::test;

namespace {

void check_refused(const std::vector<std::string>& words, const std::string& message) {
  std::vector<std::string> line{"collectives", "dgx-h100"};
  line.insert(line.end(), words.begin(), words.end());
  const Finished finished = run_lockstep(line);
  CHECK(finished.code == 2);
  CHECK(finished.out.empty());
  CHECK(finished.err == "lockstep: " + message + "\n  = help: lockstep collectives --help\n");
}

std::vector<std::string> rows_of(const std::string& text) {
  std::vector<std::string> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line[0] != '#') rows.push_back(line);
  }
  return rows;
}

}  // namespace

TEST_CASE("collectives: nccl-tests' columns, then the choice", "[cli]") {
  const Finished finished = run_lockstep({"collectives", "dgx-h100", "-b", "1M", "-e", "4M"});
  CHECK(finished.code == 0);
  CHECK(finished.err.empty());
  CHECK_THAT(finished.out,
             Matchers::Contains(
                 "#       size         count      type   redop    root     time   algbw   busbw"));
  const std::vector<std::string> rows = rows_of(finished.out);
  REQUIRE(rows.size() == 3);
  CHECK_THAT(rows[0],
             Matchers::StartsWith("     1048576        262144     float     sum      -1  "));
  CHECK_THAT(rows[0], Matchers::Contains(" ring/ll "));
  CHECK_THAT(rows[2],
             Matchers::StartsWith("     4194304       1048576     float     sum      -1  "));
  CHECK_THAT(rows[2], Matchers::Contains(" nvls "));
}

TEST_CASE("collectives: sizes in parts are rounded down as nccl-tests does", "[cli]") {
  // 32 MiB over 80 ranks: parts of 104,856 elements, a multiple of 16 bytes.
  const Finished finished = run_lockstep(
      {"collectives", "dgx-h100", "-c", "all_gather", "-g", "80", "-b", "32M", "-e", "32M"});
  const std::vector<std::string> rows = rows_of(finished.out);
  REQUIRE(rows.size() == 1);
  CHECK_THAT(rows[0],
             Matchers::StartsWith("    33553920        104856     float    none      -1  "));
  // Sizes that leave a rank without an element have no row.
  CHECK(rows_of(run_lockstep({"collectives", "dgx-h100", "-c", "all_gather", "-e", "64"}).out)
            .empty());
}

TEST_CASE("collectives: one GPU per node, and a whole number of nodes", "[cli]") {
  const Finished lonely =
      run_lockstep({"collectives", "dgx-h100", "-g", "10", "-n", "10", "-b", "1G", "-e", "1G"});
  CHECK_THAT(lonely.out, Matchers::Contains("10 GPUs on 10 nodes\n# fabric: InfiniBand; "));
  CHECK_THAT(lonely.out, Matchers::Contains("ring 2 x 24/24"));
  const Finished nodes =
      run_lockstep({"collectives", "dgx-h100", "-n", "4", "-b", "1G", "-e", "1G"});
  CHECK_THAT(nodes.out, Matchers::Contains("32 GPUs on 4 nodes"));
  check_refused({"-g", "10", "-n", "4"},
                "10 GPUs do not spread evenly over 4 nodes\n  = hint: dgx-h100 has 8 GPUs a node");
  check_refused({"-g", "9", "-n", "1"},
                "9 GPUs do not fit on 1 node\n  = hint: dgx-h100 has 8 GPUs a node");
}

TEST_CASE("collectives: why the others lost", "[cli]") {
  const Finished finished =
      run_lockstep({"collectives", "dgx-a100-80gb", "--explain", "-b", "1M", "-e", "1G"});
  CHECK(finished.code == 0);
  CHECK_THAT(finished.out, Matchers::Contains("NCCL expects"));
  CHECK_THAT(finished.out, Matchers::Contains("#   nvls: NVLS needs NVSwitch and Hopper\n"));
  const Finished untuned =
      run_lockstep({"collectives", "dgx-h100", "-c", "all_to_all", "--explain"});
  CHECK_THAT(untuned.out, Matchers::Contains("NCCL does not tune this collective"));
}

TEST_CASE("collectives: JSON and CSV carry the same numbers", "[cli]") {
  const std::vector<std::string> words{"collectives", "aws-p5", "-g", "16", "-b", "1G", "-e", "2G"};
  std::vector<std::string> as_json = words;
  as_json.insert(as_json.end(), {"--format", "json", "--explain"});
  const nlohmann::json json = nlohmann::json::parse(run_lockstep(as_json).out);
  CHECK(json["schema_version"] == 1);
  CHECK(json["command"] == "collectives");
  CHECK(json["fabric"] == "EFA");
  REQUIRE(json["rows"].size() == 2);
  const nlohmann::json& row = json["rows"][0];
  CHECK(row["size_bytes"] == 1073741824);
  CHECK(row["algorithm"] == "nvls_tree");
  CHECK(row["time_s"].get<double>() > row["nccl_time_s"].get<double>());
  // The 90 % interval of a log-normal time: 1.645 standard deviations to both sides.
  const double spread = row["time_spread"].get<double>();
  CHECK(spread > 0);
  CHECK(row["time_s_low"].get<double>() ==
        Approx(row["time_s"].get<double>() * std::exp(-1.6448536 * spread)));
  CHECK(row["time_s_high"].get<double>() ==
        Approx(row["time_s"].get<double>() * std::exp(1.6448536 * spread)));
  CHECK(json["launch_floor_s"].get<double>() > 0);
  CHECK(json["channels_from"] == "search");
  CHECK(row["alternatives"].size() == 21);
  std::vector<std::string> as_csv = words;
  as_csv.insert(as_csv.end(), {"--format", "csv"});
  CHECK_THAT(run_lockstep(as_csv).out,
             Matchers::Contains("aws-p5,all_reduce,16,2,1,float,1073741824,268435456,"));
}

TEST_CASE("collectives: --set reaches the catalog", "[cli]") {
  const std::vector<std::string> words{"collectives", "dgx-a100-80gb", "-g", "16", "-b", "1G", "-e",
                                       "1G"};
  std::vector<std::string> slower = words;
  slower.insert(slower.end(), {"--set", "systems.dgx-a100-80gb.nic_bandwidth=100 Gb/s"});
  const Finished finished = run_lockstep(slower);
  CHECK(finished.code == 0);
  CHECK_THAT(finished.out, Matchers::Contains("ring 8 x 12"));
  std::vector<std::string> forced = words;
  forced.insert(forced.end(), {"--set", "systems.dgx-a100-80gb.nccl_algorithm=tree"});
  CHECK_THAT(run_lockstep(forced).out, Matchers::Contains(" tree/simple "));
}

TEST_CASE("collectives: lines fit 100 columns, and the out-of-place part ends at the 77th",
          "[cli]") {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"dgx-h100", "-g", "16", "--explain"},
        {"gb200-nvl72", "-g", "144", "--explain"},
        {"generic-a100-sxm-80gb", "--explain"},
        {"rtx2080ti-pcie3", "--explain"},
        {"dgx-h100", "-n", "64", "--set", "systems.dgx-h100.in_network_reduction=true", "--set",
         "systems.dgx-h100.nccl_algorithm=collnet-direct"},
        {"dgx-h100", "-n", "64", "--set", "cluster.fabric.oversubscription=4"},
        {"alps-gh200", "-g", "128", "-c", "all_to_all", "-d", "bfloat16", "--explain"}}) {
    std::vector<std::string> line{"collectives"};
    line.insert(line.end(), words.begin(), words.end());
    const Finished finished = run_lockstep(line);
    REQUIRE(finished.code == 0);
    INFO(words.front());
    std::istringstream lines(finished.out);
    for (std::string text; std::getline(lines, text);) {
      INFO(text);
      std::size_t characters = 0;
      for (const char c : text)
        characters += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
      CHECK(characters <= 100);
      if (text[0] == '#') continue;
      // "busbw", a blank, what NCCL chose.
      CHECK(text[76] != ' ');
      CHECK(text[77] == ' ');
      CHECK(text[78] != ' ');
    }
  }
}

TEST_CASE("collectives: rails, and groups that share the NICs", "[cli]") {
  const std::vector<std::string> rail{"collectives", "dgx-h100", "-n", "4",  "--ranks-per-node",
                                      "1",           "-b",       "1G", "-e", "1G",
                                      "--format",    "json"};
  const nlohmann::json alone = nlohmann::json::parse(run_lockstep(rail).out);
  CHECK(alone["gpus"] == 4);
  CHECK(alone["nodes"] == 4);
  CHECK(alone["groups_at_once"] == 1);
  const auto time = [&](const char* groups, const char* on_node) {
    std::vector<std::string> words = rail;
    words[5] = on_node;
    words.insert(words.end(), {"--siblings", groups});
    return nlohmann::json::parse(run_lockstep(words).out)["rows"][0]["time_s"].get<double>();
  };
  // Eight rails have a NIC each; two groups of four GPUs a node too. A text says that they share.
  CHECK(time("8", "1") == Approx(alone["rows"][0]["time_s"].get<double>()));
  CHECK(time("2", "4") == Approx(time("1", "4")));
  std::vector<std::string> words{"collectives", "polaris",    "-n", "4",  "--ranks-per-node",
                                 "1",           "--siblings", "4",  "-b", "1G",
                                 "-e",          "1G"};
  CHECK_THAT(run_lockstep(words).out,
             Matchers::Contains("4 GPUs on 4 nodes\n") &&
                 Matchers::Contains("# while 4 such groups share the NICs of these nodes\n"));
  // Two NICs for four GPUs: each group gets half of one.
  words.insert(words.end(), {"--format", "json"});
  const double shared = nlohmann::json::parse(run_lockstep(words).out)["rows"][0]["time_s"];
  words[7] = "1";
  const double single = nlohmann::json::parse(run_lockstep(words).out)["rows"][0]["time_s"];
  CHECK(shared > 1.5 * single);
  check_refused(
      {"-g", "12", "--ranks-per-node", "8"},
      "12 GPUs are not 8 on each of 2 nodes\n  = hint: leave out one of --gpus, --nodes and "
      "--ranks-per-node");
  check_refused(
      {"-n", "2", "--ranks-per-node", "4", "--siblings", "3"},
      "3 groups with 4 GPUs a node do not fit at once\n  = hint: dgx-h100 has 8 GPUs a node");
}

TEST_CASE("collectives: a cluster file counts with its fabric, --nodes overrides", "[cli]") {
  const lockstep::testing::TemporaryFolder folder;
  const std::string file =
      folder
          .write("c.yaml",
                 "system: dgx-h100\nnodes: 64\nfabric: {oversubscription: 4, nodes_per_leaf: 2}\n")
          .string();
  const auto json = [](std::vector<std::string> words) {
    words.insert(words.begin(), "collectives");
    words.insert(words.end(), {"-b", "1G", "-e", "1G", "--format", "json"});
    const Finished finished = run_lockstep(words);
    CHECK(finished.err.empty());
    return nlohmann::json::parse(finished.out);
  };
  const nlohmann::json narrow = json({file});
  CHECK(narrow["gpus"] == 512);
  CHECK(narrow["nodes"] == 64);
  const nlohmann::json wide = json({"dgx-h100", "-n", "64"});
  CHECK(narrow["rows"][0]["time_s"].get<double>() > wide["rows"][0]["time_s"].get<double>());
  CHECK(json({"dgx-h100", "-n", "64", "--set",
              "cluster.fabric={oversubscription: 4, nodes_per_leaf: 2}"})["rows"] ==
        narrow["rows"]);
  CHECK(json({file, "-n", "2"})["gpus"] == 16);
  CHECK(json({bundled("llama3-70b-64xh100.yaml")})["nodes"] == 8);
  const Finished wrong =
      run_lockstep({"collectives", "dgx-h100", "--set", "training.global_batch=1"});
  CHECK(wrong.code == 3);
  CHECK(
      wrong.err ==
      "--set: error[E211]: a setting of a cluster begins with 'cluster.'\n"
      "      | training.global_batch=1\n"
      "      | ^~~~~~~~\n"
      "      = hint: write it like cluster.fabric.oversubscription=2, or systems.NAME.KEY=VALUE\n");
}

TEST_CASE("collectives: elements of another type change the counts", "[cli]") {
  const std::vector<std::string> rows = rows_of(
      run_lockstep({"collectives", "dgx-h100", "-d", "bfloat16", "-b", "1M", "-e", "1M"}).out);
  REQUIRE(rows.size() == 1);
  CHECK_THAT(rows[0],
             Matchers::StartsWith("     1048576        524288  bfloat16     sum      -1  "));
  const std::vector<std::string> large =
      rows_of(run_lockstep({"collectives", "dgx-h100", "-d", "double", "-c", "all_gather", "-g",
                            "80", "-b", "32M", "-e", "32M"})
                  .out);
  // 32 MiB over 80 ranks and 8 bytes: 52,428.8, at multiples of two (16 bytes) 52,428.
  CHECK_THAT(large.at(0),
             Matchers::StartsWith("    33553920         52428    double    none      -1  "));
  check_refused({"-d", "bf16"},
                "--datatype cannot be 'bf16'; it is one of: int8, uint8, int32, uint32, int64, "
                "uint64, half, float, "
                "double, bfloat16, f8e4m3, f8e5m2");
  CHECK_THAT(run_lockstep({"collectives", "dgx-h100", "-g", "16", "-d", "f8e4m3"}).out,
             Matchers::Contains("# not modelled: NCCL avoids rings for fp8 on more than 8 GPUs\n"));
}

TEST_CASE("collectives: NCCL's dumps, alone and over a system", "[cli]") {
  using lockstep::testing::dump_path;
  const std::string topology = dump_path("dgx_h100.topology.xml");
  const std::string graphs = dump_path("h100_nodes.graphs.xml");
  const Finished alone =
      run_lockstep({"collectives", "--nccl-topology", topology, "-b", "1G", "-e", "1G"});
  CHECK(alone.code == 0);
  CHECK_THAT(alone.out, Matchers::StartsWith(
                            "# lockstep predicts all_reduce on generic-h100-sxm-80gb: 8 GPUs on 1 "
                            "node\n# fabric: NVLink, Hopper; NCCL 2.26\n# topology: " +
                            topology +
                            "\n#   8 GPUs of sm 90, 18 NVLinks each to NVSwitch, PCIe 5 x16\n"
                            "#   8 NICs of 400 Gb/s a host, 8 rails\n"
                            "#   1 slower NIC is left out\n"
                            "# channels, GB/s each:  ring 12 x 30  tree 12 x 30  nvls 8 x 40\n"));
  const Finished both = run_lockstep({"collectives", "dgx-a100-80gb", "-n", "2", "--nccl-topology",
                                      topology, "--nccl-graph", graphs, "-b", "1G", "-e", "1G"});
  CHECK_THAT(both.out,
             Matchers::Contains("# graphs: " + graphs +
                                "\n#   used: for 8 GPUs on each of several nodes\n"
                                "# channels, GB/s inside/between nodes:  ring 8 x 48/48"));
  const Finished other =
      run_lockstep({"collectives", "dgx-h100", "--nccl-graph", graphs, "-b", "1G", "-e", "1G"});
  CHECK_THAT(other.out,
             Matchers::Contains(
                 "#   not used, channels are searched: for 8 GPUs on each of several nodes\n"));
  check_refused({"--as-system"},
                "--as-system needs a topology file\n  = hint: give --nccl-topology FILE");
  const Finished nothing = run_lockstep({"collectives"});
  CHECK(nothing.code == 2);
  CHECK(nothing.err ==
        "lockstep: collectives needs a CLUSTER\n  = hint: a system of the catalog, a cluster or "
        "scenario file, or "
        "--nccl-topology FILE\n  = help: lockstep collectives --help\n");
  const Finished cloud =
      run_lockstep({"collectives", "--nccl-topology", dump_path("cloud_slots_only.topology.xml")});
  CHECK(cloud.code == 3);
  CHECK(cloud.err == dump_path("cloud_slots_only.topology.xml") +
                         ": error[E305]: the file names no GPU, so that the system must be named\n"
                         "      = hint: give one of `lockstep list systems` before the options\n");
  const Finished missing = run_lockstep({"collectives", "dgx-h100", "--nccl-graph", "nowhere.xml"});
  CHECK(missing.code == 3);
  CHECK(missing.err ==
        "nowhere.xml: error[E101]: there is no such file\n      = hint: give a file that "
        "NCCL_TOPO_DUMP_FILE or NCCL_GRAPH_DUMP_FILE wrote\n");
}

TEST_CASE("collectives: a dump as a system predicts the same", "[cli]") {
  using lockstep::testing::dump_path;
  const lockstep::testing::TemporaryFolder folder;
  for (const char* name :
       {"dgx_h100.topology.xml", "a100_ndv4.topology.xml", "rtx2080ti_pair.topology.xml"}) {
    const Finished yaml =
        run_lockstep({"collectives", "--nccl-topology", dump_path(name), "--as-system"});
    REQUIRE(yaml.code == 0);
    const std::string file = folder.write("system.yaml", yaml.out).string();
    const auto rows = [](std::vector<std::string> words) {
      words.insert(words.end(), {"-b", "1G", "-e", "1G", "-n", "1", "--format", "json"});
      return nlohmann::json::parse(run_lockstep(words).out)["rows"];
    };
    INFO(name);
    CHECK(rows({"collectives", file}) == rows({"collectives", "--nccl-topology", dump_path(name)}));
  }
}

TEST_CASE("collectives: dumps are keys of a cluster, relative to its file", "[cli]") {
  const lockstep::testing::TemporaryFolder folder;
  (void)folder.write("dumps/t.xml", lockstep::testing::dump_text("dgx_h100.topology.xml"));
  (void)folder.write("dumps/g.xml", lockstep::testing::dump_text("h100_nodes.graphs.xml"));
  const std::string file = folder
                               .write("c.yaml",
                                      "system: dgx-a100-80gb\nnodes: 4\nnccl_topology: "
                                      "dumps/t.xml\nnccl_graph: dumps/g.xml\n")
                               .string();
  const Finished finished = run_lockstep({"collectives", file, "-b", "1G", "-e", "1G"});
  CHECK(finished.err.empty());
  CHECK_THAT(finished.out,
             Matchers::Contains("t.xml\n#   8 GPUs of sm 90") &&
                 Matchers::Contains("g.xml\n#   used: for 8 GPUs on each of several nodes"));
  const std::string bad =
      folder.write("bad.yaml", "system: dgx-h100\nnccl_graph: dumps/x.xml\n").string();
  const Finished missing = run_lockstep({"collectives", bad});
  CHECK(missing.code == 3);
  CHECK(missing.err ==
        bad +
            ":2:13: error[E304]: 'nccl_graph' names no file\n    2 | nccl_graph: dumps/x.xml\n"
            "      |             ^~~~~~~~~~~\n      = hint: looked for " +
            (folder.path() / "dumps/x.xml").string() + "\n");
  const std::string mixed =
      folder.write("mixed.yaml", "system: dgx-h100\nnccl_graph: dumps/t.xml\n").string();
  CHECK_THAT(run_lockstep({"collectives", mixed}).err,
             Matchers::Contains(
                 "/dumps/t.xml:1:2: error[E220]: an NCCL graph file begins with <graphs>, not with "
                 "<system>\n"));
}

TEST_CASE("collectives: the busiest resource and the launch floor have names", "[cli]") {
  const Finished all =
      run_lockstep({"collectives", "dgx-h100", "-g", "16", "-c", "all_to_all", "--explain"});
  CHECK_THAT(all.out, Matchers::Contains("# busiest resource: NIC, ") &&
                          Matchers::Contains("; launch floor "));
  CHECK_THAT(run_lockstep({"collectives", "dgx-h100", "-c", "send_recv"}).out,
             Matchers::Contains("# busiest resource: NVLink, "));
  CHECK_THAT(
      run_lockstep({"collectives", "dgx-h100", "--explain"}).out,
      Matchers::Contains("; no time is below it\n") && Matchers::Contains("# 90 % interval: 0."));
}

TEST_CASE("collectives: what is no size, no count and no system", "[cli]") {
  check_refused(
      {"-b", "8Q"},
      "--begin cannot be '8Q'\n  = hint: bytes, or a number with K, M, G or T: 8, 64K, 16G");
  check_refused({"-e", "0"},
                "--end cannot be '0'\n  = hint: bytes, or a number with K, M, G or T: 8, 64K, 16G");
  check_refused({"-b", "2G", "-e", "1G"}, "--begin 2147483648 is larger than --end 1073741824");
  check_refused({"-f", "1"}, "--factor cannot be '1'\n  = hint: a whole number from 2 to 1024");
  check_refused({"-g", "none"},
                "--gpus cannot be 'none'\n  = hint: a whole number from 1 to 10000000");
  const Finished unknown = run_lockstep({"collectives", "dgx-h10"});
  CHECK(unknown.code == 3);
  CHECK_THAT(unknown.err, Matchers::Contains("dgx-h100"));
}

TEST_CASE("collectives: one GPU, GPUs that are gone, and groups without a way", "[cli]") {
  const Finished one = run_lockstep({"collectives", "dgx-h100", "-g", "1"});
  CHECK(one.code == 2);
  CHECK(one.err ==
        "lockstep: one GPU has nobody to communicate with\n  = hint: --gpus 2 or more\n"
        "  = help: lockstep collectives --help\n");
  const lockstep::testing::TemporaryFolder folder;
  const std::string less =
      folder.write("less.yaml", "system: dgx-h100\nnodes: 8\nfailed: [node7]\n").string();
  const Finished gone = run_lockstep({"collectives", less, "-g", "64"});
  CHECK(gone.code == 2);
  CHECK(
      gone.err ==
      "lockstep: 64 GPUs, but 56 are left of this cluster\n"
      "  = hint: its `failed` takes nodes out of the job\n  = help: lockstep collectives --help\n");
  // A rail of two leaves without a spine between them.
  const std::string cut =
      folder
          .write("cut.yaml",
                 "system: dgx-h100\nnodes: 64\nfailed: [spine0, spine1, spine2, spine3, spine4, "
                 "spine5, spine6, spine7]\n")
          .string();
  const Finished none = run_lockstep({"collectives", cut, "-b", "1G", "-e", "1G"});
  CHECK(none.code == 4);
  CHECK(none.out.empty());
  CHECK_THAT(none.err, Matchers::StartsWith(
                           "lockstep: this group finds no way left between leaf switches: spine"));
}
