// `lockstep-validate collectives`: arguments to exit code, standard output and standard error.
#include "tests/catch.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "scenarios/log_metadata.hpp"
#include "tests/cli/process.hpp"
#include "validate/command_line.hpp"

namespace {

using lockstep::test::TemporaryFolder;

struct Result {
  int code = 0;
  std::string out;
  std::string err;
};

Result call(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "collectives");
  std::ostringstream out;
  std::ostringstream err;
  Result result;
  result.code = lockstep::validation::run(arguments, out, err, {});
  result.out = out.str();
  result.err = err.str();
  return result;
}

// An all-reduce on eight GPUs: 16 MB in 100 us and 1 GB in 4 ms. Bus factor 1.75.
const std::string all_reduce =
    "# size count type redop root time algbw busbw #wrong time algbw busbw #wrong\n"
    "8 2 float sum -1 13.0 0.00 0.00 0 13.0 0.00 0.00 0\n"
    "16777216 4194304 float sum -1 100.0 167.77 293.60 0 100.0 167.77 293.60 0\n"
    "1000000000 250000000 float sum -1 4000.0 250.00 437.50 0 4000.0 250.00 437.50 0\n";
const std::string notes = "gpus: 8\nnodes: 1\ngpus_per_node: 8\ngpu: H100 SXM\ninterconnect: NVSwitch\nhealth: healthy\n";

std::string corpus(const std::string& name) {
  return std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/validate/corpus/nccl_logs/" + name;
}

}  // namespace

TEST_CASE("validate collectives: JSON has every field, and says the same twice", "[cli]") {
  const TemporaryFolder folder;
  const std::string log = folder.file("run.txt", all_reduce);
  (void)folder.file("run.meta.yaml", notes);
  const Result result = call({log, "--format", "json"});
  CHECK(result.err.empty());
  REQUIRE(result.code == 0);
  const auto json = nlohmann::json::parse(result.out);
  CHECK(json["schema_version"] == 1);
  REQUIRE(json["logs"].size() == 1);
  const auto& one = json["logs"][0];
  CHECK(one["file"] == log);
  CHECK(one["collective"] == "all_reduce");
  CHECK(one["gpus"] == 8);
  CHECK(one["nodes"] == 1);
  CHECK(one["status"] == "ok");
  CHECK(one["system"] == "dgx-h100");
  CHECK(one["health"] == "healthy");
  REQUIRE(one["rows"].size() == 3);
  const auto& row = one["rows"][2];
  CHECK(row["size_bytes"] == 1'000'000'000);
  CHECK(row["measured_time_s"].get<double>() == Approx(0.004));
  const double predicted = row["predicted_time_s"];
  CHECK(row["error"].get<double>() == Approx(predicted / 0.004 - 1));
  CHECK_FALSE(row["algorithm"].get<std::string>().empty());
  CHECK(row.contains("protocol"));
  // the median of three errors is the middle one, of the two from 16 MB on their mean
  std::vector<double> errors;
  for (const auto& each : one["rows"]) errors.push_back(std::fabs(each["error"].get<double>()));
  const double large = 0.5 * (errors[1] + errors[2]);
  std::sort(errors.begin(), errors.end());
  CHECK(one["median_abs_error"].get<double>() == Approx(errors[1]));
  CHECK(one["median_abs_error_16mb"].get<double>() == Approx(large));
  CHECK(call({log, "--format", "json"}).out == result.out);
}

TEST_CASE("validate collectives: text, CSV and Markdown", "[cli]") {
  const TemporaryFolder folder;
  const std::string log = folder.file("run.txt", all_reduce);
  (void)folder.file("run.txt.meta.yaml", notes);
  const Result text = call({log});
  CHECK(text.code == 0);
  CHECK(text.out.find("1 tables: 1 compared, 0 not.\n") == 0);
  CHECK(text.out.find("  dgx-h100  collective  GPUs  nodes  median  16 MB+  health\n"
                      "  run       all_reduce     8      1  ") != std::string::npos);
  std::istringstream lines(text.out);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 100);
  CHECK(call({log, "--format=csv"}).out.find("file,collective,gpus,nodes,system,status,size_bytes,predicted_time_s,") == 0);
  CHECK(call({log, "--format=markdown"}).out.find("| run | dgx-h100 | all_reduce | 8 | 1 | 3 | ") != std::string::npos);
}

TEST_CASE("validate collectives: the cluster comes from the command line, a file, or the list of devices", "[cli]") {
  const TemporaryFolder folder;
  const std::string bare = folder.file("bare.txt", all_reduce);
  const auto first = [](const Result& result) { return nlohmann::json::parse(result.out)["logs"][0]; };
  CHECK(first(call({bare, "--format", "json"}))["status"] ==
        "the cluster is not stated: --cluster SYSTEM, or gpu in the log's .meta.yaml");
  CHECK(first(call({bare, "--format", "json"}))["nodes"].is_null());

  const auto two = first(call({bare, "--format", "json", "--cluster", "dgx-h100", "--nodes", "2"}));
  CHECK(two["status"] == "ok");
  CHECK(two["nodes"] == 2);
  CHECK(two["gpus"] == 8);
  const auto slow = folder.file("slow.yaml", "based_on: dgx-h100\nlink_bandwidth: 100 GB/s\n");
  const auto cluster =
      folder.file("cluster.yaml", "system: {based_on: dgx-h100, link_bandwidth: 100 GB/s}\n");
  const auto scenario =
      folder.file("scenario.yaml",
                  "lockstep: 1\nmodel: llama3-70b\ncluster: {system: {based_on: dgx-h100, "
                  "link_bandwidth: 100 GB/s}}\n");
  const double fast_time = first(call({bare, "--format", "json", "--cluster", "dgx-h100"}))["rows"][2]["predicted_time_s"];
  for (const std::string& file : {slow, cluster, scenario}) {
    INFO(file);
    const auto log = first(call({bare, "--format", "json", "--cluster", file}));
    // NCCL lays 4 rings of 20 GB/s into 100 GB/s, of which 0.96 remain: 1 GB x 1.75 over 76.8 GB/s
    // is 22.8 ms
    CHECK(log["rows"][2]["predicted_time_s"].get<double>() == Approx(0.0228).epsilon(0.02));
    CHECK(log["rows"][2]["predicted_time_s"].get<double>() > fast_time);
  }
  std::string listed = "# Using devices\n";
  for (int i = 0; i < 8; ++i) listed += "#  Rank " + std::to_string(i) + " Pid 1 on node-1 device 0 [0x1b] NVIDIA H100 80GB HBM3\n";
  const auto found = first(call({folder.file("listed.txt", listed + all_reduce), "--format", "json"}));
  CHECK(found["status"] == "ok");
  CHECK(found["system"] == "generic-h100-sxm-80gb");
  CHECK(found["assumed"][0] == "system: generic-h100-sxm-80gb");

  CHECK(first(call({bare, "--format", "json", "--cluster", "polaris", "--nodes", "1"}))["status"] ==
        "8 GPUs on 1 node: a node of polaris has 4");
  CHECK(call({bare, "--cluster", "dgx-h10"}).code == 3);
  CHECK(call({bare, "--cluster", "dgx-h10"}).err.find("error[E301]: 'dgx-h10' is neither a system of the catalog nor a file") !=
        std::string::npos);
  CHECK(call({bare, "--cluster", folder.file("bad.yaml", "system: dgx-h100\nnodez: 2\n")}).code == 3);
}

TEST_CASE("validate collectives: a file that cannot be read does not keep the others from being compared", "[cli]") {
  const TemporaryFolder folder;
  const std::string good = folder.file("run.txt", all_reduce);
  const std::string bad = folder.file("bad.txt", all_reduce + "2000000000 500000000 float sum\n");
  const std::string contradicted = folder.file("notes.txt", all_reduce);
  (void)folder.file("notes.meta.yaml", "gpus: 16\ngpu: H100\n");
  const Result result = call({bad, good, contradicted, "/nowhere/log.txt", "--cluster", "dgx-h100", "--format", "json"});
  CHECK(result.code == 3);
  const auto json = nlohmann::json::parse(result.out);
  REQUIRE(json["logs"].size() == 4);
  CHECK(json["logs"][0]["status"] == "not read: the row ends after 4 of 13 cells");
  CHECK(json["logs"][0]["rows"].empty());
  CHECK(json["logs"][1]["status"] == "ok");
  CHECK(json["logs"][2]["status"].get<std::string>().find("not read: these notes say 16 GPUs") == 0);
  CHECK(json["logs"][3]["status"] == "not read: the file cannot be read");
  for (const char* code : {"bad.txt:5:1: error[E505]", "notes.meta.yaml:1:7: error[E520]", "/nowhere/log.txt: error[E500]"}) {
    INFO(code);
    CHECK(result.err.find(code) != std::string::npos);
  }
}

TEST_CASE("validate collectives: the tolerance holds for tables that are not noted as unhealthy", "[cli]") {
  const TemporaryFolder folder;
  const std::string log = folder.file("run.txt", all_reduce);
  (void)folder.file("run.meta.yaml", notes);
  const std::string suspect = folder.file("suspect.txt", all_reduce);
  (void)folder.file("suspect.meta.yaml", "gpu: H100\ninterconnect: NVSwitch\nnodes: 1\nhealth: suspect\n");
  CHECK(call({log, "--tolerance", "1e6"}).code == 0);
  const Result result = call({log, suspect, "--tolerance", "0"});
  CHECK(result.code == 5);
  CHECK(result.err.find("lockstep-validate: out of tolerance: the median error of " + log + " is ") == 0);
  CHECK(result.err.find("suspect") == std::string::npos);
}

TEST_CASE("validate collectives: the command line is read strictly", "[cli]") {
  CHECK(call({}).err ==
        "lockstep-validate: collectives needs a log\n"
        "  = hint: lockstep-validate collectives LOG.txt\n"
        "  = help: lockstep-validate --help\n");
  CHECK(call({"f", "--nodes", "0"}).code == 2);
  CHECK(call({"f", "--nodes", "two"}).code == 2);
  CHECK(call({"f", "--formt", "json"}).code == 2);
  CHECK(call({"f", "--set", "software.nemo.data_exposed=0.2"}).code == 2);
  CHECK(call({"f", "--set", "systems.dgx-h100.nic_eficiency=0.2"}).code == 3);
  CHECK(call({"--help"}).out.find("examples:\n") != std::string::npos);
}

TEST_CASE("validate collectives: every healthy log of the corpus has a cluster", "[cli]") {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(corpus(""))) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path().string());
  }
  std::vector<std::string> arguments = files;
  arguments.insert(arguments.end(), {"--format", "json"});
  const Result result = call(arguments);
  CHECK(result.err.empty());
  REQUIRE(result.code == 0);
  const nlohmann::json printed = nlohmann::json::parse(result.out);
  for (const auto& log : printed["logs"]) {
    INFO(log["file"]);
    if (log["health"] == "healthy") CHECK(log["status"] == "ok");
    for (const auto& row : log["rows"]) CHECK(row["predicted_time_s"].get<double>() > 0.0);
  }
}
