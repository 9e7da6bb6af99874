#include "sim/report/flop_conventions.hpp"

#include <cmath>

#include "sim/compute/op_cost.hpp"
#include "strategies/flops.hpp"

namespace lockstep {

namespace {

// Megatron-LM's formula, full recompute included:
//   F = 96 B s l h^2 (1 + s/(6 h) + V/(16 l h))
// Narayanan et al. 2021 (arXiv:2104.04473), section 5.1. Attention is not halved for causality.
double megatron_flops(const Model& model, const Training& training) {
  const auto h = static_cast<double>(model.hidden);
  const auto l = static_cast<double>(model.layers);
  const auto s = static_cast<double>(training.sequence_length);
  const auto v = static_cast<double>(model.vocabulary);
  return 96 * training.tokens_per_step() * l * h * h * (1 + s / (6 * h) + v / (16 * l * h));
}

bool suits_megatron(const Model& model) {
  return !model.has_experts() && !model.gated() && model.ffn() == 4 * model.hidden &&
         model.kv() == model.heads && !model.has_latent_attention() &&
         model.attention_window == 0 && model.query_width() == model.hidden;
}

}  // namespace

double active_parameters(const Model& model) {
  const ParameterCount all = count_parameters(model, model.vocabulary, 0);
  if (!model.has_experts()) return all.total;
  const auto experts = static_cast<double>(model.experts.count);
  const auto active = static_cast<double>(model.experts.top_k);
  return all.total - all.experts * (1 - active / experts);
}

// 6N: Kaplan et al. 2020 (arXiv:2001.08361), every parameter, no attention. PaLM: Chowdhery et al.
// 2022 (arXiv:2204.02311), appendix B: 6N + 12 L H Q T, every pair of tokens. Here N are the
// matrices that a token meets, and the pairs those that the causal half leaves out, once more.
std::vector<FlopConvention> flop_conventions(const Report& report, const PlanReport& plan) {
  const double step = plan.step_time_s.value;
  if (!plan.legal || !std::isfinite(step) || step <= 0) return {};
  const Model& model = report.scenario.model;
  const Training& training = report.scenario.training;
  const double tokens = training.tokens_per_step();
  const double matrices = 6 * matmul_parameters(model) * tokens;
  const double attention = plan.workload.model_flops - matrices;
  std::vector<FlopConvention> list{
      {"model", "this report's MFU", "matrices, causal attention once", plan.workload.model_flops,
       0},
      {"hardware", "this report's HFU", "and what recompute runs again",
       plan.workload.hardware_flops, 0},
      {"six_n", "6 N tokens", "every parameter, no attention",
       6 * active_parameters(model) * tokens, 0},
      {"palm", "PaLM, 6 N + 12 L H Q T", "matrices, attention without causality",
       matrices + 2 * attention, 0}};
  if (suits_megatron(model)) {
    list.push_back({"megatron_2021", "Megatron-LM 2021",
                    "full recompute, attention without causality", megatron_flops(model, training),
                    0});
  }
  const double peak = peak_rate(plan.cluster.system.gpu, training.linear_dtype()).value() *
                      static_cast<double>(gpu_count(plan.cluster));
  for (FlopConvention& convention : list) convention.utilization = convention.flops / step / peak;
  return list;
}

}  // namespace lockstep
