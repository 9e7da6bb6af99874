#include "strategies/plan.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "strategies/pipeline/partition.hpp"
#include "strategies/pipeline/schedule.hpp"
#include "strategies/rank_order.hpp"

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
    check_pipeline();
    check_batch();
    check_sharding();
    check_recompute();
    return std::move(found_);
  }

 private:
  void report(const char* code, const char* field, std::string message, std::string hint) {
    found_.push_back({code, field, std::move(message), std::move(hint)});
  }

  void check_degrees() {
    // Three-way products of in-range counts stay far below 2^63 only after this test.
    if (plan_.tensor > gpus_ || plan_.pipeline.stages > gpus_ || plan_.data > gpus_ ||
        plan_.tensor * plan_.pipeline.stages * plan_.data != gpus_) {
      const double product = static_cast<double>(plan_.tensor) *
                             static_cast<double>(plan_.pipeline.stages) *
                             static_cast<double>(plan_.data);
      const std::int64_t inner = plan_.tensor <= gpus_ && plan_.pipeline.stages <= gpus_
                                     ? plan_.tensor * plan_.pipeline.stages
                                     : 0;
      std::string hint = "choose tensor and pipeline stages whose product divides the GPUs";
      if (inner > 0 && gpus_ % inner == 0) {
        hint = fmt::format("data: {} would fill the cluster (or leave data out: it is derived)",
                           gpus_ / inner);
      }
      report("E401", "data",
             fmt::format("data {} x tensor {} x pipeline stages {} = {:.0f} ranks, but the cluster "
                         "has {} GPUs",
                         plan_.data, plan_.tensor, plan_.pipeline.stages, product, gpus_),
             std::move(hint));
    }
  }

  void check_placement() {
    if (rank_strides(plan_.placement, 1, 1, 1)) return;
    report("E418", "placement",
           fmt::format("'{}' is not an order of tp, dp and pp", plan_.placement),
           "each once, with hyphens, the first on neighbouring GPUs: tp-dp-pp (as Megatron places "
           "them), tp-pp-dp, ...");
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
    if (plan_.sequence_parallel && training_.sequence_length % t != 0) {
      report("E412", "sequence_parallel",
             fmt::format("sequence length {} does not divide by tensor {}",
                         training_.sequence_length, t),
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
    if (plan_.data > 0 && (plan_.shard_group > plan_.data || plan_.data % plan_.shard_group != 0)) {
      report("E409", "shard_group",
             fmt::format("shard_group {} does not divide data {}", plan_.shard_group, plan_.data),
             fmt::format("shard_group must divide {}", plan_.data));
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
  }

  const Model& model_;
  const Training& training_;
  const Plan& plan_;
  std::int64_t gpus_;
  std::vector<Violation> found_;
};

}  // namespace

std::vector<Violation> violations(const Model& model, const Training& training, const Plan& plan,
                                  std::int64_t gpus) {
  return Rules(model, training, plan, gpus).check();
}

std::int64_t resolve_data_degree(const Plan& plan, std::int64_t gpus) {
  if (plan.data > 0) return plan.data;
  if (plan.tensor > gpus || plan.pipeline.stages > gpus) return 1;
  return std::max<std::int64_t>(1, gpus / (plan.tensor * plan.pipeline.stages));
}

}  // namespace lockstep
