#include "validate/measure/step_tasks.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "sim/engine/plan_traffic.hpp"

namespace lockstep {
namespace {

TaskStream stream_of(CommRole role) {
  switch (role) {
    case CommRole::context_exchange:
      return TaskStream::context;
    case CommRole::expert_exchange:
      return TaskStream::expert;
    case CommRole::parameter_gather:
    case CommRole::gradient_reduce:
    case CommRole::tied_embedding:
      return TaskStream::data;
    default:
      return TaskStream::tensor;
  }
}

// One pass of one block: what runs beside it is the unit of the block before and after.
struct Unit {
  const Pass* pass = nullptr;
  bool recompute = false;
  bool ends = false;
  std::int64_t layer = -1;  // of the layers, in the order of the forward pass; -1: an end
  bool backward = false;
  const std::vector<CollectiveCall>* fsdp = nullptr;
  bool gathers = true;  // of `fsdp`, what this pass starts with
  bool reduces = true;  // and ends with
};

class TaskList {
 public:
  TaskList(const Plan& plan, const Workload& workload) : plan_(plan), workload_(workload) {}

  std::vector<StepTask> make() {
    find_layers();
    gather_parameters();
    for (std::int64_t i = 0; i < workload_.micro_batches; ++i) {
      const bool last = i + 1 == workload_.micro_batches;
      run(units(), i == 0, last || repeats());
    }
    finish();
    return std::move(tasks_);
  }

 private:
  struct Layer {
    std::size_t kind = 0;
    bool recomputed = false;
  };

  // Layers of the chunk, kind after kind as the chunk counts them.
  void find_layers() {
    const Chunk& chunk = workload_.stages.front().chunks.front();
    for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
      for (std::int64_t i = 0; i < chunk.layers[kind]; ++i)
        layers_.push_back({kind, i < chunk.recomputed[kind]});
    }
  }

  [[nodiscard]] std::vector<Unit> units() const {
    std::vector<Unit> all;
    const auto count = static_cast<std::int64_t>(layers_.size());
    all.push_back({&workload_.embedding.forward, false, true, -1, false, &workload_.fsdp_embedding,
                   true, false});
    for (std::int64_t i = 0; i < count; ++i) {
      const LayerKind& kind = kind_of(i);
      all.push_back({&kind.block.forward, false, false, i, false, &kind.fsdp_forward, true, true});
    }
    all.push_back(
        {&workload_.head.forward, false, true, -1, false, &workload_.fsdp_head, true, false});
    all.push_back(
        {&workload_.head.backward, false, true, -1, true, &workload_.fsdp_head, false, true});
    for (std::int64_t i = count - 1; i >= 0; --i) {
      const LayerKind& kind = kind_of(i);
      const bool again = layers_[static_cast<std::size_t>(i)].recomputed;
      if (again) {
        all.push_back(
            {&kind.block.recompute, true, false, i, true, &kind.fsdp_backward, true, false});
      }
      all.push_back(
          {&kind.block.backward, false, false, i, true, &kind.fsdp_backward, !again, true});
    }
    all.push_back({&workload_.embedding.backward, false, true, -1, true, &workload_.fsdp_embedding,
                   false, true});
    return all;
  }

  [[nodiscard]] const LayerKind& kind_of(std::int64_t layer) const {
    return workload_.kinds[layers_[static_cast<std::size_t>(layer)].kind];
  }

  // ZeRO-2 reduces after every micro-batch.
  [[nodiscard]] bool repeats() const {
    return !workload_.stages.front().repeated_calls.empty();
  }

  void run(const std::vector<Unit>& units, bool first, bool synchronises) {
    std::vector<std::vector<std::size_t>> gathered(units.size());
    for (std::size_t i = 0; i < units.size(); ++i) {
      // The unit's own, unless the one before has started it; then that of the next.
      if (i == 0 || !plan_.prefetches()) gathered[i] = gather(units[i]);
      if (plan_.prefetches() && i + 1 < units.size()) gathered[i + 1] = gather(units[i + 1]);
      std::vector<std::size_t> needs = std::move(gathered[i]);
      if (first && !units[i].backward) wait_for_parameters(units[i], needs);
      pass(units[i], std::move(needs));
      reduce(units[i]);
      if (synchronises && units[i].backward && !units[i].recompute) reduce_bucket(units[i]);
    }
  }

  // Starts once the ops so far are done.
  std::vector<std::size_t> gather(const Unit& unit) {
    std::vector<std::size_t> started;
    if (!unit.gathers) return started;
    for (const CollectiveCall& call : *unit.fsdp) {
      if (call.role == CommRole::parameter_gather)
        started.push_back(add(call, StepPart::fsdp_exposed, last_op_));
    }
    return started;
  }

  void reduce(const Unit& unit) {
    if (!unit.reduces) return;
    for (const CollectiveCall& call : *unit.fsdp) {
      if (call.role == CommRole::gradient_reduce) {
        const std::size_t at = add(call, StepPart::fsdp_exposed, last_op_);
        if (!plan_.prefetches()) pending_.push_back(at);
        at_end_.push_back(at);
      }
    }
  }

  // Calls of the pass as LayerTimer places them: one starts once the first `after` ops are done,
  // op number `before` waits for it; those between the same two ops follow each other.
  void pass(const Unit& unit, std::vector<std::size_t> needs) {
    struct Open {
      std::size_t before;
      std::size_t task;
    };
    std::vector<Open> open;
    needs.insert(needs.end(), pending_.begin(), pending_.end());
    pending_.clear();
    const Pass& pass = *unit.pass;
    for (std::size_t i = 0; i <= pass.ops.size(); ++i) {
      std::optional<std::size_t> chain;
      for (const CollectiveCall& call : pass.calls) {
        if (call.after != i) continue;
        const std::size_t at = add(call, part_of(call.role), last_op_);
        if (chain) tasks_[at].waits_for.push_back(*chain);
        if (call.after == call.before) chain = at;
        open.push_back({call.before, at});
      }
      for (const Open& call : open) {
        if (call.before == i) needs.push_back(call.task);
      }
      if (i < pass.ops.size()) {
        const Op& op = pass.ops[i];
        compute(op, unit.ends ? StepPart::ends : part_of(op, unit.recompute), std::move(needs));
        tasks_.back().pass = pass_of(op, unit.backward && !unit.recompute);
        needs.clear();
      }
    }
    pending_ = std::move(needs);  // the next op, whichever it is, waits for what ends the pass
  }

  // Queries times keys lie as in a linear layer; what is times values or scores does not.
  static GemmPass pass_of(const Op& op, bool backward) {
    if (op.kind == OpKind::batched_gemm)
      return op.n == op.sequence ? GemmPass::forward : GemmPass::data_gradient;
    if (!backward) return GemmPass::forward;
    return op.weight_gradient ? GemmPass::weight_gradient : GemmPass::data_gradient;
  }

  void compute(const Op& op, StepPart part, std::vector<std::size_t> needs) {
    StepTask task;
    task.part = part;
    task.op = &op;
    task.waits_for = std::move(needs);
    tasks_.push_back(std::move(task));
    last_op_ = tasks_.size() - 1;
  }

  std::size_t add(const CollectiveCall& call, StepPart part, std::optional<std::size_t> after,
                  double share = 1.0) {
    StepTask task;
    task.stream = stream_of(call.role);
    task.part = part;
    task.call = &call;
    task.bytes = share * call.bytes.value();
    if (after) task.waits_for.push_back(*after);
    tasks_.push_back(std::move(task));
    return tasks_.size() - 1;
  }

  // -- once a step: a share of the stage's calls for each layer, all of them for a single piece

  [[nodiscard]] double pieces(const CollectiveCall& call) const {
    const double buckets = std::ceil(call.bytes.value() / plan_.gradient_bucket_bytes());
    return std::clamp(buckets, 1.0, std::max(1.0, static_cast<double>(layers_.size())));
  }

  void gather_parameters() {
    parameters_.resize(layers_.size());
    for (const CollectiveCall& call : workload_.stages.front().data_calls) {
      if (call.role != CommRole::parameter_gather) continue;
      const double count = pieces(call);
      for (double i = 0; i < count; ++i) {
        const auto layer = static_cast<std::size_t>(
            i * static_cast<double>(layers_.size()) / count);
        parameters_[layer].push_back(add(call, StepPart::data_exposed, std::nullopt, 1.0 / count));
      }
    }
  }

  void wait_for_parameters(const Unit& unit, std::vector<std::size_t>& needs) {
    if (unit.layer < 0) return;
    std::vector<std::size_t>& piece = parameters_[static_cast<std::size_t>(unit.layer)];
    needs.insert(needs.end(), piece.begin(), piece.end());
    piece.clear();
  }

  // Piece j of n is ready when j/n of the layers' backward passes are done.
  void reduce_bucket(const Unit& unit) {
    if (unit.layer < 0) return;
    const double done = static_cast<double>(layers_.size()) - static_cast<double>(unit.layer);
    for (const CollectiveCall& call : workload_.stages.front().data_calls) {
      if (call.role != CommRole::gradient_reduce) continue;
      const double count = pieces(call);
      const double all = static_cast<double>(layers_.size());
      const double now = std::floor(done * count / all) - std::floor((done - 1) * count / all);
      for (double i = 0; i < now; ++i)
        at_end_.push_back(add(call, StepPart::data_exposed, last_op_, 1.0 / count));
    }
  }

  void finish() {
    const Stage& stage = workload_.stages.front();
    for (const CollectiveCall& call : stage.data_calls) {
      if (call.role == CommRole::tied_embedding)
        at_end_.push_back(add(call, StepPart::data_exposed, last_op_));
    }
    std::vector<std::size_t> needs = std::move(pending_);
    needs.insert(needs.end(), at_end_.begin(), at_end_.end());
    for (const Op& op : stage.optimizer_ops) {
      compute(op, StepPart::optimizer, std::move(needs));
      needs.clear();
    }
  }

  const Plan& plan_;
  const Workload& workload_;
  std::vector<Layer> layers_;
  std::vector<StepTask> tasks_;
  std::optional<std::size_t> last_op_;
  std::vector<std::size_t> pending_;  // what the next op waits for
  std::vector<std::size_t> at_end_;   // what the optimizer waits for
  std::vector<std::vector<std::size_t>> parameters_;  // pieces that each layer's forward waits for
};

}  // namespace

std::vector<StepTask> step_tasks(const Plan& plan, const Workload& workload) {
  return TaskList(plan, workload).make();
}

const StepTask* last_call(const std::vector<StepTask>& tasks, const StepTask& task) {
  std::size_t last = 0;
  const StepTask* found = nullptr;
  for (const std::size_t at : task.waits_for) {
    if (tasks[at].call == nullptr || (found != nullptr && at < last)) continue;
    last = at;
    found = &tasks[at];
  }
  return found;
}

std::vector<std::int64_t> group_ranks(const Plan& plan, GroupKind kind, std::int64_t rank) {
  const GroupGrid grid = group_grid(plan, kind);
  const std::int64_t first = rank - rank / grid.stride % grid.degree * grid.stride;
  std::vector<std::int64_t> ranks;
  for (std::int64_t i = 0; i < grid.degree; ++i) ranks.push_back(first + i * grid.stride);
  return ranks;
}

}  // namespace lockstep
