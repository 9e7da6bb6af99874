// What a row says of its mixture of experts, and of the ranks that share experts and sequences.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>

#include "validate/run_row.hpp"

namespace lockstep {
namespace {

constexpr std::int64_t usual_experts = 8;
constexpr std::int64_t usual_top_k = 2;

std::int64_t whole(const std::string& text, std::int64_t otherwise) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value > 0 ? value : otherwise;
}

// Of a model that the catalog does not know.
void guess_experts(const RunRecord& record, RunScenario& run) {
  Model& model = run.model;
  Experts& experts = model.experts;
  if (experts.count == 0) experts.count = usual_experts;
  if (!record.moe_experts) run.assumed.push_back(fmt::format("moe_experts: {}", experts.count));
  if (!record.moe_topk) {
    experts.top_k = std::min(usual_top_k, experts.count);
    run.assumed.push_back(fmt::format("moe_topk: {}", experts.top_k));
  }
  run.assumed.push_back(fmt::format("width of an expert: {}", model.ffn()));
}

}  // namespace

void build_experts(const RunRecord& record, const Model* known, RunScenario& run) {
  Model& model = run.model;
  Experts& experts = model.experts;
  const bool stated = record.moe_experts.value_or(1) > 1;
  if (!stated && !record.hints_at_experts && !model.has_experts()) return;
  const bool known_experts = known != nullptr && known->has_experts() && model.has_experts();
  if (stated) experts.count = *record.moe_experts;
  if (!known_experts) guess_experts(record, run);
  if (record.moe_topk) experts.top_k = std::min(*record.moe_topk, experts.count);
  if (!known_experts) return;
  run.assumed.push_back(
      fmt::format("width of an expert: {}, as {}", model.expert_ffn(), known->name));
  if (experts.dense_layers >= model.layers) experts.dense_layers = model.layers - 1;
}

void RunBuilder::build_context(const RunRecord& record, const AliasRow& row, RunScenario& run) {
  Context& context = run.plan.context;
  context.degree = record.cp.value_or(1);
  if (context.degree == 1) return;
  const AliasMatch& stack = lookup_.first(aliases_.software, row);
  const std::string method = stack ? stack.value("context", "ring") : "ring";
  context.method = method == "all-gather" ? ContextMethod::all_gather : ContextMethod::ring;
  run.assumed.push_back(fmt::format("context parallelism: {}", method));
  context.balanced = run.training.sequence_length % (2 * context.degree) == 0;
  if (!context.balanced) run.assumed.push_back("context parallelism: causal work is not balanced");
}

void RunBuilder::build_expert_parallel(const RunRecord& record, const AliasRow& row,
                                       RunScenario& run) {
  Plan& plan = run.plan;
  if (!run.model.has_experts()) {
    if (record.ep.value_or(1) > 1) {
      run.assumed.push_back(fmt::format("ep: 1 (not {}: the model has no experts)", *record.ep));
    }
    return;
  }
  const AliasMatch& stack = lookup_.first(aliases_.software, row);
  plan.expert.tensor = whole(stack ? stack.value("expert_tensor") : "", 0);
  const std::int64_t stated = record.ep.value_or(1);
  // A stage may have fewer ranks than the row's experts are said to lie on.
  const std::int64_t ranks = plan.tensor * plan.replicas() / plan.expert_tensor();
  plan.expert.degree = std::gcd(stated, std::max<std::int64_t>(1, ranks));
  if (!record.ep) run.assumed.push_back("ep: 1");
  if (plan.expert.degree != stated) {
    run.assumed.push_back(fmt::format("ep: {} (not {}: a stage has {} ranks)", plan.expert.degree,
                                      stated, plan.tensor * plan.replicas()));
  }
  if (plan.tensor > 1) {
    run.assumed.push_back(
        fmt::format("tensor parallelism of the experts: {}", plan.expert_tensor()));
  }
  if (plan.tensor > 1 && !plan.sequence_parallel) {
    plan.sequence_parallel = true;
    run.assumed.push_back("sp: true (experts need it)");
  }
}

}  // namespace lockstep
