#include "sim/explain/counterfactual.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "sim/compute/op_cost.hpp"
#include "sim/explain/changed_settings.hpp"
#include "sim/explain/scalars.hpp"
#include "sim/report/names.hpp"
#include "strategies/pipeline/schedule.hpp"

namespace lockstep {

namespace {

enum class Kind { better_hardware, worse_hardware, plan, unseen_plan, training };

// Collects the changes that apply; each changes a copy of the question.
class Changes {
 public:
  explicit Changes(const Question& question) : question_(question) {}

  void add(std::string name, Kind kind, const std::function<void(Question&)>& change) {
    Question changed = question_;
    change(changed);
    Counterfactual one;
    one.name = std::move(name);
    one.of_hardware = kind == Kind::better_hardware || kind == Kind::worse_hardware;
    one.may_go_unseen = kind == Kind::worse_hardware || kind == Kind::unseen_plan;
    one.answer = answer(changed);
    one.settings = changed_settings(question_, one.answer.legal ? with_data_degree(changed) : changed);
    list_.push_back(std::move(one));
  }

  void plan(std::string name, const std::function<void(Plan&)>& change) {
    add(std::move(name), Kind::plan, [&](Question& q) { change(q.plan); });
  }
  // A difference that a launcher's log does not shout about.
  void unseen_plan(std::string name, const std::function<void(Plan&)>& change) {
    add(std::move(name), Kind::unseen_plan, [&](Question& q) { change(q.plan); });
  }

  // A constant times a factor.
  void scaled(std::string name, const std::string& path, double factor) {
    const Dial one = dial(path, question_);
    add(std::move(name), factor < 1 ? Kind::worse_hardware : Kind::better_hardware,
        [&](Question& q) { one.in(q) *= factor; });
  }

  std::vector<Counterfactual> take() { return std::move(list_); }

 private:
  const Question& question_;
  std::vector<Counterfactual> list_;
};

bool has_switched_domain(const Cluster& cluster) {
  return cluster.system.intra_node == IntraNode::nvswitch ||
         cluster.system.intra_node == IntraNode::nvlink_mesh;
}

void add_hardware(const Question& question, Changes& changes) {
  const Cluster& cluster = question.cluster;
  const Dtype dtype = question.training.linear_dtype();
  changes.scaled(fmt::format("{} matrix units twice as fast", to_string(dtype)), peak_path(dtype), 2);
  changes.scaled("HBM twice as fast", "gpu.memory_bandwidth", 2);
  if (cluster.system.gpu.rated_power.value > 0) {
    changes.scaled("GPUs at 80 % of their power", "gpu.power_limit", 0.8);
  }
  const std::string inside = has_switched_domain(cluster) ? "NVLink" : "PCIe";
  if (gpu_count(cluster) > 1) {
    changes.scaled(inside + " twice as fast", "system.link_bandwidth", 2);
    changes.scaled(inside + " half as fast", "system.link_bandwidth", 0.5);
  }
  changes.add("kernels that launch in no time", Kind::better_hardware,
              [](Question& q) { q.plan.software.host_per_layer.value = 0; });
  if (domain_count(cluster) < 2) return;
  changes.scaled("NICs twice as fast", "system.nic_bandwidth", 2);
  changes.scaled("NICs half as fast", "system.nic_bandwidth", 0.5);
  if (cluster.system.nics_per_node > 1 && cluster.failed.empty()) {
    changes.add("a dead NIC", Kind::worse_hardware,
                [](Question& q) { q.cluster.failed.emplace_back("node0.nic0"); });
  }
  if (cluster.nodes > cluster.fabric.nodes_per_leaf || cluster.fabric.type == FabricType::fat_tree) {
    changes.add("leaf uplinks oversubscribed twice as much", Kind::worse_hardware,
                [](Question& q) { q.cluster.fabric.oversubscription *= 2; });
  }
  if (cluster.fabric.oversubscription > 1) {
    changes.add("a fabric without oversubscription", Kind::better_hardware,
                [](Question& q) { q.cluster.fabric.oversubscription = 1; });
  }
}

void add_degrees(const Question& question, Changes& changes) {
  const Plan& plan = question.plan;
  const auto resized = [&](const char* name, std::int64_t now, auto set) {
    changes.plan(fmt::format("{} {} instead of {}", name, 2 * now, now),
                 [&](Plan& p) { set(p, 2 * now); });
    if (now < 2 || now % 2 != 0) return;
    changes.plan(fmt::format("{} {} instead of {}", name, now / 2, now),
                 [&](Plan& p) { set(p, now / 2); });
  };
  // A plan of one stage has one schedule, and no chunks.
  const auto set_stages = [](Plan& p, std::int64_t n) {
    p.pipeline.stages = n;
    if (n == 1) p.pipeline = Pipeline{};
  };
  const auto set_tensor = [](Plan& p, std::int64_t n) {
    p.tensor = n;
    if (n == 1) p.sequence_parallel = false;
    if (n == 1) p.tensor_overlap = Override::software;
  };
  resized("tp", plan.tensor, set_tensor);
  resized("pp", plan.pipeline.stages, set_stages);
  resized("cp", plan.context.degree,
          [](Plan& p, std::int64_t n) { p.context.degree = n; });
  if (question.model.has_experts()) {
    resized("ep", plan.expert.degree,
            [](Plan& p, std::int64_t n) { p.expert.degree = n; });
  }
  resized("micro-batch", plan.micro_batch,
          [](Plan& p, std::int64_t n) { p.micro_batch = n; });
}

void add_pipeline(const Question& question, Changes& changes) {
  const Plan& plan = question.plan;
  if (plan.pipeline.stages < 2) return;
  if (plan.pipeline.interleave > 1) {
    changes.plan("without interleaving",
                 [](Plan& p) { p.pipeline.interleave = 1; });
  } else {
    changes.plan("two chunks a stage", [](Plan& p) {
      p.pipeline.interleave = 2;
      p.pipeline.schedule = "1f1b";
    });
  }
  for (const Schedule& schedule : schedules()) {
    if (schedule.name == plan.pipeline.schedule) continue;
    changes.plan(fmt::format("schedule {}", schedule.name), [&](Plan& p) {
                   p.pipeline.schedule = schedule.name;
                   if (schedule.chunks == ChunkRule::one) p.pipeline.interleave = 1;
                   if (schedule.chunks == ChunkRule::two) p.pipeline.interleave = 2;
                 });
  }
}

// What FSDP alone may say goes with it.
void set_sharding(Plan& plan, Sharding mode) {
  plan.sharding = mode;
  plan.shard_group = 0;
  if (mode == Sharding::fsdp) return;
  plan.sync.reshard_after_forward = Override::software;
  plan.sync.prefetch = -1;
}

void add_memory_trades(const Question& question, Changes& changes) {
  const Plan& plan = question.plan;
  for (const Recompute mode : {Recompute::none, Recompute::selective, Recompute::full}) {
    if (mode == plan.recompute) continue;
    const std::string name = mode == Recompute::none ? "no recompute"
                                                     : fmt::format("{} recompute", to_string(mode));
    changes.unseen_plan(name, [&](Plan& p) {
      p.recompute = mode;
      p.recompute_layers = 0;
      p.recompute_every = 1;
      p.recompute_parts.clear();
    });
  }
  if (plan.replicas() > 1) {
    for (const Sharding mode :
         {Sharding::none, Sharding::optimizer, Sharding::gradients, Sharding::fsdp}) {
      if (mode == plan.sharding) continue;
      const std::string name = mode == Sharding::none ? "nothing sharded over data ranks"
                                                      : fmt::format("sharding: {}", to_string(mode));
      changes.unseen_plan(name, [&](Plan& p) { set_sharding(p, mode); });
    }
  }
  const std::int64_t domain = domain_size(question.cluster);
  if (plan.sharding != Sharding::none && plan.shard_ranks() > domain && plan.replicas() % domain == 0) {
    changes.plan(fmt::format("shards within {} GPUs", domain),
                 [&](Plan& p) { p.shard_group = domain; });
  }
  if (plan.sharding != Sharding::none && plan.shard_group > 0 && plan.shard_group < plan.replicas()) {
    changes.plan("shards over all data ranks",
                 [](Plan& p) { p.shard_group = 0; });
  }
  if (plan.offload.optimizer > 0 || plan.offload.weights > 0 || plan.offload.activations > 0) {
    changes.plan("nothing offloaded", [](Plan& p) { p.offload = {}; });
  } else {
    changes.plan("optimizer on the host",
                 [](Plan& p) { p.offload.optimizer = 1; });
  }
}

void add_overlaps(const Question& question, Changes& changes) {
  const Plan& plan = question.plan;
  if (plan.tensor > 1) {
    const bool now = plan.sequence_parallel;
    changes.unseen_plan(now ? "without sequence parallelism" : "with sequence parallelism",
                        [&](Plan& p) { p.sequence_parallel = !now; });
    const bool overlaps = plan.tensor_overlap == Override::yes;
    changes.unseen_plan(
        overlaps ? "tensor collectives not cut for overlap" : "tensor collectives cut for overlap",
        [&](Plan& p) { p.tensor_overlap = overlaps ? Override::no : Override::yes; });
  }
  if (plan.sharding == Sharding::fsdp) {
    const bool frees = plan.reshards_after_forward();
    changes.unseen_plan(
        frees ? "weights stay gathered after forward" : "weights freed after forward",
        [&](Plan& p) { p.sync.reshard_after_forward = frees ? Override::no : Override::yes; });
    if (plan.prefetches()) {
      changes.unseen_plan("without prefetch", [](Plan& p) { p.sync.prefetch = 0; });
    } else {
      changes.unseen_plan("with prefetch", [](Plan& p) { p.sync.prefetch = 1; });
    }
  }
}

void add_training(const Question& question, Changes& changes) {
  const Training& training = question.training;
  changes.add("twice the global batch", Kind::training,
              [](Question& q) { q.training.global_batch *= 2; });
  if (training.global_batch % 2 == 0) {
    changes.add("half the global batch", Kind::training,
                [](Question& q) { q.training.global_batch /= 2; });
  }
  const bool sixteen = training.precision == Precision::bf16 || training.precision == Precision::fp16;
  if (sixteen && peak_rate(question.cluster.system.gpu, Dtype::fp8).value() > 0) {
    changes.add("linears in fp8", Kind::training,
                [](Question& q) { q.training.precision = Precision::fp8; });
  }
  if (!sixteen && peak_rate(question.cluster.system.gpu, Dtype::bf16).value() > 0) {
    changes.add("linears in bf16", Kind::training,
                [](Question& q) { q.training.precision = Precision::bf16; });
  }
  const Cluster& cluster = question.cluster;
  if (cluster.gpus == cluster.nodes * cluster.system.gpus_per_node && cluster.failed.empty()) {
    changes.add("twice the nodes, the same batch", Kind::better_hardware, [](Question& q) {
                  q.cluster.nodes *= 2;
                  q.cluster.gpus *= 2;
                });
  }
}

int rank_of(const Counterfactual& one) {
  if (!one.answer.legal) return 2;
  return one.answer.feasible ? 0 : 1;
}

}  // namespace

std::vector<Counterfactual> counterfactuals(const Question& question, const PlanReport& report) {
  Changes changes(question);
  add_hardware(question, changes);
  add_degrees(question, changes);
  add_pipeline(question, changes);
  add_memory_trades(question, changes);
  add_overlaps(question, changes);
  add_training(question, changes);
  std::vector<Counterfactual> list = changes.take();
  for (Counterfactual& one : list) {
    if (!one.answer.legal) continue;
    one.gain = one.answer.tokens_per_s_per_gpu / report.tokens_per_s_per_gpu.value - 1;
  }
  std::stable_sort(list.begin(), list.end(), [](const Counterfactual& a, const Counterfactual& b) {
    if (rank_of(a) != rank_of(b)) return rank_of(a) < rank_of(b);
    return a.gain > b.gain;
  });
  return list;
}

}  // namespace lockstep
