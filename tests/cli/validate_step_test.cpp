// lockstep-validate step: the predicted small step, and its run on fake GPUs.
#include <map>
#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/cli/process.hpp"
#include "tests/support/fake_gpu.hpp"

using namespace lockstep::test;

namespace {

// A model whose buffers are small, on one DGX.
constexpr const char* tiny = R"(lockstep: 1
name: Tiny on one node
model: {layers: 8, hidden: 256, heads: 4, ffn_hidden: 1024, vocabulary: 4096, activation: swiglu,
  norm: rmsnorm, positions: rope}
cluster: {system: dgx-h100, nodes: 1}
training: {sequence_length: 256, global_batch: 16, precision: bf16, optimizer: adamw}
software: megatron-core
plans:
  - {name: tp4-dp2, tensor: 4, sequence_parallel: true, data: 2, sharding: optimizer, micro_batch: 1}
  - {name: fsdp, data: 8, sharding: fsdp, micro_batch: 1, software: torch-fsdp-compiled}
)";

Finished run_step(const std::vector<std::string>& arguments, const StartOptions& options = {}) {
  std::vector<std::string> words{"step"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return start(LOCKSTEP_TEST_VALIDATE_PROGRAM, words, options);
}

}  // namespace

TEST_CASE("A step is predicted for the GPUs that are named, without any", "[cli][step]") {
  const Finished done = run_step(
      {bundled("llama3-70b-64xh100.yaml"), "--plan", "tp8-pp2", "--predict-only", "--gpus", "1"});
  CHECK(done.code == 0);
  CHECK(done.err.empty());
  const std::string head =
      "Llama-3 70B pre-training on 64 H100 · plan tp8-pp2\n"
      "2 layers, 2 micro-batches of 1 x 8192 tokens; the kernels of one rank on 1 GPU\n"
      "not run: 78 of 80 layers; 1 pipeline stage and its transfers; 3 of 4 data ranks; the fused "
      "attention\n"
      "         kernel: attention runs, and is predicted, as batched products; collectives: the "
      "plan's\n"
      "         groups take 8 GPUs, here is 1; the framework's work on the host\n";
  CHECK(done.out.substr(0, head.size()) == head);
  CHECK(done.out.find("collectives exposed") == std::string::npos);
}

TEST_CASE("What is wrong with the command line of step is said", "[cli][step]") {
  const std::string scenario = bundled("llama3-70b-64xh100.yaml");
  const auto error = [](const std::vector<std::string>& arguments) {
    const Finished done = run_step(arguments);
    CHECK(done.code == 2);
    CHECK(done.out.empty());
    return done.err;
  };
  const std::string help = "  = help: lockstep-validate --help\n";
  CHECK(error({}) ==
        "lockstep-validate: step needs one scenario\n"
        "  = hint: lockstep-validate step scenarios/llama3-70b-64xh100.yaml --plan NAME\n" + help);
  CHECK(error({scenario, "--plan", "tp8-pp3", "--predict-only"}) ==
        "lockstep-validate: the scenario has no plan 'tp8-pp3'\n"
        "  = hint: did you mean tp8-pp2? its plans: fsdp-recompute, fsdp-selective, hsdp32, hsdp8, "
        "tp8-fsdp8, tp8-pp2, tp4-pp4, tp4-pp4-half\n" + help);
  CHECK(error({scenario, "--plan", "tp8-pp2", "--layers", "0"}) ==
        "lockstep-validate: --layers is '0'\n  = hint: a whole number from 1 to 1000\n" + help);
}

#if LOCKSTEP_HAS_CUDA
TEST_CASE("A step on fake GPUs is laid beside its prediction, and its terms sum to it",
          "[cli][step]") {
  const TemporaryFolder folder;
  const FakeGpuLibraries libraries;
  const std::string scenario = folder.file("tiny.yaml", tiny);
  StartOptions options;
  options.environment = {{"LOCKSTEP_FAKE_GPUS", "8"},
                         {"LOCKSTEP_FAKE_L2", "1048576"},
                         {"LOCKSTEP_FAKE_LAUNCH", "0"},
                         {"LOCKSTEP_FAKE_NCCL_DATA", "0"}};
  std::vector<std::string> plans{"tp4-dp2", "fsdp"};
#if !LOCKSTEP_HAS_NCCL
  plans.clear();
#endif
  for (const std::string& plan : plans) {
    INFO(plan);
    const Finished done = run_step(
        {scenario, "--plan", plan, "--libraries", libraries.path(), "--format", "json"}, options);
    REQUIRE(done.code == 0);
    const nlohmann::json step = nlohmann::json::parse(done.out).at("steps").at(0);
    double predicted = 0;
    double measured = 0;
    double exposed = 0;
    for (const nlohmann::json& term : step.at("terms")) {
      predicted += term.at("predicted_s").get<double>();
      measured += term.at("measured_s").get<double>();
      if (term.at("name").get<std::string>().find("exposed") != std::string::npos)
        exposed += term.at("measured_s").get<double>();
    }
    CHECK(predicted == Approx(step.at("predicted_s").get<double>()).epsilon(1e-9));
    CHECK(measured == Approx(step.at("time").at("median_s").get<double>()).epsilon(1e-9));
    CHECK(exposed > 0);
  }
}

// Twice the latency of the fake NCCL, and nothing else: only the waits grow. Forward and backward
// of 2 layers and 2 micro-batches wait for 4 collectives a layer and pass, all of them exposed, and
// for those around the ends.
TEST_CASE("A slower NCCL shows in the terms of waiting alone", "[cli][step]") {
#if LOCKSTEP_HAS_NCCL
  const TemporaryFolder folder;
  const FakeGpuLibraries libraries;
  const std::string scenario = folder.file("tiny.yaml", tiny);
  const auto terms = [&](const std::string& latency) {
    StartOptions options;
    options.environment = {{"LOCKSTEP_FAKE_GPUS", "8"},
                           {"LOCKSTEP_FAKE_L2", "1048576"},
                           {"LOCKSTEP_FAKE_LAUNCH", "0"},
                           {"LOCKSTEP_FAKE_NCCL_DATA", "0"},
                           {"LOCKSTEP_FAKE_NCCL_LATENCY", latency}};
    const Finished done = run_step({scenario, "--plan", "tp4-dp2", "--libraries", libraries.path(),
                                    "--format", "json"},
                                   options);
    REQUIRE(done.code == 0);
    std::map<std::string, double> by_name;
    const nlohmann::json json = nlohmann::json::parse(done.out);
    for (const nlohmann::json& term : json.at("steps").at(0).at("terms"))
      by_name[term.at("name")] = term.at("measured_s");
    return by_name;
  };
  const auto fast = terms("10e-6");
  const auto slow = terms("20e-6");
  REQUIRE(fast.size() == slow.size());
  for (const auto& [name, seconds] : fast) {
    INFO(name);
    if (name == "tensor-parallel collectives exposed") {
      CHECK(slow.at(name) > 1.5 * seconds);
    } else if (name.find("exposed") == std::string::npos) {
      CHECK(slow.at(name) == Approx(seconds).margin(1e-6));
    }
  }
#endif
}

TEST_CASE("A step on one GPU of a plan of four runs one rank's kernels", "[cli][step]") {
  const TemporaryFolder folder;
  const FakeGpuLibraries libraries;
  StartOptions options;
  options.environment = {{"LOCKSTEP_FAKE_L2", "1048576"}};
  const Finished done = run_step({folder.file("tiny.yaml", tiny), "--plan", "tp4-dp2",
                                  "--libraries", libraries.path()},
                                 options);
  CHECK(done.code == 0);
  CHECK(done.out.find("the kernels of one rank on 1 GPU\n") != std::string::npos);
  CHECK(done.out.find("collectives: the plan's groups take 4 GPUs, here is 1") != std::string::npos);
  CHECK(done.out.find("median of ") != std::string::npos);
}

TEST_CASE("A step without a GPU is skipped with one line", "[cli][step]") {
  const TemporaryFolder folder;
  const FakeGpuLibraries libraries;
  StartOptions options;
  options.environment = {{"LOCKSTEP_FAKE_GPUS", "0"}};
  const Finished done = run_step({folder.file("tiny.yaml", tiny), "--plan", "fsdp", "--libraries",
                                  libraries.path()},
                                 options);
  CHECK(done.code == 77);
  CHECK(done.out.empty());
  CHECK(done.err == "lockstep-validate: skipped: no GPU: no CUDA-capable device is detected "
                    "(cudaErrorNoDevice)\n");
}
#endif
