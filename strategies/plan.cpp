#include "strategies/plan.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "strategies/pipeline/partition.hpp"
#include "strategies/pipeline/schedule.hpp"
#include "strategies/rank_order.hpp"
#include "strategies/recompute.hpp"

namespace lockstep {

namespace {

class Rules {
 public:
  Rules(const Model& model, const Training& training, const Plan& plan, std::int64_t gpus)
      : model_(model), training_(training), plan_(plan), gpus_(gpus) {}

  std::vector<Violation> check() {
    check_degrees();
    check_placement();
    check_tensor();
    check_context();
    check_experts();
    check_pipeline();
    check_batch();
    check_sharding();
    check_recompute();
    check_offload();
    check_idle_keys();
    return std::move(found_);
  }

 private:
  void report(const char* code, const char* field, std::string message, std::string hint) {
    found_.push_back({code, field, std::move(message), std::move(hint)});
  }

  void check_degrees() {
    const double inner = static_cast<double>(plan_.tensor) *
                         static_cast<double>(plan_.context.degree) *
                         static_cast<double>(plan_.pipeline.stages);
    const double product = inner * static_cast<double>(plan_.data);
    const auto gpus = static_cast<double>(gpus_);
    degrees_fit_ = product == gpus;
    if (!degrees_fit_) {
      const bool context = plan_.context.degree > 1;
      std::string hint =
          fmt::format("choose tensor{} and pipeline stages whose product divides the GPUs",
                      context ? ", context" : "");
      if (inner <= gpus && gpus_ % static_cast<std::int64_t>(inner) == 0) {
        hint = fmt::format("data: {} would fill the cluster (or leave data out: it is derived)",
                           gpus_ / static_cast<std::int64_t>(inner));
      }
      report(
          "E401", "data",
          fmt::format("data {} x tensor {}{} x pipeline stages {} = {:.0f} ranks, but the cluster "
                      "has {} GPUs",
                      plan_.data, plan_.tensor,
                      context ? fmt::format(" x context {}", plan_.context.degree) : "",
                      plan_.pipeline.stages, product, gpus_),
          std::move(hint));
    }
  }

  void check_placement() {
    if (!rank_order(plan_.placement)) {
      report(
          "E418", "placement",
          fmt::format("'{}' is not an order of tp, dp and pp (and cp)", plan_.placement),
          "each once, with hyphens, the first on neighbouring GPUs: tp-dp-pp (as Megatron places "
          "them), tp-cp-dp-pp, tp-pp-dp, ...");
      return;
    }
    if (!degrees_fit_ || !experts_fit()) return;
    const std::string_view uneven = uneven_groups(plan_);
    if (uneven.empty()) return;
    report("E419", "placement", std::string(uneven), "placement: tp-cp-dp-pp has no such gap");
  }

  // Whether the ranks of a stage divide into groups of experts. Only where the degrees fit the
  // GPUs, whose products are then in range.
  bool experts_fit() const {
    const std::int64_t ranks = plan_.tensor * plan_.replicas();
    const double wanted =
        static_cast<double>(plan_.expert.degree) * static_cast<double>(plan_.expert_tensor());
    return wanted <= static_cast<double>(ranks) &&
           ranks % (plan_.expert.degree * plan_.expert_tensor()) == 0;
  }

  void check_context() {
    const std::int64_t c = plan_.context.degree;
    if (c == 1) return;
    // Ulysses gives every rank whole sequences of some heads: there is nothing to balance.
    const bool halves = plan_.context.balanced && plan_.context.method != ContextMethod::ulysses;
    const std::int64_t pieces = halves ? 2 * c : c;
    if (training_.sequence_length % pieces != 0) {
      report("E420", "context.degree",
             fmt::format("sequence length {} does not divide into {} pieces (context {}{})",
                         training_.sequence_length, pieces, c,
                         halves ? ", two a rank for balance" : ""),
             "choose a sequence length that is a multiple of it");
    }
    const std::int64_t heads = model_.heads / std::max<std::int64_t>(1, plan_.tensor);
    if (plan_.context.method == ContextMethod::ulysses && heads % c != 0) {
      report("E421", "context.method",
             fmt::format("Ulysses splits heads, and {} heads a rank do not divide by context {}",
                         heads, c),
             "use method: ring or all-gather, or a context degree that divides the heads");
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

  void check_experts() {
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
      report("E423", "expert.degree",
             fmt::format("{} experts do not divide by expert parallelism {}", model_.experts.count,
                         expert.degree),
             fmt::format("it must divide {}", model_.experts.count));
    }
    if (degrees_fit_ && !experts_fit()) {
      report("E424", "expert.degree",
             fmt::format("expert {} x expert.tensor {} does not divide the {} ranks of a stage "
                         "(tensor x context x data)",
                         expert.degree, etp, plan_.tensor * plan_.replicas()),
             "choose an expert degree that divides them");
    }
    if (model_.expert_ffn() % etp != 0) {
      report("E425", "expert.tensor",
             fmt::format("expert width {} does not divide by expert.tensor {}", model_.expert_ffn(),
                         etp),
             "expert.tensor: 1 keeps every expert whole");
    }
    const double widest = static_cast<double>(model_.experts.count) /
                          static_cast<double>(std::max<std::int64_t>(1, model_.experts.top_k));
    if (expert.capacity_factor > widest) {
      report("E433", "expert.capacity_factor",
             fmt::format("an expert cannot take more than all tokens: {:g} times the mean", widest),
             fmt::format("at most {:g} with {} experts and top_k {}", widest, model_.experts.count,
                         model_.experts.top_k));
    }
    if (expert.imbalance > static_cast<double>(expert.degree)) {
      report("E434", "expert.imbalance",
             fmt::format("one of {} ranks cannot have more than {} times the mean", expert.degree,
                         expert.degree),
             fmt::format("at most expert.degree: {}", expert.degree));
    }
    if (expert.capacity_factor > 0 && expert.imbalance != 1.0) {
      report("E426", "expert.imbalance",
             "with a capacity factor every expert takes the same number of tokens",
             "keep capacity_factor or imbalance");
    }
  }

  void check_tensor() {
    const std::int64_t t = plan_.tensor;
    if (model_.heads % t != 0) {
      report("E402", "tensor",
             fmt::format("{} attention heads do not divide by tensor {}", model_.heads, t),
             fmt::format("tensor must divide {}", model_.heads));
    } else if (model_.kv() % t != 0 && t % model_.kv() != 0) {
      report("E403", "tensor",
             fmt::format("{} key/value heads do not divide by tensor {}", model_.kv(), t),
             "tensor must divide the key/value heads, or be a multiple of them (heads are then "
             "replicated)");
    }
    if (model_.ffn() % t != 0) {
      report("E404", "tensor",
             fmt::format("ffn width {} does not divide by tensor {}", model_.ffn(), t),
             fmt::format("tensor must divide {}", model_.ffn()));
    }
    if (plan_.sequence_parallel && t == 1) {
      report("E408", "sequence_parallel",
             "sequence parallelism needs tensor parallelism, and tensor is 1",
             "set tensor above 1 or sequence_parallel: false");
    }
    const std::int64_t local = training_.sequence_length / plan_.context.degree;
    if (plan_.sequence_parallel && local % t != 0) {
      report("E412", "sequence_parallel",
             fmt::format("sequence length {} does not divide by tensor {}", local, t),
             "choose a sequence length that is a multiple of tensor");
    }
  }

  void check_pipeline() {
    const Pipeline& pipeline = plan_.pipeline;
    const Schedule* schedule = find_schedule(pipeline.schedule);
    if (schedule == nullptr) {
      std::string names;
      for (const Schedule& known : schedules())
        names += (names.empty() ? "" : ", ") + std::string(known.name);
      report("E407", "pipeline.schedule", fmt::format("unknown schedule '{}'", pipeline.schedule),
             "one of: " + names);
    } else if (!accepts_interleave(*schedule, pipeline.interleave)) {
      report("E414", "pipeline.interleave",
             fmt::format("schedule {} has {} per stage", pipeline.schedule,
                         schedule->chunks == ChunkRule::two ? "two chunks" : "one chunk"),
             interleave_hint(*schedule));
    }
    if (pipeline.interleave > 1 && pipeline.stages == 1) {
      report("E413", "pipeline.interleave", "interleave needs more than one pipeline stage",
             schedule != nullptr && schedule->chunks == ChunkRule::two
                 ? "set stages above 1, or interleave: 1 and schedule: 1f1b"
                 : "set interleave: 1 or stages above 1");
    }
    const std::string problem = partition_problem(model_, plan_.software.stage_partition,
                                                  pipeline.stages, pipeline.interleave);
    if (!problem.empty()) {
      report("E405", "pipeline.stages", problem, layer_hint());
    }
  }

  std::string interleave_hint(const Schedule& schedule) const {
    if (schedule.chunks == ChunkRule::one) return "set interleave: 1 or schedule: 1f1b";
    if (plan_.pipeline.stages == 1)
      return "set stages above 1 and interleave: 2, or schedule: 1f1b";
    return "set interleave: 2 or schedule: 1f1b";
  }

  std::string layer_hint() const {
    std::string fitting;
    for (std::int64_t p = 1; p <= std::min<std::int64_t>(model_.layers, 128); ++p) {
      if (model_.layers % (p * plan_.pipeline.interleave) == 0) {
        fitting += fmt::format("{}{}", fitting.empty() ? "" : ", ", p);
      }
    }
    if (fitting.empty()) return "lower interleave";
    return fmt::format("with interleave {} these stage counts divide {} layers: {}",
                       plan_.pipeline.interleave, model_.layers, fitting);
  }

  void check_batch() {
    if (plan_.data > training_.global_batch || plan_.micro_batch > training_.global_batch ||
        training_.global_batch % (plan_.data * plan_.micro_batch) != 0) {
      report("E406", "micro_batch",
             fmt::format("global batch {} does not divide by data {} x micro_batch {}",
                         training_.global_batch, plan_.data, plan_.micro_batch),
             "data x micro_batch must divide training.global_batch");
      return;
    }
    const std::int64_t micro_batches = training_.global_batch / (plan_.data * plan_.micro_batch);
    const Schedule* schedule = find_schedule(plan_.pipeline.schedule);
    const bool in_groups = schedule == nullptr || schedule->chunks == ChunkRule::any;
    if (in_groups && plan_.pipeline.interleave > 1 && micro_batches % plan_.pipeline.stages != 0) {
      report("E415", "pipeline.interleave",
             fmt::format("the interleaved schedule needs micro-batches per replica ({}) divisible "
                         "by stages ({})",
                         micro_batches, plan_.pipeline.stages),
             "change global_batch, micro_batch or interleave");
    }
  }

  void check_sharding() {
    if (plan_.shard_group == 0) return;
    if (plan_.sharding == Sharding::none) {
      report("E410", "shard_group", "shard_group has no meaning with sharding: none",
             "choose sharding: fsdp (or optimizer, gradients), or remove shard_group");
    }
    if (plan_.data > gpus_ || plan_.context.degree > gpus_) return;  // E401 says so; no overflow
    const std::int64_t replicas = plan_.replicas();
    if (plan_.data > 0 && replicas % plan_.shard_group != 0) {
      report("E409", "shard_group",
             fmt::format("shard_group {} does not divide data {}", plan_.shard_group, replicas),
             fmt::format("shard_group must divide {}", replicas));
    }
  }

  void check_recompute() {
    const bool limited = plan_.recompute_layers > 0 || plan_.recompute_every > 1;
    if (limited && plan_.recompute == Recompute::none) {
      report("E416", plan_.recompute_layers > 0 ? "recompute_layers" : "recompute_every",
             "which layers recompute is set, but recompute is none",
             "set recompute: full or selective");
    }
    if (plan_.recompute_layers > 0 && plan_.recompute_every > 1) {
      report("E417", "recompute_every", "recompute_layers and recompute_every exclude each other",
             "keep one of them");
    }
    check_recompute_parts();
  }

  void check_recompute_parts() {
    if (plan_.recompute_parts.empty()) return;
    if (plan_.recompute != Recompute::selective) {
      report("E429", "recompute_parts",
             fmt::format("parts to recompute are named, but recompute is {}",
                         plan_.recompute == Recompute::full ? "full" : "none"),
             "set recompute: selective, or remove recompute_parts");
    }
    std::string unknown;
    if (const auto parts = parse_recompute_parts(plan_.recompute_parts, &unknown)) {
      if (!model_has_one_of(model_, *parts)) {
        report("E435", "recompute_parts",
               fmt::format("no layer of this model has '{}'", plan_.recompute_parts),
               model_.has_experts() ? "with experts: moe, router, shared-experts, attention, ..."
                                    : "of a dense model: mlp, activation, norms, attention, ...");
      }
      return;
    }
    std::string names;
    for (const RecomputePart& part : recompute_parts()) {
      names += (names.empty() ? "" : ", ") + std::string(part.name);
    }
    report("E428", "recompute_parts",
           fmt::format("'{}' is no part of a layer that can be recomputed", unknown),
           "one or more of: " + names);
  }

  // Keys that mean nothing beside the others of this plan.
  void check_idle_keys() {
    if (plan_.tensor == 1 && plan_.tensor_overlap != Override::software) {
      report("E436", "tensor_overlap",
             "there are no tensor-parallel collectives to overlap, and tensor is 1",
             "set tensor above 1, or remove tensor_overlap");
    }
    const bool units = plan_.sharding == Sharding::fsdp;
    if (!units &&
        (plan_.sync.prefetch >= 0 || plan_.sync.reshard_after_forward != Override::software)) {
      report("E437", "sync",
             "prefetch and reshard_after_forward are FSDP's, and sharding is not fsdp",
             "set sharding: fsdp, or remove them");
    }
  }

  void check_offload() {
    const Offload& offload = plan_.offload;
    if (offload.weights > 0 && plan_.sharding != Sharding::fsdp) {
      report("E427", "offload.weights",
             "only FSDP brings weights back layer by layer, and sharding is not fsdp",
             "set sharding: fsdp, or offload the optimizer or activations");
    }
  }

  const Model& model_;
  const Training& training_;
  const Plan& plan_;
  std::int64_t gpus_;
  std::vector<Violation> found_;
  bool degrees_fit_ = false;  // check_degrees: they multiply to the GPUs
};

}  // namespace

std::vector<Violation> violations(const Model& model, const Training& training, const Plan& plan,
                                  std::int64_t gpus) {
  return Rules(model, training, plan, gpus).check();
}

bool ends_apart(const Pipeline& pipeline) {
  const Schedule* schedule = find_schedule(pipeline.schedule);
  const std::int64_t last = pipeline.stages * pipeline.interleave - 1;
  return chunk_place(schedule->layout, pipeline.stages, last).stage != 0;
}

std::int64_t resolve_data_degree(const Plan& plan, std::int64_t gpus) {
  if (plan.data > 0) return plan.data;
  const double inner = static_cast<double>(plan.tensor) * static_cast<double>(plan.context.degree) *
                       static_cast<double>(plan.pipeline.stages);
  if (inner > static_cast<double>(gpus)) return 1;
  return std::max<std::int64_t>(1, gpus / static_cast<std::int64_t>(inner));
}

}  // namespace lockstep
