// Does `lockstep sweep` answer, refuse and end as it says?
#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/cli/commands.hpp"
#include "sim/report/display.hpp"
#include "tests/catch.hpp"
#include "tests/cli/process.hpp"

using namespace lockstep::test;

namespace {

using Words = std::vector<std::string>;

const std::string scenario = bundled("llama3-70b-64xh100.yaml");

Words sweep(const Words& more) {
  Words words{"sweep", scenario};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::size_t widest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) {
    widest = std::max(widest, lockstep::display_width(line));
  }
  return widest;
}

void check_usage_error(const Words& more, const std::string& message) {
  const Finished finished = run_lockstep(sweep(more));
  CAPTURE(more);
  CHECK(finished.code == 2);
  CHECK(finished.out.empty());
  CHECK(finished.err == message + "  = help: lockstep sweep --help\n");
}

nlohmann::json json_of(Words more) {
  more.insert(more.end(), {"--format", "json"});
  return nlohmann::json::parse(run_lockstep(sweep(more)).out);
}

}  // namespace

TEST_CASE("sweep: every form fits 100 columns and is the same twice", "[cli][sweep]") {
  for (const Words& words :
       {Words{"--over", "cluster.nodes=1..64x2"},
        Words{"--over", "cluster.nodes=1..64x2", "--weak"},
        Words{"--over", "cluster.nodes=2..40+2", "--plan", "tp8-pp2"},
        Words{"--over", "cluster.system.nic_bandwidth=100..400x2 Gb/s"},
        Words{"--over", "cluster.nodes=4,8,16", "--over",
              "cluster.system.nic_bandwidth=100 Gb/s,400 Gb/s"},
        Words{"--over", "cluster.system=dgx-h100,dgx-a100-80gb"},
        Words{"--over", "training.sequence_length=2048..65536x2"},
        Words{"--over", "plans.tp8-pp2.micro_batch=1,2,3", "--plan", "tp8-pp2"}}) {
    CAPTURE(words);
    const Finished once = run_lockstep(sweep(words));
    CHECK(once.code == 0);
    CHECK(once.err.empty());
    CHECK(widest_line(once.out) <= 100);
    CHECK(run_lockstep(sweep(words)).out == once.out);
  }
}

TEST_CASE("sweep --ascii leaves no other character", "[cli][sweep]") {
  const Finished ascii = run_lockstep(sweep({"--over", "cluster.nodes=4..16x2", "--ascii"}));
  CHECK(ascii.code == 0);
  CHECK(std::all_of(ascii.out.begin(), ascii.out.end(), [](char c) { return c > 0; }));
  CHECK(ascii.out.find('?') == std::string::npos);
}

TEST_CASE("sweep: more GPUs with the same batch are used less well, with more work as well",
          "[cli][sweep]") {
  const auto strong = json_of({"--over", "cluster.nodes=8..32x2", "--plan", "tp8-pp2"});
  const auto weak = json_of({"--over", "cluster.nodes=8..32x2", "--plan", "tp8-pp2", "--weak"});
  CHECK(strong["scaling"] == "strong");
  CHECK(weak["scaling"] == "weak");
  CHECK(strong["points"][0]["efficiency"] == 1.0);
  CHECK(strong["points"][2]["efficiency"] < weak["points"][2]["efficiency"]);
  CHECK(strong["points"][2]["global_batch"] == 512);
  CHECK(weak["points"][2]["global_batch"] == 2048);  // 512 on 64 GPUs, four times the GPUs
}

TEST_CASE("sweep: the fixed plan alone", "[cli][sweep]") {
  const auto json =
      json_of({"--over", "cluster.nodes=8,16", "--plan", "tp8-pp2", "--plan", "hsdp32"});
  REQUIRE(json["points"][0]["plans"].size() == 2);
  CHECK(json["points"][0]["plans"][0]["name"] == "hsdp32");
  CHECK(json["points"][0]["plans"][1]["name"] == "tp8-pp2");
}

TEST_CASE("sweep: exit code 4 where no plan fits anywhere, with a full report", "[cli][sweep]") {
  const Finished finished = run_lockstep(
      sweep({"--over", "cluster.nodes=4,8", "--set", "gpus.h100-sxm-80gb.memory_capacity=1 GiB"}));
  CHECK(finished.code == 4);
  CHECK(finished.err.empty());
  CHECK_THAT(finished.out, Matchers::Contains("no plan fits at every point.") &&
                               Matchers::Contains("none fits") &&
                               Matchers::Contains("tp8-pp2 is too big"));
}

TEST_CASE("sweep: a point where a plan is not legal is a row that says why", "[cli][sweep]") {
  // 80 layers do not divide by 3 stages of 5 chunks.
  const Finished finished =
      run_lockstep(sweep({"--over", "plans.tp8-pp2.pipeline.stages=2,3", "--plan", "tp8-pp2"}));
  CHECK(finished.code == 0);
  CHECK_THAT(finished.out, Matchers::Contains("not legal") &&
                               Matchers::Contains("tp8-pp2 is not legal at stages 3: "));
}

TEST_CASE("sweep: settings that some plans do not see are noted", "[cli][sweep]") {
  const Finished finished = run_lockstep(sweep(
      {"--over", "software.data_exposed=10 %,50 %", "--plan", "tp8-pp2", "--plan", "hsdp32"}));
  CHECK(finished.code == 0);
  CHECK(finished.err ==
        "lockstep: note: --over software.data_exposed: plan hsdp32 has its own software and is not "
        "affected\n");
}

TEST_CASE("sweep: wrong command lines", "[cli][sweep]") {
  check_usage_error(
      {},
      "lockstep: sweep needs a key and its values: --over PATH=VALUES\n"
      "  = hint: for example --over cluster.nodes=8,16,32 or --over cluster.nodes=8..64x2\n");
  check_usage_error(
      {"--over", "training.global_batch=1,2", "--weak"},
      "lockstep: --weak lets the batch grow with the GPUs, but no number of them is swept\n"
      "  = hint: for example --over cluster.nodes=8..64x2 --weak\n");
  check_usage_error({"--over", "cluster.nodes=8", "--search", "--plan", "tp8-pp2"},
                    "lockstep: --search finds the plan itself: it takes no --plan\n");
  check_usage_error({"--over", "cluster.nodes=8", "--fix", "tensor=8"},
                    "lockstep: --fix goes with --search\n");
  check_usage_error({"--over", "cluster.nodes=8", "--threads", "1"},
                    "lockstep: --threads goes with --search\n");
  check_usage_error({"--over", "cluster.nodes=8", "--search", "--fix", "stages=5"},
                    "lockstep: the search is left without a value of stages\n"
                    "  = hint: possible here: 1, 2, 4, 8, 16, 32, 64\n");
  check_usage_error({"--over", "cluster.nodes=8", "--set", "cluster.nodes=4"},
                    "lockstep: --set and --over both say cluster.nodes\n");
  check_usage_error({"--over", "cluster.nodes=8", "--ascii", "--format", "csv"},
                    "lockstep: --ascii goes with --format text\n");
  check_usage_error(
      {"--over", "cluster.nodes=8", "--plan", "tp8-pp3"},
      "lockstep: the scenario has no plan 'tp8-pp3'\n"
      "  = hint: did you mean tp8-pp2? its plans: fsdp-recompute, fsdp-selective, hsdp32, hsdp8, "
      "tp8-fsdp8,\n          tp8-pp2, tp4-pp4, tp4-pp4-half\n");
}

TEST_CASE("sweep: errors of values name them", "[cli][sweep]") {
  const Finished finished =
      run_lockstep(sweep({"--over", "cluster.system.nic_bandwidth=100 Gb/s,200"}));
  CHECK(finished.code == 3);
  CHECK(finished.out.empty());
  CHECK(finished.err ==
        "--over: error[E203]: 'nic_bandwidth' needs a unit\n"
        "      | cluster.system.nic_bandwidth=200\n"
        "      |                              ^~~ a bare number is ambiguous\n"
        "      = hint: \"200 Gb/s\" (25 GB/s) or \"200 GB/s\"?\n");
}

namespace {

const Words one_plan{"--search",      "--fix",          "tensor=8",
                     "--fix",         "stages=2",       "--fix",
                     "context=1",     "--fix",          "schedule=1f1b",
                     "--fix",         "recompute=full", "--fix",
                     "sharding=fsdp", "--fix",          "micro_batch=1",
                     "--fix",         "shard_group=0",  "--fix",
                     "interleave=1",  "--threads",      "1"};

Words searching(const Words& more) {
  Words words = sweep(one_plan);
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

TEST_CASE("sweep --search takes the flags of a search", "[cli][sweep]") {
  const Finished finished =
      run_lockstep(searching({"--over", "cluster.nodes=4,8", "--format", "json"}));
  CHECK(finished.code == 0);
  const nlohmann::json json = nlohmann::json::parse(finished.out);
  for (const nlohmann::json& point : json["points"]) {
    REQUIRE(point["plans"].size() == 1);
    CHECK_THAT(point["plans"][0]["name"].get<std::string>(),
               Matchers::StartsWith("tp8-") && Matchers::Contains("pp2-dp") &&
                   Matchers::EndsWith("-fsdp-mb1-full"));
  }
}

TEST_CASE("sweep --search shows each point's progress, and ends early", "[cli][sweep]") {
  const std::atomic<bool> calm{false};
  std::atomic<bool> pressed{false};
  std::ostringstream progress;
  std::ostringstream out;
  std::ostringstream err;
  lockstep::cli::Environment environment;
  environment.catch_interrupts = [&] { return &calm; };
  environment.progress_to = &progress;
  const Words words = searching({"--over", "cluster.nodes=4,8", "--progress", "always"});
  CHECK(lockstep::cli::run(words, out, err, environment) == 0);
  CHECK_THAT(progress.str(), Matchers::Contains(" combinations at point 1 of 2") &&
                                 Matchers::Contains(" combinations at point 2 of 2"));
  // The first point is through when the wish comes, the second is not.
  environment.catch_interrupts = [&] { return &pressed; };
  int searches = 0;
  environment.search = [&](const auto& scenario, const auto& options, int threads,
                           const auto& report, const auto* stop) {
    if (++searches == 2) pressed = true;
    return lockstep::search_plans(scenario, options, threads, report, stop);
  };
  out.str("");
  CHECK(lockstep::cli::run(words, out, err, environment) == 130);
  CHECK_THAT(out.str(), Matchers::Contains("tp8-sp-pp2-dp") &&
                            Matchers::Contains("interrupted before the search was through"));
}

TEST_CASE("sweep: a calibration counts at every point", "[cli][sweep]") {
  const TemporaryFolder folder;
  // Kernels that reach half of what the catalog says make every step longer.
  const std::string file = folder.file(
      "c.yaml",
      "calibration: 1\nconstants:\n  - {of: gpus.h100-sxm-80gb.memory_norm, value: 0.2, "
      "spread: 2%}\n");
  const Words words{"--over", "cluster.nodes=4,8", "--plan", "hsdp32"};
  Words calibrated = words;
  calibrated.insert(calibrated.end(), {"--calibration", file});
  const nlohmann::json before = json_of(words);
  const nlohmann::json after = json_of(calibrated);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(after["points"][i]["plans"][0]["step_time_s"]["value"] >
          before["points"][i]["plans"][0]["step_time_s"]["value"]);
  }
}
