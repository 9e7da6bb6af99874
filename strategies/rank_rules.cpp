// Degrees against the GPUs, their order on them, and what they divide: heads, widths, experts and
// the sequence.
#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "strategies/plan_rules.hpp"
#include "strategies/rank_order.hpp"

namespace lockstep {

void PlanRules::check_degrees() {
  const double inner = static_cast<double>(plan_.tensor) *
                       static_cast<double>(plan_.context.degree) *
                       static_cast<double>(plan_.pipeline.stages);
  const double product = inner * static_cast<double>(plan_.data);
  const auto gpus = static_cast<double>(gpus_);
  degrees_fit_ = product == gpus;
  if (!degrees_fit_) {
    report("E401", "data", [&] {
      const bool context = plan_.context.degree > 1;
      std::string hint =
          fmt::format("choose tensor{} and pipeline stages whose product divides the GPUs",
                      context ? ", context" : "");
      if (inner <= gpus && gpus_ % static_cast<std::int64_t>(inner) == 0) {
        hint = fmt::format("data: {} would fill the cluster (or leave data out: it is derived)",
                           gpus_ / static_cast<std::int64_t>(inner));
      }
      return Words{
          fmt::format("data {} x tensor {}{} x pipeline stages {} = {:.0f} ranks, but the cluster "
                      "has {} GPUs",
                      plan_.data, plan_.tensor,
                      context ? fmt::format(" x context {}", plan_.context.degree) : "",
                      plan_.pipeline.stages, product, gpus_),
          std::move(hint)};
    });
  }
}

void PlanRules::check_placement() {
  if (!rank_order(plan_.placement)) {
    report("E418", "placement", [&] {
      return Words{
          fmt::format("'{}' is not an order of tp, dp and pp (and cp)", plan_.placement),
          "each once, with hyphens, the first on neighbouring GPUs: tp-dp-pp (as Megatron places "
          "them), tp-cp-dp-pp, tp-pp-dp, ..."};
    });
    return;
  }
  if (!degrees_fit_ || !experts_fit()) return;
  const std::string_view uneven = uneven_groups(plan_);
  if (uneven.empty()) return;
  report("E419", "placement", [&] {
    return Words{std::string(uneven), "placement: tp-cp-dp-pp has no such gap"};
  });
}

// Whether the ranks of a stage divide into groups of experts. Only where the degrees fit the
// GPUs, whose products are then in range.
bool PlanRules::experts_fit() const {
  const std::int64_t ranks = plan_.tensor * plan_.replicas();
  const double wanted =
      static_cast<double>(plan_.expert.degree) * static_cast<double>(plan_.expert_tensor());
  return wanted <= static_cast<double>(ranks) &&
         ranks % (plan_.expert.degree * plan_.expert_tensor()) == 0;
}

void PlanRules::check_tensor() {
  const std::int64_t t = plan_.tensor;
  if (model_.heads % t != 0) {
    report("E402", "tensor", [&] {
      return Words{fmt::format("{} attention heads do not divide by tensor {}", model_.heads, t),
                   fmt::format("tensor must divide {}", model_.heads)};
    });
  } else if (model_.kv() % t != 0 && t % model_.kv() != 0) {
    report("E403", "tensor", [&] {
      return Words{
          fmt::format("{} key/value heads do not divide by tensor {}", model_.kv(), t),
          "tensor must divide the key/value heads, or be a multiple of them (heads are then "
          "replicated)"};
    });
  }
  if (model_.ffn() % t != 0) {
    report("E404", "tensor", [&] {
      return Words{fmt::format("ffn width {} does not divide by tensor {}", model_.ffn(), t),
                   fmt::format("tensor must divide {}", model_.ffn())};
    });
  }
  if (plan_.sequence_parallel && t == 1) {
    report("E408", "sequence_parallel",
           "sequence parallelism needs tensor parallelism, and tensor is 1",
           "set tensor above 1 or sequence_parallel: false");
  }
  const std::int64_t local = training_.sequence_length / plan_.context.degree;
  if (plan_.sequence_parallel && local % t != 0) {
    report("E412", "sequence_parallel", [&] {
      return Words{fmt::format("sequence length {} does not divide by tensor {}", local, t),
                   "choose a sequence length that is a multiple of tensor"};
    });
  }
}

void PlanRules::check_context() {
  const std::int64_t c = plan_.context.degree;
  if (c == 1) return;
  // Ulysses gives every rank whole sequences of some heads: there is nothing to balance.
  const bool halves = plan_.context.balanced && plan_.context.method != ContextMethod::ulysses;
  const std::int64_t pieces = halves ? 2 * c : c;
  if (training_.sequence_length % pieces != 0) {
    report("E420", "context.degree", [&] {
      return Words{fmt::format("sequence length {} does not divide into {} pieces (context {}{})",
                               training_.sequence_length, pieces, c,
                               halves ? ", two a rank for balance" : ""),
                   "choose a sequence length that is a multiple of it"};
    });
  }
  const std::int64_t heads = model_.heads / std::max<std::int64_t>(1, plan_.tensor);
  if (plan_.context.method == ContextMethod::ulysses && heads % c != 0) {
    report("E421", "context.method", [&] {
      return Words{
          fmt::format("Ulysses splits heads, and {} heads a rank do not divide by context {}",
                      heads, c),
          "use method: ring or all-gather, or a context degree that divides the heads"};
    });
  }
  const AttentionKernel kernel = plan_.software.attention;
  const bool matrices =
      kernel == AttentionKernel::unfused || kernel == AttentionKernel::fused_softmax;
  if (plan_.context.method == ContextMethod::ring && matrices) {
    report("E432", "context.method",
           "ring attention merges partial softmaxes, which only flash kernels hand out",
           "use method: all-gather or ulysses, or software with attention: flash2 or flash3");
  }
}

void PlanRules::check_experts() {
  const ExpertParallel& expert = plan_.expert;
  if (!model_.has_experts()) {
    if (expert.degree > 1 || expert.tensor > 0 || expert.capacity_factor > 0 ||
        expert.imbalance != 1.0) {
      report("E422", "expert", "this model has no experts", "remove expert");
    }
    return;
  }
  if (plan_.tensor > 1 && !plan_.sequence_parallel) {
    report("E430", "sequence_parallel",
           "tensor ranks without sequence parallelism would all send the same tokens to the "
           "experts",
           "set sequence_parallel: true (Megatron-Core demands it of models with experts)");
  }
  const std::int64_t etp = plan_.expert_tensor();
  if (model_.experts.count % expert.degree != 0) {
    report("E423", "expert.degree", [&] {
      return Words{fmt::format("{} experts do not divide by expert parallelism {}",
                               model_.experts.count, expert.degree),
                   fmt::format("it must divide {}", model_.experts.count)};
    });
  }
  if (degrees_fit_ && !experts_fit()) {
    report("E424", "expert.degree", [&] {
      return Words{
          fmt::format("expert {} x expert.tensor {} does not divide the {} ranks of a stage "
                      "(tensor x context x data)",
                      expert.degree, etp, plan_.tensor * plan_.replicas()),
          "choose an expert degree that divides them"};
    });
  }
  if (model_.expert_ffn() % etp != 0) {
    report("E425", "expert.tensor", [&] {
      return Words{fmt::format("expert width {} does not divide by expert.tensor {}",
                               model_.expert_ffn(), etp),
                   "expert.tensor: 1 keeps every expert whole"};
    });
  }
  const double widest = static_cast<double>(model_.experts.count) /
                        static_cast<double>(std::max<std::int64_t>(1, model_.experts.top_k));
  if (expert.capacity_factor > widest) {
    report("E433", "expert.capacity_factor", [&] {
      return Words{
          fmt::format("an expert cannot take more than all tokens: {:g} times the mean", widest),
          fmt::format("at most {:g} with {} experts and top_k {}", widest, model_.experts.count,
                      model_.experts.top_k)};
    });
  }
  if (expert.imbalance > static_cast<double>(expert.degree)) {
    report("E434", "expert.imbalance", [&] {
      return Words{fmt::format("one of {} ranks cannot have more than {} times the mean",
                               expert.degree, expert.degree),
                   fmt::format("at most expert.degree: {}", expert.degree)};
    });
  }
  if (expert.capacity_factor > 0 && expert.imbalance != 1.0) {
    report("E426", "expert.imbalance",
           "with a capacity factor every expert takes the same number of tokens",
           "keep capacity_factor or imbalance");
  }
}

}  // namespace lockstep
