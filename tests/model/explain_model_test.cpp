// Do thresholds and crossings of an explanation come out where arithmetic puts them?
#include "sim/explain/explanation.hpp"

#include <cmath>
#include <string>

#include "sim/explain/scalars.hpp"
#include "sim/explain/step_curve.hpp"
#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

constexpr double efficiency = 0.45;
constexpr double peak = 989e12;
constexpr double bytes_per_element = 2;  // gathered and reduced in bf16
// A threshold counts as reached a thousandth of the collectives' time early, and tokens come in
// steps of two.
constexpr double early = 5e-3;

// The layers of Llama-3 70B, without a vocabulary to speak of.
Model layers_of_70b() {
  Model model;
  model.name = "layers of 70B";
  model.layers = 80;
  model.hidden = 8192;
  model.ffn_hidden = 28672;
  model.heads = 64;
  model.kv_heads = 8;
  model.vocabulary = 8;
  model.activation = Activation::swiglu;
  return model;
}

// 64 H100 whose linears run at 0.45 of their peak and on which everything else takes no time.
Cluster ideal_h100s() {
  Cluster cluster = round_cluster(8);
  Gpu& gpu = cluster.system.gpu;
  gpu.peak_bf16 = gpu.peak_fp16 = Constant(FlopsPerSecond{peak});
  gpu.gemm_efficiency_half = Constant(efficiency);
  gpu.gemm_misaligned = Constant(1.0);
  gpu.memory_bandwidth = Constant(BytesPerSecond{1e21});
  gpu.memory_capacity = Constant(Bytes{1e15});
  gpu.attention_flash2 = Constant(1e9);
  gpu.attention_backward = Constant(1.0);
  cluster.system.link_bandwidth = Constant(BytesPerSecond{450e9});
  cluster.system.nic_bandwidth = Constant(BytesPerSecond{50e9});
  return cluster;
}

Question fsdp_question() {
  Question question;
  question.model = layers_of_70b();
  question.training = small_training(512);
  question.training.sequence_length = 8192;
  question.cluster = ideal_h100s();
  question.plan = plain_plan(64);
  question.plan.name = "fsdp";
  question.plan.sharding = Sharding::fsdp;
  question.plan.software.fsdp_gather_bytes = bytes_per_element;
  question.plan.software.gradient_reduce_bytes = bytes_per_element;
  return question;
}

// Bytes of whole buffers per second that the layers' collectives reach.
double bandwidth_of(const PlanReport& report, StepPart part) {
  double bytes = 0;
  double seconds = 0;
  for (const CollectiveUse& use : report.step.collectives) {
    if (use.part != part) continue;
    bytes += use.bytes.value() * use.calls;
    seconds += use.time.value();
  }
  return bytes / seconds;
}

// Sets the share of the fabric that is left so that FSDP's collectives reach so much.
void set_fsdp_bandwidth(Question& question, double wanted) {
  const double now = bandwidth_of(predicted(question), StepPart::fsdp_exposed);
  question.cluster.system.network_share = Constant(wanted / now);
}

const Hiding& fsdp_of(const std::vector<Hiding>& all) {
  for (const Hiding& one : all) {
    if (one.rule == HidingRule::beside_units) return one;
  }
  throw std::logic_error("FSDP is not among them");
}

}  // namespace

// A layer of P parameters does 2 P n FLOPs forward and 4 P n backward for n tokens, at e times the
// peak, while it gathers 2 P bytes forward and gathers and reduces 4 P backward, at B: both ways
// compute outlasts communication from
//   n = e peak / B
// 0.45 * 989 TFLOP/s / 320 GB/s = 1.39 k tokens, and 6.45 k at 69 GB/s.
TEST_CASE("explain: FSDP hides from e P / B tokens per GPU and micro-batch on") {
  for (const double bandwidth : {320e9, 69e9}) {
    Question question = fsdp_question();
    set_fsdp_bandwidth(question, bandwidth);
    const PlanReport report = predicted(question);
    REQUIRE(bandwidth_of(report, StepPart::fsdp_exposed) == Approx(bandwidth).epsilon(1e-6));
    const std::vector<Hiding> all = hidings(question, report);
    const Hiding& one = fsdp_of(all);
    REQUIRE(one.tokens);
    CHECK(*one.tokens == Approx(efficiency * peak / bandwidth).epsilon(early));
    CHECK(one.tokens_now == 8192);
    CHECK(one.hidden());
    CHECK(one.bandwidth == Approx(bandwidth).epsilon(1e-6));
  }
  CHECK(efficiency * peak / 320e9 == Approx(1.4e3).epsilon(0.01));
  CHECK(efficiency * peak / 69e9 == Approx(6.5e3).epsilon(0.01));
}

// Full recompute runs the forward pass again beside the backward pass' collectives, which then have
// 6 P n FLOPs for 4 P bytes: the forward pass binds alone, and the threshold stays. Reductions in 4 bytes move
// 2 + 4 bytes backward against 4 P n: backward decides, n = 1.5 e peak / B.
TEST_CASE("explain: the threshold follows what is reduced, not what is recomputed") {
  Question question = fsdp_question();
  set_fsdp_bandwidth(question, 100e9);
  const double plain = efficiency * peak / 100e9;
  question.plan.recompute = Recompute::full;
  CHECK(*fsdp_of(hidings(question, predicted(question))).tokens == Approx(plain).epsilon(early));
  question.plan.recompute = Recompute::none;
  question.plan.software.gradient_reduce_bytes = 4;
  CHECK(*fsdp_of(hidings(question, predicted(question))).tokens ==
        Approx(1.5 * plain).epsilon(2 * early));
}

TEST_CASE("explain: what grows with the tokens has no threshold, nor has FSDP without prefetch") {
  Question question = fsdp_question();
  question.plan.software.fsdp_prefetch = false;
  std::vector<Hiding> all = hidings(question, predicted(question));
  REQUIRE(all.size() == 1);
  CHECK(all[0].rule == HidingRule::not_prefetched);
  CHECK_FALSE(all[0].tokens);
  CHECK(all[0].exposed_s == Approx(all[0].in_all_s));
  question.plan = plain_plan(8, 8);
  all = hidings(question, predicted(question));
  REQUIRE_FALSE(all.empty());
  const auto tensor = std::find_if(all.begin(), all.end(), [](const Hiding& one) {
    return one.what == "tensor-parallel collectives";
  });
  REQUIRE(tensor != all.end());
  CHECK(tensor->rule == HidingRule::grows);
  CHECK_FALSE(tensor->tokens);
}

// FSDP waits for its collectives: the step is its bytes over B,
//   t_fsdp = m 6 P / B,  m = 8192 / 64 micro-batches, P the parameters of the layers.
// tp8 computes 6 P n / 8 for each of 1024 micro-batches of n tokens, and waits for four all-reduces
// of 2 n h bytes a layer and micro-batch, at what they reach over NVLink; beside so many the
// reduction of its gradients is nothing. FSDP wins above
//   B = m 6 P / t_tp8.
TEST_CASE("explain: FSDP against TP8 for 70B on 64 H100 turns where arithmetic says") {
  Contender fsdp{fsdp_question(), {}};
  fsdp.question.training.sequence_length = 2048;
  fsdp.question.training.global_batch = 8192;
  fsdp.report = predicted(fsdp.question);
  Contender tensor{fsdp.question, {}};
  tensor.question.plan = plain_plan(8, 8);
  tensor.question.plan.name = "tp8";
  tensor.report = predicted(tensor.question);

  const Model model = layers_of_70b();
  const double hidden = static_cast<double>(model.hidden);
  const double kv = static_cast<double>(model.kv_width());
  const double layer = 2 * hidden * hidden + 2 * hidden * kv +
                       3 * hidden * static_cast<double>(model.ffn_hidden);
  const double parameters = 80 * layer;
  const double tokens = 2048;
  const double tensor_micro_batches = 8192 / 8;
  const double compute = 6 * parameters * tokens / 8 / (efficiency * peak);
  const double reduced = 80 * 4 * 2 * tokens * hidden /
                         bandwidth_of(tensor.report, StepPart::tensor_exposed);
  const double of_tensor = tensor_micro_batches * (compute + reduced);
  CHECK(tensor.report.step_time_s.value == Approx(of_tensor).epsilon(0.01));
  const double wanted = (8192 / 64) * 6 * parameters / of_tensor;

  const std::vector<BreakEven> all = break_evens(fsdp, {tensor});
  const auto network = std::find_if(all.begin(), all.end(), [](const BreakEven& one) {
    return one.path == "system.nic_bandwidth";
  });
  REQUIRE(network != all.end());
  REQUIRE(network->value);
  REQUIRE(network->effective);
  CHECK(network->crossings == 1);
  CHECK(network->wins_above == "fsdp");
  CHECK(network->wins_below == "tp8");
  CHECK(network->effective->at_break_even == Approx(wanted).epsilon(0.02));
  // The curve's points on both sides of the crossing say who wins there.
  for (const BreakEvenPoint& point : network->curve) {
    if (point.value == *network->value) continue;
    CHECK((point.step_time_s < point.against_step_time_s) == (point.value > *network->value));
  }
}

// t = max(1, 2 / f) bends at f = 2: the elasticity is -1 below and 0 above.
TEST_CASE("kinks: where a bound changes") {
  const auto kink = nearest_kink([](double f) { return std::max(1.0, 2.0 / f); }, 0.25, 4);
  REQUIRE(kink);
  CHECK(kink->factor == Approx(2.0).epsilon(2e-3));
  CHECK(kink->elasticity_before == Approx(-1.0).margin(0.01));
  CHECK(kink->elasticity_after == Approx(0.0).margin(0.01));
  CHECK(kink->jump == 0);
}

// Of two kinks, at f = 0.5 (ln 0.69 away) and at f = 1.5 (0.41 away), the nearer.
TEST_CASE("kinks: the nearer of two") {
  const auto time = [](double f) { return 10.0 + std::max(0.0, f - 1.5) + std::max(0.0, 0.5 - f); };
  const auto kink = nearest_kink(time, 0.25, 4);
  REQUIRE(kink);
  CHECK(kink->factor == Approx(1.5).epsilon(2e-3));
}

// A step of 5 % at f = 0.8 is a jump; 1 + 1 / f is smooth and has none, and so has a power.
TEST_CASE("kinks: jumps are kinks, smooth curves have none") {
  const auto kink = nearest_kink([](double f) { return f < 0.8 ? 1.05 : 1.0; }, 0.25, 4);
  REQUIRE(kink);
  CHECK(kink->factor == Approx(0.8).epsilon(1e-3));
  CHECK(kink->jump == Approx(std::log(1.05)).epsilon(1e-3));
  CHECK_FALSE(nearest_kink([](double f) { return 1 + 1 / f; }, 0.25, 4));
  // A single value that is off is no kink.
  CHECK_FALSE(nearest_kink([](double f) { return std::abs(f - 1.3) < 1e-3 ? 0.9 : 1.0; }, 0.25, 4));
  CHECK_FALSE(nearest_kink([](double f) { return std::pow(f, -0.7); }, 0.25, 4));
  CHECK_FALSE(nearest_kink([](double f) { return std::pow(std::pow(f, 3.0) + 1, 1 / 3.0); }, 0.25, 4));
}

// Two constants of which each moves the step by its own: shares go with the squares of their
// effects, 3 and 4 % of the step a spread, beside a residual of 12 %: 9, 16 and 144 of 169.
TEST_CASE("ledger: shares of independent constants are their squares") {
  Question question = fsdp_question();
  question.cluster.system.gpu.gemm_efficiency_half = Constant(0.45, Provenance::measured, 0.03, "a");
  question.plan.software.host_per_step = Constant(Seconds{1.0}, Provenance::assumed, 0.1, "b");
  PlanReport report = predicted(question);
  report.distribution.lower = report.distribution.upper = 0.12;
  report.sensitivities = {
      {"software.host_per_step", 0.04, Provenance::assumed, 0.1, 1.0, "b"},
      {"gpu.gemm_efficiency_half", -0.03, Provenance::measured, 0.03, 0.45, "a"},
  };
  const std::vector<LedgerEntry> entries = ledger(question, report, {}, "s.yaml");
  REQUIRE(entries.size() == 3);
  CHECK(entries[0].path.empty());
  // The two orders of the draws are not exactly uncorrelated.
  constexpr double correlated = 0.02;
  CHECK(entries[0].share == Approx(144.0 / 169).margin(correlated));
  CHECK(entries[1].path == "software.host_per_step");
  CHECK(entries[1].share == Approx(16.0 / 169).margin(correlated));
  CHECK(entries[2].share == Approx(9.0 / 169).margin(correlated));
  CHECK(entries[0].share + entries[1].share + entries[2].share == Approx(1.0).epsilon(1e-12));
  CHECK(entries[2].measure == "lockstep validate kernels s.yaml -o kernels.json");
  CHECK(entries[0].measure == "");
  CHECK(measuring_command("system.network_share", report, "s.yaml") ==
        "mpirun -np 64 lockstep-validate nccl -c all_gather -o nccl.json");
  CHECK(measuring_command("software.memory_traffic_factor", report, "s.yaml") ==
        "lockstep validate step s.yaml --plan fsdp");
  CHECK(measuring_command("gpu.attention_flash2", report, "s.yaml") == "");
  // 1.645 spreads of 4 % to either side.
  CHECK(entries[1].step_time_s.high ==
        Approx(report.step_time_s.value * std::exp(1.6448536 * 0.04)).epsilon(1e-6));
}

// Linears alone take time: 5 % less efficiency is 1 / 0.95 of it, 5 % more 1 / 1.05.
TEST_CASE("sensitivities: a step of linears goes with their rate") {
  Question question = fsdp_question();
  set_fsdp_bandwidth(question, 100e9);
  const PlanReport report = predicted(question);
  const Sensitivities all = sensitivities_of(question, report);
  const auto find = [&](const char* path) {
    return std::find_if(all.scalars.begin(), all.scalars.end(),
                        [&](const ScalarEffect& one) { return one.path == path; });
  };
  const auto rate = find("gpu.gemm_efficiency_half");
  REQUIRE(rate != all.scalars.end());
  CHECK(rate->down->effect == Approx(1 / 0.95 - 1).epsilon(1e-6));
  CHECK(rate->up->effect == Approx(1 / 1.05 - 1).epsilon(1e-6));
  CHECK(rate->up->elasticity == Approx(-1.0).epsilon(1e-6));
  CHECK(rate->symmetric());
  // Twice the rate halves compute; FSDP begins to show where compute of 8192 tokens falls to what
  // its collectives take.
  REQUIRE(rate->kink);
  const double threshold = efficiency * peak / 100e9;
  CHECK(rate->kink->factor == Approx(8192 / threshold).epsilon(0.01));
  CHECK(rate->kink->what == "FSDP gather and scatter exposed begins");
  // The network moves nothing while it hides.
  CHECK(find("system.nic_bandwidth") == all.scalars.end());
}

// What was measured is what a link with 0.8 of its share would give: of that constant exactly this
// value explains it.
TEST_CASE("measured: the constant that was moved is found again") {
  Question question = fsdp_question();
  question.plan = plain_plan(8, 8);
  question.cluster.system.link_share = Constant(0.9, Provenance::fitted, 0.1, "x");
  question.cluster.system.gpu.gemm_efficiency_half.spread = 0.01;
  PlanReport report = predicted(question);
  report.distribution.lower = report.distribution.upper = 0.02;
  Question slower = question;
  slower.cluster.system.link_share.value = 0.9 * 0.8;
  const double measured = predicted(slower).step_time_s.value;
  const MeasuredGap gap = measured_gap(question, report, {MeasuredQuantity::step_time, measured},
                                       counterfactuals(question, report), "s.yaml");
  const auto found = std::find_if(gap.hypotheses.begin(), gap.hypotheses.end(),
                                  [](const Hypothesis& one) { return one.name == "system.link_share"; });
  REQUIRE(found != gap.hypotheses.end());
  REQUIRE(found->needed);
  CHECK(*found->needed == Approx(0.72).epsilon(1e-6));
  CHECK(found->deviations == Approx(-std::log(0.8) / 0.1).epsilon(1e-6));
  CHECK(found->explained == 1);
  CHECK(gap.error == Approx(report.step_time_s.value / measured - 1));
  CHECK_FALSE(gap.inside);
  // The efficiency of products would have to be off by more than anybody would believe.
  for (const Hypothesis& one : gap.hypotheses) CHECK(one.name != "gpu.gemm_efficiency_half");
}
