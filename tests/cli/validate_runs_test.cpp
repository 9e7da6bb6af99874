// `lockstep-validate runs`: arguments to exit code, standard output and standard error.
#include "tests/catch.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "validate/command_line.hpp"

namespace {

struct Result {
  int code = 0;
  std::string out;
  std::string err;
};

Result call(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  Result result;
  result.code = lockstep::validation::run(arguments, out, err, {});
  result.out = out.str();
  result.err = err.str();
  return result;
}

// A file of this content that goes with the test.
class TemporaryFile {
 public:
  TemporaryFile(const std::string& name, const std::string& content)
      : path_(std::filesystem::temp_directory_path() / name) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

const std::string header =
    "row_id,layers,hidden,heads,seq_len,gpu_key,num_gpus,micro_batch,global_batch,tp,cp,arch,framework,"
    "step_time_s,peak_mem_gib\n";
const std::string one_row = "here-1,32,4096,32,4096,H100 80GB HBM3,8,1,64,1,1,llama,FSDP2,4.0,40\n";

}  // namespace

TEST_CASE("validate runs: JSON has every field, and says the same twice", "[cli]") {
  const TemporaryFile file("lockstep_runs_ok.csv", header + one_row + "here-2,32,4096,32,4096,a100,8,1,64,1,3,llama,x,1,\n");
  const Result result = call({"runs", file.path(), "--format", "json"});
  REQUIRE(result.code == 0);
  CHECK(result.err.empty());
  const auto json = nlohmann::json::parse(result.out);
  CHECK(json["schema_version"] == 1);
  REQUIRE(json["rows"].size() == 2);
  const auto& row = json["rows"][0];
  CHECK(row["row_id"] == "here-1");
  CHECK(row["source"] == "here");
  CHECK(row["status"] == "ok");
  CHECK(row["gpu"] == "h100-sxm-80gb");
  CHECK(row["measured_step_time_s"] == 4.0);
  CHECK(row["measured_peak_memory_bytes"] == 40 * 0x1p30);
  const double predicted = row["predicted_step_time_s"];
  CHECK(row["predicted_step_time_s_low"] < predicted);
  CHECK(row["predicted_step_time_s_high"] > predicted);
  CHECK(row["step_time_error"].get<double>() == Approx(predicted / 4.0 - 1));
  CHECK_FALSE(row["assumed"].empty());
  CHECK(json["rows"][1]["status"] == "degrees that do not multiply to the GPUs");
  CHECK(json["rows"][1]["predicted_step_time_s"].is_null());
  for (const char* key : {"metric", "group_by", "group", "n", "median_abs_error", "p90_abs_error", "mean_abs_error",
                          "bias", "coverage_90", "median_half_width"}) {
    CHECK(json["summary"][0].contains(key));
  }
  for (const char* key : {"rows", "summary", "over_sources", "out_of_memory", "noise", "ranks", "plan_choices", "regret", "searched", "search_regret", "worst"}) {
    INFO(key);
    CHECK(json[key].is_array());
  }
  CHECK(json["left_out"].is_null());
  CHECK(row["left_out"].is_null());
  CHECK(row["parallelism"] == "FSDP");
  CHECK(json["ranks"][0]["measured_over_predicted_10_25_50_75_90"].size() == 5);
  CHECK(json["worst"][0]["row_id"] == "here-1");
  CHECK(call({"runs", file.path(), "--format", "json"}).out == result.out);
}

TEST_CASE("validate runs: text, CSV and Markdown", "[cli]") {
  const TemporaryFile file("lockstep_runs_forms.csv", header + one_row);
  const Result text = call({"runs", file.path(), "--by", "gpu"});
  CHECK(text.code == 0);
  CHECK(text.out.find("1 rows: 1 simulated, 0 skipped.\n") == 0);
  CHECK(text.out.find("h100-sxm-80gb") != std::string::npos);
  std::istringstream lines(text.out);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 100);
  CHECK(call({"runs", file.path(), "--format=csv"}).out.find("row_id,source,model,gpu,") == 0);
  CHECK(call({"runs", file.path(), "--format=markdown"}).out.find("## Error of the step time\n\n| source | rows |") !=
        std::string::npos);
}

TEST_CASE("validate runs: --search picks plans beside those that were measured", "[cli]") {
  std::string rows;
  for (const char* degrees : {"1,64,1", "1,64,2", "1,64,4", "2,64,1", "2,64,2"}) {
    rows += "s-" + std::to_string(rows.size()) + ",16,2048,16,2048,h100,8," + degrees +
            ",1,llama,Megatron-LM core,1.5,\n";
  }
  const TemporaryFile file("lockstep_runs_search.csv", header + rows);
  const auto plain = nlohmann::json::parse(call({"runs", file.path(), "--format", "json"}).out);
  CHECK(plain["plan_choices"].size() == 1);
  CHECK(plain["searched"].empty());
  CHECK(plain["search_regret"].empty());

  const Result result = call({"runs", file.path(), "--search", "--format", "json"});
  REQUIRE(result.code == 0);
  const auto json = nlohmann::json::parse(result.out);
  REQUIRE(json["searched"].size() == 1);
  const auto& group = json["searched"][0];
  CHECK(group["source"] == "s");
  CHECK(group["gpus"] == 8);
  CHECK(group["plans"] == 5);
  CHECK(group["fastest_predicted_to_fit"] == true);
  REQUIRE(group["picks"].size() == 3);
  for (const char* key : {"space", "problem", "combinations", "plan", "measured", "regret",
                          "predicted_gain", "unmeasured"}) {
    CHECK(group["picks"][1].contains(key));
  }
  CHECK(group["picks"][0]["space"] == "plans");
  CHECK(group["picks"][0]["combinations"] == 5);
  CHECK(group["picks"][0]["regret"] == 0.0);  // all took 1.5 s
  CHECK(group["picks"][1]["space"] == "values");
  CHECK(group["picks"][2]["space"] == "features");
  REQUIRE(json["search_regret"].size() == 6);  // the source and all, in three spaces
  for (const char* key : {"source", "space", "groups", "found", "measured", "median_regret",
                          "mean_regret", "fastest", "within_5_percent", "median_predicted_gain",
                          "largest_predicted_gain", "beyond"}) {
    CHECK(json["search_regret"][0].contains(key));
  }
  CHECK(call({"runs", file.path(), "--search", "--format", "json"}).out == result.out);

  const std::string text = call({"runs", file.path(), "--search"}).out;
  CHECK(text.find("\nWhat the search would pick\n") != std::string::npos);
  CHECK(text.find("the source's features") != std::string::npos);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 100);
  const std::string markdown = call({"runs", file.path(), "--search", "--format=markdown"}).out;
  CHECK(markdown.find("\n## What the search would pick\n") != std::string::npos);
  CHECK(markdown.find("\n## Each group's picks\n") != std::string::npos);
}

TEST_CASE("validate runs: --search has no place in tables of rows", "[cli]") {
  CHECK(call({"runs", "f.csv", "--search", "--format", "csv"}).err ==
        "lockstep-validate: --search adds tables; csv holds only rows\n"
        "  = hint: use it with --format text, json or markdown\n"
        "  = help: lockstep-validate --help\n");
  CHECK(call({"runs", "f.csv", "--search", "--format", "predictions"}).code == 2);
}

TEST_CASE("validate runs: the tolerance decides the exit code only where it is given", "[cli]") {
  const TemporaryFile file("lockstep_runs_far.csv", header + "x-1,32,4096,32,4096,h100,8,1,64,1,1,llama,FSDP2,0.001,\n");
  CHECK(call({"runs", file.path()}).code == 0);
  const Result result = call({"runs", file.path(), "--tolerance", "10%"});
  CHECK(result.code == 5);
  CHECK_FALSE(result.out.empty());
  CHECK(result.err.find("lockstep-validate: out of tolerance: the median error of step_time is ") == 0);
  CHECK(call({"runs", file.path(), "--tolerance", "1e6"}).code == 0);
}

TEST_CASE("validate runs: where nothing was compared no tolerance is kept", "[cli]") {
  const TemporaryFile none("lockstep_runs_none.csv", header);
  const TemporaryFile skipped("lockstep_runs_skipped.csv", header + "x-1,32,4096,32,4096,h100,8,1,64,1,3,llama,FSDP2,1,\n");
  const TemporaryFile unmeasured("lockstep_runs_unmeasured.csv", header + "x-1,32,4096,32,4096,h100,8,1,64,1,1,llama,FSDP2,,\n");
  for (const TemporaryFile* file : {&none, &skipped, &unmeasured}) {
    CHECK(call({"runs", file->path()}).code == 0);
    const Result result = call({"runs", file->path(), "--tolerance", "1e6"});
    CHECK(result.code == 5);
    CHECK(result.err == "lockstep-validate: out of tolerance: nothing was compared\n");
  }
}

TEST_CASE("validate runs: a row without a measurement is predicted", "[cli]") {
  const TemporaryFile file("lockstep_runs_required.csv",
                           "layers,hidden,heads,seq_len,gpu_key,num_gpus,micro_batch,global_batch\n"
                           "32,4096,32,4096,h100,8,1,64\n32,4096,32,4096,h100,8,1,64\n");
  const Result result = call({"runs", file.path(), "--format", "json"});
  REQUIRE(result.code == 0);
  const auto rows = nlohmann::json::parse(result.out)["rows"];
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["status"] == "ok");
  CHECK(rows[0]["predicted_step_time_s"].get<double>() > 0);
  CHECK(rows[0]["predicted_peak_memory_bytes"].get<double>() > 0);
  for (const char* key : {"measured_step_time_s", "step_time_error", "measured_peak_memory_bytes", "peak_memory_error"}) {
    CHECK(rows[0][key].is_null());
  }
  CHECK(rows[1]["predicted_step_time_s"] == rows[0]["predicted_step_time_s"]);
  CHECK(call({"runs", file.path()}).out == "2 rows: 2 simulated, 0 skipped.\n");
}

TEST_CASE("validate runs: rows that differ only in what was measured are predicted alike, others are not", "[cli]") {
  const TemporaryFile file("lockstep_runs_alike.csv",
                           header + one_row + "here-2,32,4096,32,4096,H100 80GB HBM3,8,1,64,1,1,llama,FSDP2,8.0,20\n" +
                               "here-3,32,4096,32,4096,H100 80GB HBM3,8,1,128,1,1,llama,FSDP2,8.0,20\n");
  const auto rows = nlohmann::json::parse(call({"runs", file.path(), "--format", "json"}).out)["rows"];
  CHECK(rows[0]["predicted_step_time_s"] == rows[1]["predicted_step_time_s"]);
  CHECK(rows[1]["measured_step_time_s"] == 8.0);
  CHECK(rows[2]["predicted_step_time_s"].get<double>() > 1.9 * rows[1]["predicted_step_time_s"].get<double>());
}

TEST_CASE("validate runs: bad files end with 3 and every error", "[cli]") {
  const TemporaryFile empty("lockstep_runs_empty.csv", "");
  const TemporaryFile binary("lockstep_runs_binary.csv", std::string("layers\0", 7));
  const TemporaryFile cells("lockstep_runs_cells.csv", header + "r-1,x,4096,32,-4,h100,8,1,64,1,1,llama,y,1,\n");
  const Result all = call({"runs", empty.path(), binary.path(), cells.path(), "/nowhere/at/all.csv"});
  CHECK(all.code == 3);
  CHECK(all.out.empty());
  for (const char* code : {"error[E180]", "error[E181]", "error[E182]", "error[E282]", "error[E283]"}) {
    INFO(code);
    CHECK(all.err.find(code) != std::string::npos);
  }
}

TEST_CASE("validate runs: the command line is read strictly", "[cli]") {
  CHECK(call({}).code == 2);
  CHECK(call({"runs"}).err ==
        "lockstep-validate: runs needs a file\n"
        "  = hint: lockstep-validate runs FILE.csv\n"
        "  = help: lockstep-validate --help\n");
  CHECK(call({"wires"}).err ==
        "lockstep-validate: unknown command 'wires'\n"
        "  = hint: the commands of lockstep-validate: runs, collectives, accuracy, nccl, mpi, kernels, "
        "step, discover, calibrate\n"
        "  = help: lockstep-validate --help\n");
  CHECK(call({"wires"}).code == 2);
  CHECK(call({"runs", "f.csv", "--formt", "json"}).err.find("did you mean --format?") != std::string::npos);
  CHECK(call({"runs", "f.csv", "--format", "xml"}).code == 2);
  CHECK(call({"runs", "f.csv", "--format"}).code == 2);
  CHECK(call({"runs", "f.csv", "--by", "gpu", "--by", "gpu"}).code == 2);
  CHECK(call({"runs", "f.csv", "--tolerance", "-1"}).code == 2);
  CHECK(call({"runs", "f.csv", "--tolerance", "nan"}).code == 2);
  CHECK(call({"runs", "f.csv", "-x"}).code == 2);
  CHECK(call({"runs", "f.csv", "--format", "json", "--by", "gpu"}).code == 2);
  CHECK(call({"--help"}).code == 0);
  CHECK(call({"help"}).out == call({"--help"}).out);
  CHECK(call({"help", "runs"}).out == call({"runs", "--help"}).out);
  CHECK(call({"runs", "--help"}).out.find("examples:\n") != std::string::npos);
  for (const char* option : {"--leave-one-model-out", "--leave-one-source-out", "--only NAME", "parallelism|software", "predictions", "--search"}) {
    INFO(option);
    CHECK(call({"runs", "--help"}).out.find(option) != std::string::npos);
  }
}

TEST_CASE("validate runs: what may be left out is read strictly", "[cli]") {
  CHECK(call({"runs", "f.csv", "--leave-one-model-out", "--leave-one-source-out"}).err ==
        "lockstep-validate: --leave-one-model-out and --leave-one-source-out exclude each other\n"
        "  = hint: run it once with each\n"
        "  = help: lockstep-validate --help\n");
  CHECK(call({"runs", "f.csv", "--only", "x"}).err ==
        "lockstep-validate: --only names groups to leave out\n"
        "  = hint: use it with --leave-one-model-out or --leave-one-source-out\n"
        "  = help: lockstep-validate --help\n");
  CHECK(call({"runs", "f.csv", "--leave-one-model-out=yes"}).code == 2);
  const TemporaryFile file("lockstep_runs_only.csv", header + one_row);
  CHECK(call({"runs", file.path(), "--leave-one-source-out", "--only", "her"}).err ==
        "lockstep-validate: --only her: no row has this source\n"
        "  = hint: did you mean here?\n"
        "  = help: lockstep-validate --help\n");
}

TEST_CASE("validate runs: a left-out model is predicted without its runs", "[cli]") {
  const std::string columns = "model," + header;
  const auto row = [](const std::string& model, int n, double time) {
    return model + ",here-" + std::to_string(n) + ",32,4096,32,4096,h100,8,1,64,1,1,llama,FSDP2," + std::to_string(time) + ",\n";
  };
  // Two models of one shape, a measured a little faster than predicted and b a little slower: within what a fit believes.
  const TemporaryFile unfitted("lockstep_runs_unfitted.csv", columns + row("a", 1, 1));
  const auto first = nlohmann::json::parse(call({"runs", unfitted.path(), "--format", "json"}).out)["rows"][0];
  const double predicted = first["predicted_step_time_s"];
  const TemporaryFile file("lockstep_runs_left.csv", columns + row("a", 1, 0.93 * predicted) + row("a", 2, 0.93 * predicted) +
                                                         row("b", 3, 1.07 * predicted));
  const auto rows = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"runs", file.path(), "--format", "json"});
    const Result result = call(more);
    REQUIRE(result.code == 0);
    return nlohmann::json::parse(result.out);
  };
  const auto json = rows({"--leave-one-model-out"});
  CHECK(json["left_out"] == "model");
  REQUIRE(json["rows"].size() == 3);
  CHECK(json["rows"][0]["left_out"] == "a");
  CHECK(json["rows"][2]["left_out"] == "b");
  // a is predicted from b alone, b from a alone: each is drawn to the other.
  CHECK(json["rows"][0]["predicted_step_time_s"] > json["rows"][2]["predicted_step_time_s"]);
  const auto only = rows({"--leave-one-model-out", "--only", "b"});
  REQUIRE(only["rows"].size() == 1);
  CHECK(only["rows"][0] == json["rows"][2]);
  CHECK(call({"runs", file.path(), "--leave-one-model-out"}).out.find(
            "Each row is predicted with constants fitted without any run of its model.\n") != std::string::npos);
}

TEST_CASE("validate runs: the predictions alone, to be kept", "[cli]") {
  const TemporaryFile file("lockstep_runs_kept.csv", header + one_row);
  const Result result = call({"runs", file.path(), "--format", "predictions"});
  CHECK(result.code == 0);
  CHECK(result.out.find("row_id,left_out,predicted_step_time_s,predicted_step_time_s_low,predicted_step_time_s_high,"
                        "predicted_peak_memory_bytes,predicted_peak_memory_bytes_low,predicted_peak_memory_bytes_high,"
                        "predicted_to_fit\nhere-1,,") == 0);
}

TEST_CASE("validate accuracy: one folder of runs, and what is wrong with it", "[cli]") {
  CHECK(call({"accuracy"}).err ==
        "lockstep-validate: accuracy needs one folder\n"
        "  = hint: lockstep-validate accuracy validate/corpus\n"
        "  = help: lockstep-validate --help\n");
  CHECK(call({"accuracy"}).code == 2);
  CHECK(call({"accuracy", "a", "b"}).code == 2);
  const Result missing = call({"accuracy", "/nowhere/at/all"});
  CHECK(missing.code == 3);
  CHECK(missing.err.find("error[E180]") != std::string::npos);
  CHECK(call({"accuracy", "--help"}).out.find("examples:\n") != std::string::npos);
}

TEST_CASE("validate runs: --set changes the catalog, and only the catalog", "[cli]") {
  const TemporaryFile file("lockstep_runs_set.csv", header + one_row);
  const auto predicted = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"runs", file.path(), "--format", "json"});
    const Result result = call(more);
    REQUIRE(result.code == 0);
    return nlohmann::json::parse(result.out)["rows"][0]["predicted_step_time_s"].get<double>();
  };
  CHECK(predicted({"--set", "gpus.h100-sxm-80gb.gemm_efficiency_half=0.3"}) > predicted({}));
  CHECK(call({"runs", file.path(), "--set", "training.global_batch=8"}).code == 2);
  CHECK(call({"runs", file.path(), "--set", "gpus.h100-sxm-80gb.memory_bandwith=1 TB/s"}).code == 3);
  CHECK(call({"runs", file.path(), "--set", "gpus.h101.memory_bandwidth=1 TB/s"}).code == 3);
  CHECK(call({"runs", file.path(), "--catalog", "/nowhere"}).code == 3);
}

TEST_CASE("validate runs: the program itself", "[cli]") {
  const std::string program = LOCKSTEP_TEST_VALIDATE_PROGRAM;
  if (!std::filesystem::exists(program)) LOCKSTEP_SKIP("lockstep-validate was not built");
  const int status = std::system(("\"" + program + "\" runs --help > /dev/null").c_str());
  CHECK(status == 0);
}
