#include "sim/explain/counterfactual.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "scenarios/constant_table.hpp"
#include "sim/compute/op_cost.hpp"
#include "sim/explain/scalars.hpp"
#include "sim/report/names.hpp"
#include "strategies/pipeline/schedule.hpp"

namespace lockstep {

namespace {

enum class Kind { better_hardware, worse_hardware, plan, training };

// Collects the changes that apply; each changes a copy of the question.
class Changes {
 public:
  explicit Changes(const Question& question) : question_(question) {}

  void add(std::string name, std::string setting, Kind kind,
           const std::function<void(Question&)>& change) {
    Question changed = question_;
    change(changed);
    Counterfactual one;
    one.name = std::move(name);
    one.setting = std::move(setting);
    one.of_hardware = kind == Kind::better_hardware || kind == Kind::worse_hardware;
    one.may_go_unseen = kind == Kind::worse_hardware || kind == Kind::plan;
    one.answer = answer(std::move(changed));
    list_.push_back(std::move(one));
  }

  void plan(std::string name, const std::string& key, const std::string& value,
            const std::function<void(Plan&)>& change) {
    add(std::move(name), fmt::format("plans.{}.{} = {}", question_.plan.name, key, value), Kind::plan,
        [&](Question& q) { change(q.plan); });
  }

  // A constant times a factor.
  template <class Q>
  void scaled(std::string name, const char* path, Constant<Q>& (*constant)(Question&),
              double factor, Dimension dimension) {
    Question copy = question_;
    const double value = constant(copy).value * factor;
    if (value <= 0) return;
    add(std::move(name), fmt::format("{} = {}", path, constant_text(value, dimension)),
        factor < 1 ? Kind::worse_hardware : Kind::better_hardware,
        [&](Question& q) { constant(q).value = value; });
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
  const bool many_domains = domain_count(cluster) > 1;
  const Dial peak = dial(peak_path(question.training.linear_dtype()), question);
  Question copy = question;
  const double twice = 2 * peak.in(copy);
  changes.add("matrix units twice as fast",
              fmt::format("{} = {}", peak.setting, constant_text(twice, peak.dimension)),
              Kind::better_hardware, [&](Question& q) { peak.in(q) = twice; });
  const auto hbm = [](Question& q) -> Constant<BytesPerSecond>& {
    return q.cluster.system.gpu.memory_bandwidth;
  };
  changes.scaled<BytesPerSecond>("HBM twice as fast", "cluster.system.gpu.memory_bandwidth", hbm, 2,
                                 Dimension::bytes_per_second);
  const auto link = [](Question& q) -> Constant<BytesPerSecond>& {
    return q.cluster.system.link_bandwidth;
  };
  const std::string inside = has_switched_domain(cluster) ? "NVLink" : "PCIe";
  if (gpu_count(cluster) > 1) {
    changes.scaled<BytesPerSecond>(inside + " twice as fast", "cluster.system.link_bandwidth", link,
                                   2, Dimension::bytes_per_second);
    changes.scaled<BytesPerSecond>(inside + " half as fast", "cluster.system.link_bandwidth", link,
                                   0.5, Dimension::bytes_per_second);
  }
  const std::string profile = "software." + question.plan.software.name;
  changes.add("kernels that launch in no time", profile + ".host_per_layer = 0 s",
              Kind::better_hardware,
              [](Question& q) { q.plan.software.host_per_layer.value = 0; });
  if (!many_domains) return;
  const auto nic = [](Question& q) -> Constant<BytesPerSecond>& {
    return q.cluster.system.nic_bandwidth;
  };
  changes.scaled<BytesPerSecond>("NICs twice as fast", "cluster.system.nic_bandwidth", nic, 2,
                                 Dimension::bytes_per_second);
  changes.scaled<BytesPerSecond>("NICs half as fast", "cluster.system.nic_bandwidth", nic, 0.5,
                                 Dimension::bytes_per_second);
  if (cluster.system.nics_per_node > 1 && cluster.failed.empty()) {
    changes.add("a dead NIC", "cluster.failed = [node0.nic0]", Kind::worse_hardware,
                [](Question& q) { q.cluster.failed.emplace_back("node0.nic0"); });
  }
  if (cluster.nodes > cluster.fabric.nodes_per_leaf || cluster.fabric.type == FabricType::fat_tree) {
    changes.add("leaf uplinks oversubscribed twice as much",
                fmt::format("cluster.fabric.oversubscription = {:g}", 2 * cluster.fabric.oversubscription),
                Kind::worse_hardware, [](Question& q) { q.cluster.fabric.oversubscription *= 2; });
  }
  if (cluster.fabric.oversubscription > 1) {
    changes.add("a fabric without oversubscription", "cluster.fabric.oversubscription = 1",
                Kind::better_hardware,
                [](Question& q) { q.cluster.fabric.oversubscription = 1; });
  }
}

void add_degrees(const Question& question, Changes& changes) {
  const Plan& plan = question.plan;
  const auto resized = [&](const char* name, const char* key, std::int64_t now, auto set) {
    changes.plan(fmt::format("{} {} instead of {}", name, 2 * now, now), key,
                 std::to_string(2 * now), [&](Plan& p) { set(p, 2 * now); });
    if (now < 2 || now % 2 != 0) return;
    changes.plan(fmt::format("{} {} instead of {}", name, now / 2, now), key,
                 std::to_string(now / 2), [&](Plan& p) { set(p, now / 2); });
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
  resized("tp", "tensor", plan.tensor, set_tensor);
  resized("pp", "pipeline.stages", plan.pipeline.stages, set_stages);
  resized("cp", "context.degree", plan.context.degree,
          [](Plan& p, std::int64_t n) { p.context.degree = n; });
  if (question.model.has_experts()) {
    resized("ep", "expert.degree", plan.expert.degree,
            [](Plan& p, std::int64_t n) { p.expert.degree = n; });
  }
  resized("micro-batch", "micro_batch", plan.micro_batch,
          [](Plan& p, std::int64_t n) { p.micro_batch = n; });
}

void add_pipeline(const Question& question, Changes& changes) {
  const Plan& plan = question.plan;
  if (plan.pipeline.stages < 2) return;
  if (plan.pipeline.interleave > 1) {
    changes.plan("without interleaving", "pipeline.interleave", "1",
                 [](Plan& p) { p.pipeline.interleave = 1; });
  } else {
    changes.plan("two chunks a stage", "pipeline.interleave", "2", [](Plan& p) {
      p.pipeline.interleave = 2;
      p.pipeline.schedule = "1f1b";
    });
  }
  for (const Schedule& schedule : schedules()) {
    if (schedule.name == plan.pipeline.schedule) continue;
    changes.plan(fmt::format("schedule {}", schedule.name), "pipeline.schedule", schedule.name,
                 [&](Plan& p) {
                   p.pipeline.schedule = schedule.name;
                   if (schedule.chunks == ChunkRule::one) p.pipeline.interleave = 1;
                   if (schedule.chunks == ChunkRule::two) p.pipeline.interleave = 2;
                 });
  }
}

void add_memory_trades(const Question& question, Changes& changes) {
  const Plan& plan = question.plan;
  for (const Recompute mode : {Recompute::none, Recompute::selective, Recompute::full}) {
    if (mode == plan.recompute) continue;
    const std::string name = mode == Recompute::none ? "no recompute"
                                                     : fmt::format("{} recompute", to_string(mode));
    changes.plan(name, "recompute", to_string(mode), [&](Plan& p) {
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
      changes.plan(name, "sharding", to_string(mode), [&](Plan& p) {
        p.sharding = mode;
        p.shard_group = 0;
        p.sync = {};
      });
    }
  }
  const std::int64_t domain = domain_size(question.cluster);
  if (plan.sharding != Sharding::none && plan.shard_ranks() > domain && plan.replicas() % domain == 0) {
    changes.plan(fmt::format("shards within {} GPUs", domain), "shard_group", std::to_string(domain),
                 [&](Plan& p) { p.shard_group = domain; });
  }
  if (plan.sharding != Sharding::none && plan.shard_group > 0 && plan.shard_group < plan.replicas()) {
    changes.plan("shards over all data ranks", "shard_group", "0",
                 [](Plan& p) { p.shard_group = 0; });
  }
  if (plan.offload.optimizer > 0 || plan.offload.weights > 0 || plan.offload.activations > 0) {
    changes.plan("nothing offloaded", "offload", "{}", [](Plan& p) { p.offload = {}; });
  } else {
    changes.plan("optimizer on the host", "offload.optimizer", "1",
                 [](Plan& p) { p.offload.optimizer = 1; });
  }
}

void add_overlaps(const Question& question, Changes& changes) {
  const Plan& plan = question.plan;
  if (plan.tensor > 1) {
    const bool now = plan.sequence_parallel;
    changes.plan(now ? "without sequence parallelism" : "with sequence parallelism",
                 "sequence_parallel", now ? "false" : "true",
                 [&](Plan& p) { p.sequence_parallel = !now; });
    const bool overlaps = plan.tensor_overlap == Override::yes;
    changes.plan(overlaps ? "tensor collectives not cut for overlap" : "tensor collectives cut for overlap",
                 "tensor_overlap", overlaps ? "never" : "always", [&](Plan& p) {
                   p.tensor_overlap = overlaps ? Override::no : Override::yes;
                 });
  }
  if (plan.sharding == Sharding::fsdp) {
    const bool frees = plan.reshards_after_forward();
    changes.plan(frees ? "weights stay gathered after forward" : "weights freed after forward",
                 "sync.reshard_after_forward", frees ? "never" : "always", [&](Plan& p) {
                   p.sync.reshard_after_forward = frees ? Override::no : Override::yes;
                 });
    if (plan.prefetches()) {
      changes.plan("without prefetch", "sync.prefetch", "0", [](Plan& p) { p.sync.prefetch = 0; });
    } else {
      changes.plan("with prefetch", "sync.prefetch", "1", [](Plan& p) { p.sync.prefetch = 1; });
    }
  }
}

void add_training(const Question& question, Changes& changes) {
  const Training& training = question.training;
  changes.add("twice the global batch",
              fmt::format("training.global_batch = {}", 2 * training.global_batch), Kind::training,
              [](Question& q) { q.training.global_batch *= 2; });
  if (training.global_batch % 2 == 0) {
    changes.add("half the global batch",
                fmt::format("training.global_batch = {}", training.global_batch / 2), Kind::training,
                [](Question& q) { q.training.global_batch /= 2; });
  }
  const bool sixteen = training.precision == Precision::bf16 || training.precision == Precision::fp16;
  if (sixteen && peak_rate(question.cluster.system.gpu, Dtype::fp8).value() > 0) {
    changes.add("linears in fp8", "training.precision = fp8", Kind::training,
                [](Question& q) { q.training.precision = Precision::fp8; });
  }
  if (!sixteen && peak_rate(question.cluster.system.gpu, Dtype::bf16).value() > 0) {
    changes.add("linears in bf16", "training.precision = bf16", Kind::training,
                [](Question& q) { q.training.precision = Precision::bf16; });
  }
  const Cluster& cluster = question.cluster;
  if (cluster.gpus == cluster.nodes * cluster.system.gpus_per_node && cluster.failed.empty()) {
    changes.add("twice the nodes, the same batch", fmt::format("cluster.nodes = {}", 2 * cluster.nodes),
                Kind::better_hardware, [](Question& q) {
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
