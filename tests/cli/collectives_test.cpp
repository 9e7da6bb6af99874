// Does `lockstep collectives` print what nccl-tests prints, and refuse what makes no sense?
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/catch.hpp"
#include "tests/cli/process.hpp"

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
  CHECK_THAT(rows[0], Matchers::Contains("ring       ll"));
  CHECK_THAT(rows[2],
             Matchers::StartsWith("     4194304       1048576     float     sum      -1  "));
  CHECK_THAT(rows[2], Matchers::Contains("nvls       simple"));
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
  CHECK_THAT(lonely.out, Matchers::Contains("10 GPUs on 10 nodes, InfiniBand"));
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
  CHECK(row["time_spread"].get<double>() > 0);
  CHECK(row["alternatives"].size() == 21);
  std::vector<std::string> as_csv = words;
  as_csv.insert(as_csv.end(), {"--format", "csv"});
  CHECK_THAT(run_lockstep(as_csv).out,
             Matchers::Contains("aws-p5,all_reduce,16,2,1073741824,268435456,"));
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
  CHECK_THAT(run_lockstep(forced).out, Matchers::Contains("  tree  "));
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
