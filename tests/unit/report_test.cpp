// Do the renderings keep to their width, sum, and say what the report says?
#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/report/display.hpp"
#include "sim/report/render.hpp"
#include "tests/catch.hpp"
#include "tests/unit/sample_report.hpp"

using namespace lockstep;
using lockstep::test::sample_report;

namespace {

// The sums hold up to the rounding of double additions.
constexpr double sum_tolerance = 1e-9;

std::size_t widest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, display_width(line));
  return widest;
}

Report one_plan(std::size_t index) {
  Report report = sample_report();
  report.plans = {report.plans[index]};
  report.ranking = {0};
  report.comparisons.clear();
  return report;
}

}  // namespace

TEST_CASE("compare: verdicts, ties and reasons", "[unit][report]") {
  const std::string text = compare_text(sample_report(), {});
  CHECK_THAT(text, Matchers::Contains("A sample\nmodel-7b · 8 × gpu (one node, NVSwitch) · 1 M tokens per step "
                                      "(1000 × 1000) · bf16\n"));
  CHECK_THAT(text, Matchers::Contains("\n  1  fast    10.0 s [9.0 … 11.0]"));
  CHECK_THAT(text, Matchers::Contains("\n  =  second  10.1 s"));
  CHECK_THAT(text, Matchers::Contains("\n  –  large   9.00 s"));
  CHECK_THAT(text, Matchers::Contains("91.3 GiB too big"));
  CHECK_THAT(text, Matchers::Contains("40.0 GiB fits"));
  CHECK_THAT(text, Matchers::Contains("fast and second are a tie (P = 0.55 for the first)."));
  CHECK_THAT(text, Matchers::Contains("large is too big: needs 91.3 GiB, the device has 80.0; largest: activations 66.5."));
  CHECK_THAT(text, Matchers::Contains("Not modelled here: data loading; failures and restarts."));
}

TEST_CASE("compare: a clear winner names what decides it", "[unit][report]") {
  Report report = sample_report();
  report.comparisons[0].probability = 0.83;
  // The faster plan waits less for the network: 1 % against 3 % per deviation, so the order turns at
  // z = ln(10.1 / 10) / (-0.01 + 0.03) = 0.4975 deviations: 0.8 exp(0.4975 * 0.2) = 0.884.
  report.plans[2].sensitivities[1].effect = -0.03;
  const std::string text = compare_text(report, {});
  CHECK_THAT(text, Matchers::Contains("fast is faster than second with P = 0.83. What decides it: "
                                      "system.network_share"));
  CHECK_THAT(text, Matchers::Contains("± 20 %, assumed"));
  CHECK_THAT(text, Matchers::Contains("above about 0.884 second is"));
}

TEST_CASE("compare: up to P = 0.8 neighbours are a tie", "[unit][report]") {
  Report report = sample_report();
  report.comparisons[0].probability = 0.79;
  CHECK_THAT(compare_text(report, {}), Matchers::Contains("fast and second are a tie (P = 0.79 for the first)."));
  report.comparisons[0].probability = 0.81;
  CHECK_THAT(compare_text(report, {}), Matchers::Contains("fast is faster than second with P = 0.81."));
}

TEST_CASE("compare: plans that tie one with the next are told together", "[unit][report]") {
  Report report = sample_report();
  report.plans[0] = test::sample_plan("third", 10.2, 50.0);
  report.comparisons = {{1, 2, 0.55, ""}, {2, 0, 0.61, ""}};
  CHECK_THAT(compare_text(report, {}),
             Matchers::Contains("fast, second and third are a tie (P = 0.55 and P = 0.61, each for the first)."));
}

TEST_CASE("the nearest measured runs are named with the tool's error on them", "[unit][report]") {
  Report report = sample_report();
  NearestRun near;
  near.run.row_id = "lab-0007";
  near.run.source = "lab";
  near.run.model = "llama3-70b";
  near.run.gpu = "gpu";
  near.run.gpus = 256;
  near.run.software = "torchtitan";
  near.distance = 0.5;
  near.error = -0.06;
  NearestRun far = near;
  far.run.gpus = 8;
  far.error = 0.123;
  PlanReport& best = report.plans[1];
  best.nearest = {near, far};
  best.known_setting = true;
  best.distribution.lower = 0.04;
  best.distribution.upper = 0.07;
  const std::string simulated = simulate_text(report, {});
  CHECK_THAT(simulated, Matchers::Contains("  nearest measured runs: llama3-70b on 256 × gpu, torchtitan "
                                           "(predicted −6.0 %); llama3-70b on\n  8 × gpu, torchtitan (predicted +12 %).\n"));
  CHECK_THAT(simulated, Matchers::Contains("−4.0 % +7.0 %"));
  CHECK_THAT(compare_text(report, {}), Matchers::Contains("fast: nearest measured run: llama3-70b on 256 × gpu, "
                                                          "torchtitan (predicted −6.0 %).\n"));
  best.known_setting = false;
  best.cluster.system.gpu.architecture = "hopper";
  CHECK_THAT(compare_text(report, {}), Matchers::Contains("fast: no measured run has stack on hopper GPUs, so the "
                                                          "interval is wider; nearest:"));
  const auto json = nlohmann::json::parse(report_json(report, "compare"));
  CHECK(json["plans"][1]["nearest_evidence"][0]["row_id"] == "lab-0007");
  CHECK(json["plans"][1]["nearest_evidence"][0]["error"] == -0.06);
  CHECK(json["plans"][1]["nearest_evidence"][1]["gpus"] == 8);
  CHECK(json["plans"][1]["residual"]["upper"] == 0.07);
  CHECK(json["plans"][1]["measured_setting"] == false);
}

TEST_CASE("compare: without a break-even the widest unknown is named while the order is open", "[unit][report]") {
  Report report = sample_report();
  report.plans[2].step_time_s = test::around(20.0);
  report.comparisons[0].probability = 0.9;
  CHECK_THAT(compare_text(report, {}), Matchers::Contains("P = 0.90. The widest unknown between them: "
                                                          "system.network_share\n  (0.800 ± 20 %, assumed)."));
  report.comparisons[0].probability = 0.97;
  CHECK_THAT(compare_text(report, {}), Matchers::Contains("fast is faster than second with P = 0.97.\n"));
}

TEST_CASE("compare: beside long plan names the bounds leave the table", "[unit][report]") {
  Report report = sample_report();
  const std::string name = "sequence-parallel-selective";
  report.plans[1].plan.name = name;
  const std::string text = compare_text(report, {});
  CHECK_THAT(text, Matchers::Contains("  1  " + name + "  10.0 s"));
  CHECK_THAT(text, Matchers::Contains("Bound by tensor cores, HBM: " + name + ", second, large.\n"));
  CHECK(text.find("bound by") == std::string::npos);
}

TEST_CASE("simulate: headline, partition, memory and certainty", "[unit][report]") {
  const std::string text = simulate_text(one_plan(1), {});
  CHECK_THAT(text, Matchers::Contains("STEP   10.0 s  [9.0 … 11.0]    12 500 tokens/s/GPU    MFU 43 %    HFU 54 %"));
  CHECK_THAT(text, Matchers::Contains("PEAK   40.0 GiB  [36.0 … 44.0] of 80.0 GiB usable: fits (P > 0.99)"));
  CHECK_THAT(text, Matchers::Contains("BOUND  tensor cores 50 % of the step, HBM 30 %, NIC 20 %"));
  CHECK_THAT(text, Matchers::Contains("├─ linear GEMM, forward and backward     5.0 s   50 %  tensor cores, 70 %"));
  CHECK_THAT(text, Matchers::Contains("fitted ± 3.0 %"));
  CHECK_THAT(text, Matchers::Contains("peak 40.0 GiB on every GPU, at the first layer of the backward pass"));
  CHECK_THAT(text, Matchers::Contains("├─ weights                      10.0 GiB  25 %  ████▌\n"));
  CHECK_THAT(text, Matchers::Contains("gradient all-reduce  8 GPUs in a node  13.0 GiB      1  4.00 s   2.00 s  NIC, ring"));
  CHECK_THAT(text, Matchers::Contains("dp 8 · micro-batch 1 × 4 · no recompute · stack"));
}

TEST_CASE("simulate: a plan that is too big still says what it would take", "[unit][report]") {
  const std::string text = simulate_text(one_plan(0), {});
  CHECK_THAT(text, Matchers::Contains("STEP   9.00 s"));
  CHECK_THAT(text, Matchers::Contains("if it fitted"));
  CHECK_THAT(text, Matchers::Contains("usable: too big (P < 0.01)"));
  CHECK_THAT(text, Matchers::Contains("It needs 91.3 GiB, the device has 80.0; largest: activations 66.5."));
}

TEST_CASE("simulate: stages that differ are listed, equal neighbours as one", "[unit][report]") {
  Report report = one_plan(1);
  PlanReport& plan = report.plans[0];
  plan.plan.pipeline.stages = 4;
  plan.workload.stages.resize(4, plan.workload.stages[0]);
  plan.memory.stages.resize(4, plan.memory.stages[0]);
  plan.memory.stages[3].reserved = Bytes{30 * 0x1p30};
  const std::string text = simulate_text(report, {});
  CHECK_THAT(text, Matchers::Contains("on pipeline stage 1 of 4"));
  CHECK_THAT(text, Matchers::Contains("\n             1–3      32"));
  CHECK_THAT(text, Matchers::Contains("\n               4      32"));
}

TEST_CASE("text fits 100 columns whatever the names are", "[unit][report]") {
  const std::string name = GENERATE(std::string("p"), std::string(300, 'n'), std::string("模型并行计划模型并行计划模型并行计划"),
                                    std::string("two words ") + std::string(120, 'w'), std::string("\x1b[31mred\xff"));
  Report report = sample_report();
  report.scenario_name = name;
  report.cluster_summary = name;
  for (PlanReport& plan : report.plans) {
    plan.plan.name = name;
    plan.bound = name;
    plan.plan.software.name = name;
    plan.step.partition[0].name = name;
    plan.step.partition[0].bound_by = name;
    plan.step.collectives[0].name = name;
    plan.memory.stages[0].instant = name;
    plan.memory.stages[0].lines[0].name = name;
    plan.sensitivities[0].source = name;
    if (!plan.feasible) plan.infeasible_reason = name;
  }
  report.comparisons[0].probability = 0.9;
  for (const std::string& text : {compare_text(report, {}), simulate_text(report, {})}) {
    CHECK(widest_line(text) <= 100);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find(" \n") == std::string::npos);
  }
}

TEST_CASE("colour changes nothing but colour", "[unit][report]") {
  TextOptions colored;
  colored.color = true;
  std::string text = compare_text(sample_report(), colored);
  CHECK(text.find("\x1b[31mtoo big\x1b[0m") != std::string::npos);
  for (std::size_t at = 0; (at = text.find('\x1b')) != std::string::npos;) text.erase(at, text.find('m', at) - at + 1);
  CHECK(text == compare_text(sample_report(), {}));
}

TEST_CASE("JSON: versioned, complete, sums to its headlines", "[unit][report]") {
  const nlohmann::json json = nlohmann::json::parse(report_json(sample_report(), "compare"));
  CHECK(json["schema_version"] == 1);
  CHECK(json["command"] == "compare");
  CHECK(json["ranking"] == nlohmann::json({"fast", "second", "large"}));
  REQUIRE(json["plans"].size() == 3);
  for (const nlohmann::json& plan : json["plans"]) {
    double seconds = 0;
    double share = 0;
    for (const nlohmann::json& line : plan["partition"]) {
      seconds += line["seconds"].get<double>();
      share += line["share"].get<double>();
    }
    CHECK(seconds == Approx(plan["step_time_s"]["value"].get<double>()).epsilon(sum_tolerance));
    CHECK(share == Approx(1.0).epsilon(sum_tolerance));
    double bytes = 0;
    for (const nlohmann::json& line : plan["memory"]) bytes += line["bytes"].get<double>();
    CHECK(bytes == Approx(plan["peak_memory_bytes"]["value"].get<double>()).epsilon(sum_tolerance));
    for (const char* key : {"step_time_s", "tokens_per_s_per_gpu", "mfu", "hfu", "peak_memory_bytes", "peak_allocated_bytes"}) {
      CHECK(plan[key]["low"].get<double>() <= plan[key]["value"].get<double>());
      CHECK(plan[key]["value"].get<double>() <= plan[key]["high"].get<double>());
    }
  }
  CHECK(json["plans"][0]["feasible"] == false);
  CHECK(json["plans"][0]["infeasible_reason"] == "needs 91.3 GiB, the device has 80.0; largest: activations 66.5");
  CHECK(json["plans"][1]["infeasible_reason"].is_null());
  CHECK(json["comparisons"][0]["tie"] == true);
  CHECK(json["comparisons"][0]["decided_by"]["path"] == "system.network_share");
}

TEST_CASE("JSON: the same bytes twice, and names that are not UTF-8 do no harm", "[unit][report]") {
  Report report = sample_report();
  report.plans[0].plan.name = "bad \xff byte";
  CHECK(report_json(report, "compare") == report_json(report, "compare"));
  CHECK(nlohmann::json::parse(report_json(report, "compare"))["plans"][0]["name"] == "bad \xEF\xBF\xBD byte");
}

TEST_CASE("CSV: one row for each plan in the order of the ranking", "[unit][report]") {
  Report report = sample_report();
  report.plans[1].plan.name = "a \"quoted\", name";
  std::istringstream lines(report_csv(report));
  std::string line;
  std::getline(lines, line);
  CHECK(line.rfind("plan,rank,feasible,step_time_s,step_time_s_low,step_time_s_high,", 0) == 0);
  std::getline(lines, line);
  CHECK(line.rfind("\"a \"\"quoted\"\", name\",1,true,10,9,11,", 0) == 0);
  std::getline(lines, line);
  CHECK(line.rfind("second,2,true,10.1,", 0) == 0);
  std::getline(lines, line);
  CHECK(line.rfind("large,3,false,9,", 0) == 0);
  CHECK_FALSE(std::getline(lines, line));
}

TEST_CASE("a plan that is not legal has a row, a reason and no numbers", "[unit][report]") {
  Report report = sample_report();
  PlanReport illegal;
  illegal.plan.name = "seven";
  illegal.plan.tensor = 7;
  illegal.cluster = report.plans[0].cluster;
  illegal.legal = false;
  illegal.feasible = false;
  illegal.infeasible_reason = "not legal: 64 attention heads do not divide by tensor 7";
  report.plans.push_back(illegal);
  report.ranking.push_back(report.plans.size() - 1);
  const std::string text = compare_text(report, {});
  CHECK_THAT(text, Matchers::Contains("\n  –  seven ") && Matchers::Contains("not legal") &&
                       Matchers::Contains("\n  seven is not legal: 64 attention heads do not divide by tensor 7.\n"));
  CHECK(text.find(" \n") == std::string::npos);
  CHECK(widest_line(text) <= 100);
  const nlohmann::json plan = nlohmann::json::parse(report_json(report, "compare"))["plans"].back();
  CHECK(plan["feasible"] == false);
  CHECK(plan["legal"] == false);
  CHECK(plan["infeasible_reason"] == illegal.infeasible_reason);
  for (const char* key : {"step_time_s", "tokens_per_s_per_gpu", "mfu", "hfu", "peak_memory_bytes", "peak_allocated_bytes"}) {
    CHECK(plan[key].is_null());
  }
  CHECK(plan["partition"].empty());
  CHECK_THAT(report_csv(report), Matchers::Contains("\nseven,4,false,,,,,,,,,,,,,,,,,,,,,,8,,not legal: 64 attention"));
}

TEST_CASE("selective recompute under flash attention is called useless", "[unit][report]") {
  Report report = one_plan(1);
  const std::string note = "selective recompute saves nothing here: flash attention keeps no scores";
  Plan& plan = report.plans[0].plan;
  plan.recompute = Recompute::selective;
  plan.software.attention = AttentionKernel::flash2;
  plan.software.selective_recompute = SelectiveRecompute::attention_core;
  CHECK_THAT(simulate_text(report, {}), Matchers::Contains("  NOTE   " + note + "\n"));
  CHECK_THAT(compare_text(report, {}), Matchers::Contains("  fast: " + note + ".\n"));
  CHECK(nlohmann::json::parse(report_json(report, "simulate"))["plans"][0]["notes"] == nlohmann::json({note}));
  plan.recompute_parts = "norms, activation";
  CHECK(simulate_text(report, {}).find(note) == std::string::npos);
  plan.recompute_parts = "";
  plan.software.attention = AttentionKernel::fused_softmax;
  CHECK(simulate_text(report, {}).find(note) == std::string::npos);
  plan.software.attention = AttentionKernel::flash2;
  plan.software.selective_recompute = SelectiveRecompute::per_op;
  CHECK(simulate_text(report, {}).find(note) == std::string::npos);
}

TEST_CASE("MFU says what it is of where the linears are not of 16 bits", "[unit][report]") {
  Report report = one_plan(1);
  CHECK(simulate_text(report, {}).find("NOTE") == std::string::npos);
  CHECK(compare_text(report, {}).find("MFU is of") == std::string::npos);
  report.scenario.training.precision = Precision::fp8;
  CHECK_THAT(simulate_text(report, {}), Matchers::Contains("  NOTE   MFU and HFU are of the fp8 peak\n"));
  CHECK_THAT(compare_text(report, {}), Matchers::Contains("  MFU is of the fp8 peak.\n"));
  report.scenario.training.precision = Precision::nvfp4;
  CHECK_THAT(compare_text(report, {}), Matchers::Contains("  MFU is of the fp4 peak.\n"));
}

TEST_CASE("an inline model is told by its size, a long title is cut", "[unit][report]") {
  Report report = one_plan(1);
  Model& model = report.scenario.model;
  model = {};
  model.name = "inline";
  model.layers = 10;
  model.hidden = 1000;
  model.heads = 10;
  model.vocabulary = 100000;
  model.positions = Positions::none;
  model.tied_embeddings = true;
  // 10 layers of 12 h^2, and 100,000 rows of h; the norms do not show in three digits.
  CHECK_THAT(compare_text(report, {}), Matchers::Contains("inline model, 10 layers × 1000, 220 M parameters · "));
  report.scenario_name = std::string(150, 't');
  CHECK(compare_text(report, {}).rfind(std::string(99, 't') + "…\n", 0) == 0);
}
