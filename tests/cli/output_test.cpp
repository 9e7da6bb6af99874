// Are stdout, stderr and the exit code what a script can rely on?
#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/cli/commands.hpp"
#include "tests/catch.hpp"
#include "tests/cli/process.hpp"

using namespace lockstep::test;

namespace {

const std::string scenario = bundled("llama3-70b-64xh100.yaml");
constexpr const char* plan = "fsdp-recompute";

// A setting under which no plan fits.
const std::vector<std::string> tiny_memory{"--set", "gpus.h100-sxm-80gb.memory_capacity=1 GiB"};

std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

TEST_CASE("help of every command fits the terminal and ends in two examples", "[cli]") {
  std::vector<std::vector<std::string>> lines{{"--help"}};
  for (const lockstep::cli::Command& command : lockstep::cli::commands()) lines.push_back({command.name, "--help"});
  for (const auto& words : lines) {
    CAPTURE(words);
    const Finished finished = run_lockstep(words);
    CHECK(finished.code == 0);
    CHECK(finished.err.empty());
    std::istringstream text(finished.out);
    std::vector<std::string> shown;
    for (std::string line; std::getline(text, line);) {
      CHECK(line.size() <= 110);  // bytes; the few characters of two and three bytes leave 100 columns
      shown.push_back(line);
    }
    CHECK(shown.size() <= 40);
    REQUIRE(shown.size() >= 2);
    CHECK_THAT(shown[shown.size() - 1], Matchers::Contains("lockstep "));
    CHECK_THAT(shown[shown.size() - 2], Matchers::Contains("lockstep "));
  }
}

TEST_CASE("help wins over other mistakes", "[cli]") {
  CHECK(run_lockstep({"simulate", "--nonsense", "--help"}).code == 0);
  CHECK(run_lockstep({"compare", "-h"}).out == run_lockstep({"compare", "--help"}).out);
}

TEST_CASE("version says what was built in", "[cli]") {
  const Finished finished = run_lockstep({"--version"});
  CHECK(finished.code == 0);
  CHECK(finished.err.empty());
  CHECK_THAT(finished.out, Matchers::StartsWith("lockstep "));
  for (const char* part : {"CUDA", "NCCL", "MPI", "hwloc"}) CHECK_THAT(finished.out, Matchers::Contains(part));
}

TEST_CASE("simulate and compare end with 0 where a plan fits, else with 4 and the whole result", "[cli]") {
  CHECK(run_lockstep({"compare", scenario}).code == 0);
  CHECK(run_lockstep({"simulate", scenario, "--plan", plan}).code == 0);
  for (const std::string format : {"text", "json", "csv"}) {
    CAPTURE(format);
    const Finished all = run_lockstep(with({"compare", scenario, "--format", format}, tiny_memory));
    CHECK(all.code == 4);
    CHECK(all.err.empty());
    CHECK_FALSE(all.out.empty());
    CHECK(run_lockstep(with({"simulate", scenario, "--plan", plan, "--format", format}, tiny_memory)).code == 4);
  }
  const Finished json = run_lockstep(with({"simulate", scenario, "--plan", plan, "--format=json"}, tiny_memory));
  const nlohmann::json report = nlohmann::json::parse(json.out);
  CHECK(report["plans"][0]["feasible"] == false);
  CHECK(report["plans"][0]["step_time_s"]["value"].get<double>() > 0);
  CHECK_THAT(report["plans"][0]["infeasible_reason"].get<std::string>(), Matchers::Contains("the device has 1.0"));
}

TEST_CASE("the JSON of one plan is the same in simulate and compare", "[cli]") {
  const auto plans = [](const std::vector<std::string>& words) {
    return nlohmann::json::parse(run_lockstep(words).out)["plans"];
  };
  const nlohmann::json all = plans({"compare", scenario, "--format", "json"});
  const nlohmann::json one = plans({"simulate", scenario, "--plan", plan, "--format", "json"});
  REQUIRE(one.size() == 1);
  bool found = false;
  for (const nlohmann::json& entry : all) {
    if (entry["name"] == plan) {
      CHECK(entry == one[0]);
      found = true;
    }
  }
  CHECK(found);
}

TEST_CASE("settings reach the prediction", "[cli]") {
  const auto gpus = [](const std::vector<std::string>& words) {
    return nlohmann::json::parse(run_lockstep(words).out)["scenario"]["global_batch"].get<int>();
  };
  CHECK(gpus({"compare", scenario, "--format", "json", "--set", "training.global_batch=1024"}) == 1024);
  // The later of two wins.
  CHECK(gpus({"compare", scenario, "--format", "json", "--set", "training.global_batch=256", "--set",
              "training.global_batch=2048"}) == 2048);
}

TEST_CASE("a result that cannot be written is exit 1 with a message", "[cli]") {
  const std::string message =
      "lockstep: the result could not be written to standard output (closed, or the disk is full)\n";
  StartOptions closed;
  closed.stdout_closed = true;
  StartOptions full;
  full.stdout_path = "/dev/full";
  for (const StartOptions& options : {closed, full}) {
    for (const auto& words : {std::vector<std::string>{"compare", scenario}, {"--help"}, {"list", "schedules"}}) {
      CAPTURE(words);
      const Finished finished = run_lockstep(words, options);
      CHECK(finished.code == 1);
      CHECK(finished.err == message);
    }
  }
}

TEST_CASE("a pipe that nobody reads ends a program without a word, as SIGPIPE would", "[cli]") {
  StartOptions pipe;
  pipe.stdout_pipe_closed = true;
  for (const auto& words : {std::vector<std::string>{"compare", scenario}, {"--help"}, {"list", "schedules"}}) {
    CAPTURE(words);
    const Finished finished = run_lockstep(words, pipe);
    CHECK(finished.code == 141);
    CHECK(finished.err.empty());
  }
  const Finished other = start(LOCKSTEP_TEST_VALIDATE_PROGRAM, {"runs", "--help"}, pipe);
  CHECK(other.code == 141);
  CHECK(other.err.empty());
}

TEST_CASE("colour only by option or on a terminal", "[cli]") {
  const auto colored = [](const std::vector<std::string>& words, const StartOptions& options = {}) {
    return run_lockstep(words, options).out.find('\x1b') != std::string::npos;
  };
  CHECK_FALSE(colored({"compare", scenario}));
  CHECK_FALSE(colored({"compare", scenario, "--color", "never"}));
  CHECK(colored({"compare", scenario, "--color", "always"}));
  CHECK_FALSE(colored({"compare", scenario, "--color", "always", "--format", "json"}));
}

TEST_CASE("auto colour follows the terminal and NO_COLOR", "[cli]") {
  const auto colored = [](bool terminal, bool no_color) {
    lockstep::cli::Environment environment;
    environment.stdout_is_terminal = terminal;
    environment.no_color = no_color;
    std::ostringstream out;
    std::ostringstream err;
    CHECK(lockstep::cli::run({"compare", scenario}, out, err, environment) == 0);
    return out.str().find('\x1b') != std::string::npos;
  };
  CHECK(colored(true, false));
  CHECK_FALSE(colored(true, true));
  CHECK_FALSE(colored(false, false));
}

TEST_CASE("list shows the catalog in every format", "[cli]") {
  CHECK_THAT(run_lockstep({"list"}).out, Matchers::Contains("gpus\n") && Matchers::Contains("schedules\n"));
  CHECK_THAT(run_lockstep({"list", "gpus"}).out, Matchers::Contains("h100-sxm-80gb"));
  CHECK(run_lockstep({"list", "gpu"}).out == run_lockstep({"list", "gpus"}).out);
  CHECK_THAT(run_lockstep({"list", "schedules", "--format", "csv"}).out,
             Matchers::StartsWith("kind,name,description\n") && Matchers::Contains("schedules,1f1b,"));
  for (const char* name : {"1f1b", "gpipe", "zb-h1", "zb-v"}) {
    CHECK_THAT(run_lockstep({"list", "schedules"}).out, Matchers::Contains(std::string("\n") + name));
  }
  const nlohmann::json json = nlohmann::json::parse(run_lockstep({"list", "models", "--format", "json"}).out);
  CHECK(json["models"].size() > 1);
}

TEST_CASE("the catalog installed beside the program wins over the source tree's, --catalog over both", "[cli]") {
  const TemporaryFolder folder;
  const std::filesystem::path installed = folder.path() / "share" / "lockstep" / "scenarios";
  for (const char* kind : {"gpus", "systems", "models", "software"}) std::filesystem::create_directories(installed / kind);
  std::filesystem::create_directories(folder.path() / "bin");
  lockstep::cli::Environment environment;
  environment.program = folder.path() / "bin" / "lockstep";
  const auto gpus = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"list", "gpus", "--format", "csv"});
    std::ostringstream out;
    std::ostringstream err;
    CHECK(lockstep::cli::run(more, out, err, environment) == 0);
    return out.str();
  };
  CHECK(gpus({}) == "kind,name,description\n");
  CHECK_THAT(gpus({"--catalog", bundled("")}), Matchers::Contains("h100-sxm-80gb"));
  std::filesystem::remove_all(installed);
  CHECK_THAT(gpus({}), Matchers::Contains("h100-sxm-80gb"));
}

TEST_CASE("schema prints JSON, and with --reference Markdown", "[cli]") {
  CHECK(nlohmann::json::parse(run_lockstep({"schema"}).out).contains("$schema"));
  CHECK_THAT(run_lockstep({"schema", "--reference"}).out, Matchers::Contains("global_batch"));
}

TEST_CASE("completion is a script that bash accepts and that knows every command", "[cli]") {
  const Finished finished = run_lockstep({"completion", "bash"});
  CHECK(finished.code == 0);
  const TemporaryFolder folder;
  const std::string file = folder.file("completion", finished.out);
  const Finished asked =
      start("/bin/bash", {"-c", "source " + file +
                                    "; COMP_WORDS=(lockstep co); COMP_CWORD=1; _lockstep; echo ${COMPREPLY[*]};"
                                    "COMP_WORDS=(lockstep compare --format ''); COMP_CWORD=3; _lockstep; "
                                    "echo ${COMPREPLY[*]}"});
  CHECK(asked.err.empty());
  CHECK(asked.out == "compare collectives completion\ntext json csv\n");
}

TEST_CASE("validate hands its arguments over as they are", "[cli]") {
  const TemporaryFolder folder;
  lockstep::cli::Environment environment;
  environment.program = folder.path() / "lockstep";
  std::vector<std::string> given;
  environment.execute = [&](const std::filesystem::path& /*program*/, const std::vector<std::string>& argv) {
    given = argv;
    return std::string("refused");
  };
  std::ostringstream out;
  std::ostringstream missing;
  CHECK(lockstep::cli::run({"validate", "runs", "f.csv"}, out, missing, environment) == 1);
  CHECK(given.empty());
  CHECK_THAT(missing.str(), Matchers::StartsWith("lockstep: 'validate' is done by the program lockstep-validate, "
                                                 "which is not in "));
  const std::string program = folder.file("lockstep-validate", "");
  std::ostringstream err;
  CHECK(lockstep::cli::run({"validate", "runs", "f.csv", "--help", "-1"}, out, err, environment) == 1);
  CHECK(given == std::vector<std::string>{program, "runs", "f.csv", "--help", "-1"});
  CHECK(out.str().empty());
  CHECK_THAT(err.str(), Matchers::Contains("cannot be started: refused"));
}
