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

// At the moment when a stage has most, its activations beside the rest.
Bytes most_alive(const memory::AliveBytes& rest, const KnownLayout::Activations& activations,
                 bool has_loss) {
  double most = 0;
  for (std::size_t i = 0; i < memory::moment_count; ++i) {
    const auto moment = static_cast<Moment>(i);
    if (moment == Moment::loss && !has_loss) continue;
    const double held = Lifetime::saved().has(moment) ? activations.held : 0.0;
    most = std::max(most, rest.always[i] + activations.always[i] + held);
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
  const std::vector<KnownLayout::Activations>* saved = nullptr;  // of the plan of the last peak()

  KeptBlocks& find_blocks(const Plan& plan);
  void drop_old_blocks();
  // Brings the plan's stages into the workload of its blocks.
  BlockContext open(const Plan& plan) { return open(plan, plan); }
  // The stages of another plan, beside the blocks of the first.
  BlockContext open(const Plan& plan, const Plan& laid_out);
  void hand_back_stages();
  Bytes peak(const BlockContext& context);
  const std::vector<KnownLayout::Activations>& activations(const memory::PlanTensors& all);
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

BlockContext PlanLowering::Parts::open(const Plan& plan, const Plan& laid_out) {
  const std::size_t known = blocks.size();
  KeptBlocks& entry = find_blocks(plan);
  entry.last_used = ++calls;
  if (layout == nullptr || current != &entry || layout->key != LayoutKey(laid_out)) {
    hand_back_stages();
    current = &entry;
    layout = &layouts.find(laid_out);
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

// Plans that differ in sharding, and in the offload of other things, hold the same activations.
const std::vector<KnownLayout::Activations>& PlanLowering::Parts::activations(
    const memory::PlanTensors& all) {
  const Workload& workload = all.workload;
  const double offloaded = all.plan.offload.activations;
  if (const auto* kept = layout->activations(offloaded, workload.micro_batches)) return *kept;
  std::vector<KnownLayout::Activations> of_kinds;
  for (std::size_t kind = 0; kind < workload.stages.size(); ++kind) {
    memory::StageTensors list(all, workload.stages[kind], alive, nullptr);
    memory::list_activations(list);
    const double held = layouts.held_bytes(*layout, kind, workload.micro_batches, alive.chunks);
    Stage& stage = current->distinct.workload.stages[kind];
    stage.micro_batches_in_flight = layouts.most_in_flight(*layout, kind, workload.micro_batches);
    of_kinds.push_back({alive.always, held, host_activations(all.context, current->sizes, stage)});
  }
  return layout->keep(offloaded, workload.micro_batches, std::move(of_kinds));
}

Bytes PlanLowering::Parts::peak(const BlockContext& context) {
  const Workload& workload = current->distinct.workload;
  const memory::PlanTensors all(context, current->sizes, workload);
  saved = &activations(all);
  Bytes most;
  for (std::size_t kind = 0; kind < workload.stages.size(); ++kind) {
    const Stage& stage = workload.stages[kind];
    memory::StageTensors list(all, stage, alive, nullptr);
    memory::list_all_but_activations(list);
    most = std::max(most, most_alive(alive, (*saved)[kind], stage.has_head));
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

PlanLowering::Memory PlanLowering::memory(const Plan& plan) {
  const BlockContext context = parts_->open(plan);
  Memory memory{parts_->peak(context), {}};
  const Offload& offload = plan.offload;
  if (offload.optimizer <= 0 && offload.weights <= 0 && offload.activations <= 0) return memory;
  const std::vector<Stage>& stages = parts_->current->distinct.workload.stages;
  for (std::size_t kind = 0; kind < stages.size(); ++kind) {
    const Bytes activations = (*parts_->saved)[kind].on_host;
    memory.on_host = std::max(memory.on_host, host_states(context, stages[kind]) + activations);
  }
  return memory;
}

const DistinctWorkload& PlanLowering::lower_in_one_chunk(const Plan& plan) {
  Plan one_stage = plan;
  one_stage.pipeline = {};
  // Stages round down what every n-th layer comes to.
  if (plan.recompute_every > 1) one_stage.recompute = Recompute::none;
  const BlockContext context = parts_->open(plan, one_stage);
  DistinctWorkload& distinct = parts_->current->distinct;
  lower_exchanges(context, parts_->current->sizes, distinct.workload);
  distinct.workload.interleave = 1;
  distinct.workload.boundary = {};
  return distinct;
}

std::size_t PlanLowering::kept_bytes() const {
  std::size_t bytes = parts_->layouts.kept_bytes();
  for (const auto& known : parts_->blocks) bytes += known->bytes;
  return bytes;
}

}  // namespace lockstep
