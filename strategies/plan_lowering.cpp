// Blocks are kept by all that they depend on, stage layouts by all that those depend on, and what a
// pipeline holds at worst by schedule, stages, chunks and micro-batches. A call then counts the
// parameters of the kinds of stages, and adds up what they hold at each moment.
#include "strategies/plan_lowering.hpp"

#include <algorithm>

#include "strategies/known_layouts.hpp"
#include "strategies/lower_parts.hpp"
#include "strategies/memory/lists.hpp"
#include "strategies/parallel/offload.hpp"

namespace lockstep {

namespace {

// Blocks of the last plans; more than this are dropped, the ones longest unused first.
constexpr std::size_t most_block_bytes = 2u << 20;

// All of a plan that its blocks depend on, beside its software and recompute_parts. Where no tied
// table or prediction module asks for the ends of the model, and no gradient for FSDP, plans share
// blocks.
struct BlockKey {
  BlockKey(const Model& model, const Training& training, const Plan& plan)
      : tensor(plan.tensor),
        micro_batch(plan.micro_batch),
        expert_tensor(plan.expert_tensor()),
        recompute(plan.recompute),
        tensor_overlap(plan.tensor_overlap),
        sequence_parallel(plan.sequence_parallel),
        ends_apart((model.tied_embeddings || model.predicted_tokens > 0) &&
                   lockstep::ends_apart(plan.pipeline)),
        gradient_bytes(state_bytes(plan, training).gradient),
        context(plan.context),
        expert(plan.expert) {}

  friend bool operator==(const BlockKey& a, const BlockKey& b) {
    return a.tensor == b.tensor && a.micro_batch == b.micro_batch &&
           a.expert_tensor == b.expert_tensor && a.recompute == b.recompute &&
           a.tensor_overlap == b.tensor_overlap && a.sequence_parallel == b.sequence_parallel &&
           a.ends_apart == b.ends_apart && a.gradient_bytes == b.gradient_bytes &&
           a.context.degree == b.context.degree && a.context.method == b.context.method &&
           a.context.balanced == b.context.balanced && a.expert.degree == b.expert.degree &&
           a.expert.capacity_factor == b.expert.capacity_factor &&
           a.expert.imbalance == b.expert.imbalance;
  }

  std::int64_t tensor;
  std::int64_t micro_batch;
  std::int64_t expert_tensor;
  Recompute recompute;
  Override tensor_overlap;
  bool sequence_parallel;
  bool ends_apart;
  double gradient_bytes;
  Context context;
  ExpertParallel expert;
};

std::size_t bytes_of(const Pass& pass) {
  return pass.ops.capacity() * sizeof(Op) + pass.calls.capacity() * sizeof(CollectiveCall);
}

std::size_t bytes_of(const Block& block) {
  return bytes_of(block.forward) + bytes_of(block.backward) + bytes_of(block.recompute) +
         block.saved.capacity() * sizeof(SavedTensor);
}

// A workload whose blocks are there and whose stages come and go.
struct KeptBlocks {
  KeptBlocks(const Model& model, const Training& training, const Plan& plan, std::uint64_t number)
      : key(model, training, plan),
        recompute_parts(plan.recompute_parts),
        shape(model, training, plan) {
    BlockContext context{model, training, plan, shape, {}};
    lower_blocks(context, distinct.workload);
    distinct.blocks = number;
    sizes = BlockSizes(context, distinct.workload);
    bytes = sizeof(KeptBlocks) + bytes_of(distinct.workload.embedding) +
            bytes_of(distinct.workload.head);
    for (const LayerKind& kind : distinct.workload.kinds) {
      bytes += sizeof(LayerKind) + sizeof(LayerSizes) + bytes_of(kind.block);
    }
  }

  [[nodiscard]] bool serve(const BlockKey& wanted, const Plan& plan) const {
    return key == wanted && recompute_parts == plan.recompute_parts;
  }

  BlockKey key;
  std::string recompute_parts;
  RankShape shape;
  DistinctWorkload distinct;
  BlockSizes sizes;
  std::size_t bytes = 0;
  std::uint64_t last_used = 0;
};

// At the moment when a stage has most; `held` are the bytes of all micro-batches in flight.
Bytes most_alive(const memory::AliveBytes& alive, bool has_loss, double held) {
  double most = 0;
  for (std::size_t i = 0; i < memory::moment_count; ++i) {
    const auto moment = static_cast<Moment>(i);
    if (moment == Moment::loss && !has_loss) continue;
    most = std::max(most, alive.always[i] + (Lifetime::saved().has(moment) ? held : 0.0));
  }
  return Bytes{most};
}

}  // namespace

struct PlanLowering::Parts {
  Parts(const Model& a_model, const Training& a_training)
      : model(a_model), training(a_training), totals(a_model, a_training), layouts(a_model) {}

  const Model& model;
  const Training& training;
  const TrainingTotals totals;
  KnownLayouts layouts;
  std::vector<std::unique_ptr<KeptBlocks>> blocks;
  KeptBlocks* current = nullptr;  // where the stages of `layout` are
  KnownLayout* layout = nullptr;
  std::uint64_t made = 0;  // blocks
  std::uint64_t calls = 0;
  memory::AliveBytes alive;

  KeptBlocks& find_blocks(const Plan& plan);
  void drop_old_blocks();
  // Brings the plan's stages into the workload of its blocks.
  BlockContext open(const Plan& plan);
  void hand_back_stages();
  Bytes peak(const BlockContext& context);
};

KeptBlocks& PlanLowering::Parts::find_blocks(const Plan& plan) {
  const BlockKey key(model, training, plan);
  if (current != nullptr && current->serve(key, plan)) return *current;
  for (const auto& known : blocks) {
    if (known->serve(key, plan)) return *known;
  }
  blocks.push_back(std::make_unique<KeptBlocks>(model, training, plan, ++made));
  return *blocks.back();
}

void PlanLowering::Parts::drop_old_blocks() {
  std::size_t all = 0;
  for (const auto& known : blocks) all += known->bytes;
  while (all > most_block_bytes && blocks.size() > 1) {
    const auto oldest =
        std::min_element(blocks.begin(), blocks.end(),
                         [](const auto& a, const auto& b) { return a->last_used < b->last_used; });
    all -= (*oldest)->bytes;
    blocks.erase(oldest);
  }
}

void PlanLowering::Parts::hand_back_stages() {
  if (layout == nullptr) return;
  layout->stages.swap(current->distinct.workload.stages);
  layout = nullptr;
}

BlockContext PlanLowering::Parts::open(const Plan& plan) {
  const std::size_t known = blocks.size();
  KeptBlocks& entry = find_blocks(plan);
  entry.last_used = ++calls;
  if (layout == nullptr || current != &entry || layout->key != LayoutKey(plan)) {
    hand_back_stages();
    current = &entry;
    layout = &layouts.find(plan);
    entry.distinct.workload.stages.swap(layout->stages);
    entry.distinct.kind_of = layout->kind_of;
  }
  if (blocks.size() > known) drop_old_blocks();
  BlockContext context{model, training, plan, entry.shape, {}};
  Workload& workload = entry.distinct.workload;
  workload.micro_batches = training.global_batch / (plan.data * plan.micro_batch);
  if (layout->counted_for != entry.distinct.blocks) {
    for (Stage& stage : workload.stages) count_stage_parameters(context, workload, stage);
    layout->counted_for = entry.distinct.blocks;
  }
  return context;
}

Bytes PlanLowering::Parts::peak(const BlockContext& context) {
  const Workload& workload = current->distinct.workload;
  const memory::PlanTensors all(context, current->sizes, workload);
  Bytes most;
  for (std::size_t kind = 0; kind < workload.stages.size(); ++kind) {
    const Stage& stage = workload.stages[kind];
    memory::StageTensors list(all, stage, alive, nullptr);
    memory::list_stage(list);
    const double held = layouts.held_bytes(*layout, kind, workload.micro_batches, alive.chunks);
    most = std::max(most, most_alive(alive, stage.has_head, held));
  }
  return most;
}

PlanLowering::PlanLowering(const Model& model, const Training& training)
    : parts_(std::make_unique<Parts>(model, training)) {}

PlanLowering::~PlanLowering() = default;

const DistinctWorkload& PlanLowering::lower(const Plan& plan) {
  Parts& parts = *parts_;
  const BlockContext context = parts.open(plan);
  KeptBlocks& entry = *parts.current;
  DistinctWorkload& distinct = entry.distinct;
  Workload& workload = distinct.workload;
  lower_exchanges(context, entry.sizes, workload);
  workload.model_flops = parts.totals.model_flops;
  workload.total_parameters = parts.totals.parameters;
  workload.hardware_flops = parts.totals.model_flops +
                            recomputed_in_step(context, entry.sizes, workload, distinct.kind_of);
  for (std::size_t kind = 0; kind < workload.stages.size(); ++kind) {
    Stage& stage = workload.stages[kind];
    stage.micro_batches_in_flight =
        parts.layouts.most_in_flight(*parts.layout, kind, workload.micro_batches);
    stage.host_bytes = host_bytes(context, entry.sizes, stage);
  }
  distinct.peak_allocated = parts.peak(context);
  return distinct;
}

Bytes PlanLowering::peak_allocated(const Plan& plan) {
  return parts_->peak(parts_->open(plan));
}

std::size_t PlanLowering::kept_bytes() const {
  std::size_t bytes = parts_->layouts.kept_bytes();
  for (const auto& known : parts_->blocks) bytes += known->bytes;
  return bytes;
}

}  // namespace lockstep
