#include "scenarios/scenario.hpp"

#include "tests/catch.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

// What the good scenario complains about with one part replaced.
std::string after(const std::string& from, const std::string& to) {
  return TestCatalog().complaints(replaced(good_scenario, from, to));
}

}  // namespace

TEST_CASE("scenario: entries are resolved, defaults filled, degrees derived") {
  const TestCatalog files;
  const Scenario scenario = parse_scenario(good_scenario, "folder/title.yaml", files.with());
  CHECK(scenario.name == "title");
  CHECK(scenario.model.name == "small");
  CHECK(scenario.model.layers == 16);
  CHECK(scenario.cluster.gpus == 16);
  CHECK(scenario.cluster.system.name == "box");
  CHECK(scenario.cluster.system.gpu.name == "tiny");
  CHECK(scenario.cluster.system.gpu_name == "tiny");
  CHECK(scenario.training.precision == Precision::bf16);
  REQUIRE(scenario.plans.size() == 2);
  CHECK(scenario.plans[0].plan.data == 16);
  CHECK(scenario.plans[1].plan.data == 2);
  CHECK(scenario.plans[1].plan.software.name == "plain");
  CHECK(scenario.plans[1].plan.software.attention == AttentionKernel::unfused);
  CHECK(scenario.plans[1].cluster.gpus == 16);
}

TEST_CASE("scenario: constants carry value, spread, kind and source") {
  const TestCatalog files;
  const Gpu gpu = files.with().gpu("tiny");
  CHECK(gpu.memory_bandwidth.value == 1e12);
  CHECK(gpu.memory_bandwidth.spread == Approx(0.05));
  CHECK(gpu.memory_bandwidth.kind == Provenance::datasheet);
  CHECK(gpu.memory_bandwidth.source == "test");
  CHECK(gpu.gemm_efficiency_half.value == Approx(0.8));
  // Left out: the documented default, with its reason.
  CHECK(gpu.peak_fp8.value == 0.0);
  CHECK(gpu.attention_flash2.value > 0.0);
  CHECK(gpu.attention_flash2.kind == Provenance::assumed);
  CHECK_FALSE(gpu.attention_flash2.source.empty());
}

TEST_CASE("scenario: based_on takes what the entry itself leaves out") {
  const TestCatalog files;
  const Gpu fast = files.with().gpu("tiny-fast");
  CHECK(fast.name == "tiny-fast");
  CHECK(fast.memory_bandwidth.value == 2e12);
  CHECK(fast.peak_fp16.value == 100e12);
  CHECK(files.with().model("small-1.5").layers == 24);
  CHECK(files.with().model("small-1.5").hidden == 1024);
}

TEST_CASE("scenario: inline maps, with and without a base") {
  const TestCatalog files;
  std::string yaml = replaced(good_scenario, "model: small\n",
                              "model: {layers: 4, hidden: 512, heads: 8, vocabulary: 1000, activation: swiglu}\n");
  yaml = replaced(yaml, "system: box",
                  "system: {based_on: box, nic_bandwidth: 100 Gb/s, gpu: {memory_capacity: 40 GB}}");
  const Scenario scenario = parse_scenario(yaml, "s.yaml", files.with());
  CHECK(scenario.model.name == "inline");
  CHECK(scenario.model.activation == Activation::swiglu);
  CHECK(scenario.cluster.system.name == "box");
  CHECK(scenario.cluster.system.nic_bandwidth.value == 12.5e9);
  CHECK(scenario.cluster.system.nic_bandwidth.kind == Provenance::assumed);
  CHECK(scenario.cluster.system.nic_bandwidth.source == "scenario");
  CHECK(scenario.cluster.system.gpu.name == "tiny");
  CHECK(scenario.cluster.system.gpu.memory_capacity.value == 40e9);
  CHECK(scenario.cluster.system.gpu.memory_bandwidth.value == 1e12);
}

TEST_CASE("scenario: a plan has its own software and its own cluster over the scenario's") {
  const TestCatalog files;
  const std::string yaml = std::string(good_scenario) +
                           "  - name: other\n    software: fancy\n"
                           "    cluster: {nodes: 4, system: {nic_bandwidth: 400 Gb/s}}\n"
                           "  - name: changed\n    software: {data_exposed: 0.25}\n"
                           "    cluster: {system: {gpu: tiny-fast}}\n";
  const Scenario scenario = parse_scenario(yaml, "s.yaml", files.with());
  REQUIRE(scenario.plans.size() == 4);
  CHECK(scenario.plans[2].plan.software.attention == AttentionKernel::flash2);
  CHECK(scenario.plans[2].cluster.gpus == 32);
  CHECK(scenario.plans[2].plan.data == 32);
  CHECK(scenario.plans[2].cluster.system.nic_bandwidth.value == 50e9);
  CHECK(scenario.plans[3].plan.software.name == "plain");
  CHECK(scenario.plans[3].plan.software.data_exposed.value == 0.25);
  CHECK(scenario.plans[3].cluster.system.gpu.memory_bandwidth.value == 2e12);
  CHECK(scenario.plans[3].cluster.system.nic_bandwidth.value == 25e9);
  CHECK(scenario.cluster.system.gpu.memory_bandwidth.value == 1e12);
}

TEST_CASE("scenario: unknown keys, with the nearest valid one, all at once") {
  CHECK(after("nodes: 2", "nodse: 2, color: red") ==
        "s.yaml:3:24: error[E201]: unknown key 'nodse' in 'cluster'\n"
        "    3 | cluster: {system: box, nodse: 2, color: red}\n"
        "      |                        ^~~~~\n"
        "      = hint: did you mean 'nodes'?\n"
        "s.yaml:3:34: error[E201]: unknown key 'color' in 'cluster'\n"
        "    3 | cluster: {system: box, nodse: 2, color: red}\n"
        "      |                                  ^~~~~\n"
        "      = hint: valid keys: system, nodes, gpus, fabric, failed, degraded, nccl_topology, nccl_graph\n");
}

TEST_CASE("scenario: missing keys are reported at the map that lacks them") {
  CHECK(after("training: {sequence_length: 1024, global_batch: 64}", "training: {dropout: 0}") ==
        "s.yaml:4:1: error[E202]: 'training' lacks the keys 'sequence_length', 'global_batch'\n"
        "    4 | training: {dropout: 0}\n"
        "      | ^~~~~~~~\n"
        "      = hint: sequence_length: Tokens per sequence.\n");
  CHECK(after("lockstep: 1\n", "") ==
        "s.yaml:1:1: error[E202]: the file lacks the key 'lockstep'\n"
        "    1 | model: small\n"
        "      | ^\n"
        "      = hint: lockstep: Version of the file format: 1.\n");
}

TEST_CASE("scenario: a key without a value, and values of the wrong type") {
  CHECK(after("nodes: 2", "nodes: ") ==
        "s.yaml:3:24: error[E208]: 'nodes' has no value\n"
        "    3 | cluster: {system: box, nodes: }\n"
        "      |                        ^~~~~\n"
        "      = hint: give it one, or remove the key\n");
  CHECK(after("nodes: 2", "nodes: [2]") ==
        "s.yaml:3:31: error[E204]: 'nodes' must be a whole number, not a list\n"
        "    3 | cluster: {system: box, nodes: [2]}\n"
        "      |                               ^\n"
        "      = hint: Number of nodes.\n");
  CHECK(after("    tensor: 8", "    sequence_parallel: yes") ==
        "s.yaml:9:24: error[E204]: 'sequence_parallel' must be true or false, not 'yes'\n"
        "    9 |     sequence_parallel: yes\n"
        "      |                        ^~~\n"
        "      = hint: write true or false\n");
  CHECK(after("plans:\n  - name: dp\n  - name: tp\n    tensor: 8\n", "plans: {name: dp}\n") ==
        "s.yaml:6:8: error[E204]: 'plans' must be a list\n"
        "    6 | plans: {name: dp}\n"
        "      |        ^\n"
        "      = hint: begin each item with '- '\n");
  CHECK(TestCatalog().complaints("- a\n") ==
        "s.yaml:1:1: error[E204]: a scenario must be a map of keys\n"
        "    1 | - a\n"
        "      | ^\n"
        "      = hint: begin with 'lockstep: 1', 'model: NAME' and the other keys\n");
}

TEST_CASE("scenario: counts that are none") {
  const auto nodes = [](const std::string& value) {
    const std::string text = after("nodes: 2", "nodes: " + value);
    return text.substr(0, text.find('\n')) + text.substr(std::min(text.size(), text.find("      = hint")));
  };
  CHECK(nodes("0") == "s.yaml:3:31: error[E205]: 'nodes' must be from 1 to 1000000, not 0");
  CHECK(nodes("-2") ==
        "s.yaml:3:31: error[E205]: 'nodes' must be at least 1, not -2      = hint: write a whole number\n");
  CHECK(nodes("2.5") ==
        "s.yaml:3:31: error[E206]: 'nodes' must be a whole number, not '2.5'      = hint: write digits only, such as 64\n");
  CHECK(nodes("1e3") ==
        "s.yaml:3:31: error[E206]: 'nodes' must be a whole number, not '1e3'      = hint: write 1000\n");
  CHECK(nodes("010") ==
        "s.yaml:3:31: error[E206]: 'nodes' has a leading zero: '010'"
        "      = hint: write 10; some programs read a leading zero as octal\n");
  CHECK(nodes("\"2\"") ==
        "s.yaml:3:31: error[E204]: 'nodes' must be a whole number, not a text      = hint: write it without quotes\n");
  CHECK(nodes(".nan") ==
        "s.yaml:3:31: error[E206]: 'nodes' must be a whole number, not '.nan'      = hint: write digits only, such as 64\n");
  CHECK(nodes("99999999999999999999999999") ==
        "s.yaml:3:31: error[E205]: 'nodes' must be from 1 to 1000000, not 99999999999999999999…");
}

TEST_CASE("scenario: numbers that are none") {
  const auto dropout = [](const std::string& value) {
    const std::string text = after("global_batch: 64", "global_batch: 64, dropout: " + value);
    return text.substr(0, text.find('\n'));
  };
  CHECK(dropout("10 %").empty());
  CHECK(dropout(".nan") == "s.yaml:4:62: error[E206]: 'dropout' must be a finite number, not \".nan\"");
  CHECK(dropout(".inf") == "s.yaml:4:62: error[E206]: 'dropout' must be a finite number, not \".inf\"");
  CHECK(dropout("-0.1") == "s.yaml:4:62: error[E205]: 'dropout' must be at least 0 and at most 0.99, not -0.1");
  CHECK(dropout("1e999") == "s.yaml:4:62: error[E206]: 'dropout' is out of the range of numbers: \"1e999\"");
}

TEST_CASE("scenario: units that are missing or wrong") {
  CHECK(after("system: box", "system: {based_on: box, nic_bandwidth: 400}") ==
        "s.yaml:3:50: error[E203]: 'nic_bandwidth' needs a unit\n"
        "    3 | cluster: {system: {based_on: box, nic_bandwidth: 400}, nodes: 2}\n"
        "      |                                                  ^~~ a bare number is ambiguous\n"
        "      = hint: \"400 Gb/s\" (50 GB/s) or \"400 GB/s\"?\n");
  CHECK(after("system: box", "system: {based_on: box, nic_bandwidth: 400 Gb}") ==
        "s.yaml:3:50: error[E203]: 'nic_bandwidth' has the unknown unit \"Gb\"\n"
        "    3 | cluster: {system: {based_on: box, nic_bandwidth: 400 Gb}, nodes: 2}\n"
        "      |                                                  ^~~~~~\n"
        "      = hint: write it like \"400 Gb/s\" or \"50 GB/s\"\n");
  CHECK(after("system: box", "system: {based_on: box, gpu: {based_on: tiny, memory_efficiency: 85}}") ==
        "s.yaml:3:76: error[E205]: 'memory_efficiency' must be above 0 and at most 1, not 85\n"
        "    3 | cluster: {system: {based_on: box, gpu: {based_on: tiny, memory_efficiency: 85}}, nodes: 2}\n"
        "      |                                                                            ^~\n"
        "      = hint: \"85 %\"?\n");
}

TEST_CASE("scenario: names that no entry and no choice has") {
  CHECK(after("system: box", "system: bix") ==
        "s.yaml:3:19: error[E301]: the catalog has no system 'bix'\n"
        "    3 | cluster: {system: bix, nodes: 2}\n"
        "      |                   ^~~\n"
        "      = hint: did you mean 'box'? systems: box\n");
  CHECK(after("model: small", "model: ../models/small") ==
        "s.yaml:2:8: error[E301]: the catalog has no model '../models/small'\n"
        "    2 | model: ../models/small\n"
        "      |        ^~~~~~~~~~~~~~~\n"
        "      = hint: models: small, small-1.5\n");
  CHECK(after("global_batch: 64", "global_batch: 64, precision: bf17") ==
        "s.yaml:4:64: error[E207]: 'precision' can't be 'bf17'\n"
        "    4 | training: {sequence_length: 1024, global_batch: 64, precision: bf17}\n"
        "      |                                                                ^~~~\n"
        "      = hint: did you mean 'bf16'? One of: fp32, tf32, fp16, bf16, fp8, mxfp8, nvfp4\n");
}

TEST_CASE("scenario: the format's version") {
  CHECK(after("lockstep: 1", "lockstep: 2") ==
        "s.yaml:1:11: error[E205]: 'lockstep' must be 1, not 2\n"
        "    1 | lockstep: 2\n"
        "      |           ^\n");
}

TEST_CASE("scenario: what can't be meant, for all plans at once") {
  CHECK(after("name: dp", "name: dp\n    data: 8") ==
        "s.yaml:8:11: error[E401]: plan 'dp': data 8 x tensor 1 x pipeline stages 1 = 8 ranks, but the cluster has 16 "
        "GPUs\n"
        "    8 |     data: 8\n"
        "      |           ^\n"
        "      = hint: data: 16 would fill the cluster (or leave data out: it is derived)\n");
  // Where the plan does not have the key that a rule is about, its name is marked.
  CHECK(after("global_batch: 64", "global_batch: 6") ==
        "s.yaml:7:11: error[E406]: plan 'dp': global batch 6 does not divide by data 16 x micro_batch 1\n"
        "    7 |   - name: dp\n"
        "      |           ^~\n"
        "      = hint: data x micro_batch must divide training.global_batch\n");
  CHECK(after("nodes: 2", "nodes: 3").find("plan 'dp'") != std::string::npos);
  CHECK(after("nodes: 2", "nodes: 3").find("plan 'tp'") != std::string::npos);
}

TEST_CASE("scenario: names of plans") {
  CHECK(after("name: tp", "name: dp") ==
        "s.yaml:8:11: error[E452]: a second plan is called 'dp'\n"
        "    8 |   - name: dp\n"
        "      |           ^~\n"
        "      = hint: give each plan a name of its own; the first is in line 7\n");
  CHECK(after("name: tp", "name: t.p") ==
        "s.yaml:8:11: error[E453]: the plan name 't.p' can't be addressed by --set\n"
        "    8 |   - name: t.p\n"
        "      |           ^~~\n"
        "      = hint: use letters, digits, '-', '_' and '+', at most 100\n");
  CHECK(after("plans:\n  - name: dp\n  - name: tp\n    tensor: 8\n", "plans: []\n") ==
        "s.yaml:6:1: error[E451]: the scenario has no plan\n"
        "    6 | plans: []\n"
        "      | ^~~~~\n"
        "      = hint: add one: '- name: NAME' and its degrees; or let a search find some: 'search: "
        "{}'\n");
}

TEST_CASE("scenario: GPUs against nodes") {
  CHECK(after("nodes: 2", "nodes: 2, gpus: 17") ==
        "s.yaml:3:40: error[E454]: 17 GPUs, but 2 nodes of 8 have 16\n"
        "    3 | cluster: {system: box, nodes: 2, gpus: 17}\n"
        "      |                                        ^~\n"
        "      = hint: set nodes: 3 or fewer gpus\n");
  CHECK(after("nodes: 2", "nodes: 2, gpus: 8") ==
        "s.yaml:3:40: error[E454]: 8 GPUs do not reach into all of 2 nodes of 8\n"
        "    3 | cluster: {system: box, nodes: 2, gpus: 8}\n"
        "      |                                        ^\n"
        "      = hint: GPUs fill node by node: set nodes: 1\n");
}

TEST_CASE("scenario: a precision that the GPU lacks") {
  CHECK(after("global_batch: 64", "global_batch: 64, precision: fp8") ==
        "s.yaml:4:64: error[E455]: the GPU 'tiny' has no fp8 matrix units\n"
        "    4 | training: {sequence_length: 1024, global_batch: 64, precision: fp8}\n"
        "      |                                                                ^~~\n"
        "      = hint: precisions of this GPU: fp32, fp16, bf16\n");
}

TEST_CASE("scenario: a scaling of fp8 without fp8") {
  CHECK(after("global_batch: 64", "global_batch: 64, fp8_scaling: rowwise") ==
        "s.yaml:4:66: error[E467]: fp8_scaling says how linears in fp8 are scaled, but the precision "
        "is bf16\n"
        "    4 | training: {sequence_length: 1024, global_batch: 64, fp8_scaling: rowwise}\n"
        "      |                                                                  ^~~~~~~\n"
        "      = hint: set precision: fp8, or leave fp8_scaling out\n");
}

TEST_CASE("scenario: a plan without a software profile") {
  CHECK(after("software: plain\n", "") ==
        "s.yaml:6:11: error[E458]: the plan 'dp' has no software profile\n"
        "    6 |   - name: dp\n"
        "      |           ^~\n"
        "      = hint: name one for all plans: 'software: NAME' beside 'plans'\n"
        "s.yaml:7:11: error[E458]: the plan 'tp' has no software profile\n"
        "    7 |   - name: tp\n"
        "      |           ^~\n"
        "      = hint: name one for all plans: 'software: NAME' beside 'plans'\n");
}

TEST_CASE("scenario: heads against the hidden size") {
  CHECK(after("model: small", "model: {based_on: small, heads: 15, kv_heads: 4}") ==
        "s.yaml:2:33: error[E456]: hidden size 1024 does not divide by 15 heads\n"
        "    2 | model: {based_on: small, heads: 15, kv_heads: 4}\n"
        "      |                                 ^~\n"
        "      = hint: set head_dim if heads have a size of their own\n"
        "s.yaml:2:47: error[E457]: 15 heads do not divide by 4 key/value heads\n"
        "    2 | model: {based_on: small, heads: 15, kv_heads: 4}\n"
        "      |                                               ^\n"
        "      = hint: kv_heads must divide 15\n"
        "s.yaml:9:13: error[E402]: plan 'tp': 15 attention heads do not divide by tensor 8\n"
        "    9 |     tensor: 8\n"
        "      |             ^\n"
        "      = hint: tensor must divide 15\n");
}

TEST_CASE("scenario: tokens are counted, not shares, and suffixes are spelt out") {
  const auto complaint = [](const std::string& value) {
    return after("global_batch: 64}", "global_batch: 64, total_tokens: " + value + "}");
  };
  CHECK(complaint("2e12").empty());
  CHECK_THAT(complaint("20 %"), Matchers::Contains("'total_tokens' must be a plain number, not the share '20 %'\n") &&
                                    Matchers::Contains("= hint: write it like 2e12\n"));
  CHECK_THAT(complaint("2T"), Matchers::Contains("= hint: write 2e12\n"));
  CHECK_THAT(complaint("15 B"), Matchers::Contains("= hint: write 1.5e10\n"));
  CHECK_THAT(complaint("300M"), Matchers::Contains("= hint: write 3e8\n"));
  CHECK_THAT(complaint("many"), Matchers::Contains("= hint: write it like 2e12\n"));
  const auto dropout = [](const std::string& value) {
    return after("global_batch: 64}", "global_batch: 64, dropout: " + value + "}");
  };
  CHECK_THAT(dropout("20"), Matchers::Contains("= hint: \"20 %\"?\n"));
  CHECK_THAT(dropout("200%"), Matchers::Contains("error[E205]") && !Matchers::Contains("hint"));
}

TEST_CASE("scenario: an illegal plan is kept beside the others where that is asked for") {
  const TestCatalog files;
  const std::string text = std::string(good_scenario) + "  - {name: bad, tensor: 3, micro_batch: 7}\n";
  CHECK_THAT(files.complaints(text), Matchers::Contains("E402"));
  const Scenario scenario = parse_scenario(text, "s.yaml", files.with(), IllegalPlans::keep);
  REQUIRE(scenario.plans.size() == 3);
  CHECK(scenario.plans[0].problems.empty());
  CHECK(scenario.plans[0].not_legal.empty());
  CHECK_FALSE(scenario.plans[2].problems.empty());
  CHECK_THAT(scenario.plans[2].not_legal, Matchers::Contains("16 attention heads do not divide by tensor 3; "));
  CHECK(plan_problems(scenario).size() == scenario.plans[2].problems.size());
  // What is wrong with the scenario as a whole, or with its text, is an error all the same.
  CHECK_THROWS_AS(parse_scenario(replaced(text, "nodes: 2", "nodes: 2, gpus: 17"), "s.yaml", files.with(), IllegalPlans::keep),
                  InputError);
  CHECK_THROWS_AS(parse_scenario(replaced(text, "tensor: 3", "tensr: 3"), "s.yaml", files.with(), IllegalPlans::keep),
                  InputError);
}

TEST_CASE("scenario: settings of its software know the plans that they do not reach") {
  const TestCatalog files;
  const std::string text = std::string(good_scenario) + "  - {name: own, software: fancy}\n"
                           "  - {name: part, software: {attention: flash2}}\n"
                           "  - {name: based, software: {based_on: fancy}}\n";
  const Scenario scenario = parse_scenario(text, "s.yaml", files.with({{"software.data_exposed", "0.5"},
                                                                       {"software.attention", "flash1"},
                                                                       {"training.global_batch", "128"}}));
  REQUIRE(scenario.unreached.size() == 2);
  CHECK(scenario.unreached[0].setting == "software.data_exposed");
  CHECK(scenario.unreached[0].plans == std::vector<std::string>{"own", "based"});
  CHECK(scenario.unreached[1].plans == std::vector<std::string>{"own", "part", "based"});
  CHECK(scenario.plans[3].plan.software.data_exposed.value == 0.5);
  CHECK(scenario.plans[2].plan.software.data_exposed.value == 1.0);
}

TEST_CASE("scenario: an unknown name lists the nearest names, not a whole catalog") {
  const TestCatalog files;
  for (int i = 0; i < 20; ++i) files.write("systems/rack-" + std::to_string(i) + ".yaml", "gpu: tiny\n");
  const std::string text = files.complaints(replaced(good_scenario, "system: box", "system: bix"));
  CHECK_THAT(text, Matchers::Contains("= hint: did you mean 'box'? systems: box, rack-") &&
                       Matchers::Contains("… (lockstep list systems shows all 21)\n"));
}
