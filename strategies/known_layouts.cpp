#include "strategies/known_layouts.hpp"

#include <algorithm>

namespace lockstep {

namespace {

// Beyond these everything of its sort is dropped and found again as it is needed.
constexpr std::size_t most_layout_bytes = 2u << 20;
constexpr std::size_t most_held_bytes = 1u << 20;
constexpr std::size_t most_micro_batch_counts = 32;  // of one layout
constexpr std::size_t most_activations = 4;          // of one layout: shares that are offloaded

// Calls, ops and copies that lower() leaves in a stage.
constexpr std::size_t bytes_of_exchanges = 8 * sizeof(CollectiveCall) + sizeof(Op);

std::size_t bytes_of(const Stage& stage) {
  std::size_t bytes = sizeof(Stage) + bytes_of_exchanges;
  for (const Chunk& chunk : stage.chunks) {
    bytes += sizeof(Chunk) + 2 * chunk.layers.capacity() * sizeof(std::int64_t);
  }
  return bytes;
}

std::int64_t recomputed_of(const Plan& plan) {
  if (plan.recompute == Recompute::none) return 0;
  return plan.recompute_layers > 0 ? plan.recompute_layers : -plan.recompute_every;
}

bool alike(const Chunk& a, const Chunk& b) {
  return a.has_embedding == b.has_embedding && a.has_head == b.has_head && a.layers == b.layers &&
         a.recomputed == b.recomputed;
}

// Of each chunk, by the first chunk of its class.
std::vector<std::size_t> classes_of(const Stage& stage) {
  std::vector<std::size_t> first;
  std::vector<std::size_t> classes;
  for (std::size_t i = 0; i < stage.chunks.size(); ++i) {
    const auto known = std::find_if(first.begin(), first.end(), [&](std::size_t other) {
      return alike(stage.chunks[other], stage.chunks[i]);
    });
    classes.push_back(static_cast<std::size_t>(known - first.begin()));
    if (known == first.end()) first.push_back(i);
  }
  return classes;
}

}  // namespace

LayoutKey::LayoutKey(const Plan& plan)
    : schedule(find_schedule(plan.pipeline.schedule)),
      stages(plan.pipeline.stages),
      interleave(plan.pipeline.interleave),
      recomputed(recomputed_of(plan)) {}

KnownLayout::KnownLayout(const Model& model, const Plan& plan) : key(plan) {
  StageLayout layout = stage_layout(model, plan);
  stages = std::move(layout.kinds);
  kind_of = std::move(layout.kind_of);
  for (const Stage& stage : stages) class_of_chunk_.push_back(classes_of(stage));
}

const std::vector<KnownLayout::Activations>* KnownLayout::activations(
    double offloaded, std::int64_t micro_batches) const {
  for (const KeptActivations& kept : activations_) {
    if (kept.blocks == counted_for && kept.offloaded == offloaded &&
        kept.micro_batches == micro_batches) {
      return &kept.of_kinds;
    }
  }
  return nullptr;
}

const std::vector<KnownLayout::Activations>& KnownLayout::keep(double offloaded,
                                                               std::int64_t micro_batches,
                                                               std::vector<Activations> of_kinds) {
  const bool outdated = !activations_.empty() && activations_.front().blocks != counted_for;
  if (outdated || activations_.size() == most_activations) activations_.clear();
  activations_.push_back({counted_for, offloaded, micro_batches, std::move(of_kinds)});
  return activations_.back().of_kinds;
}

KnownLayout& KnownLayouts::find(const Plan& plan) {
  const LayoutKey key(plan);
  const auto known = layouts_.find(key);
  if (known != layouts_.end()) return *known->second;
  if (layout_bytes_ > most_layout_bytes) {
    layouts_.clear();
    layout_bytes_ = 0;
  }
  auto layout = std::make_unique<KnownLayout>(model_, plan);
  layout_bytes_ += sizeof(KnownLayout) + layout->kind_of.size() * sizeof(std::uint16_t);
  layout_bytes_ += most_activations * (sizeof(KnownLayout::KeptActivations) +
                                       layout->stages.size() * sizeof(KnownLayout::Activations));
  for (const Stage& stage : layout->stages) layout_bytes_ += bytes_of(stage);
  return *layouts_.emplace(key, std::move(layout)).first->second;
}

double KnownLayouts::most_in_flight(KnownLayout& layout, std::size_t kind,
                                    std::int64_t micro_batches) {
  auto& counts = layout.in_flight_;
  for (const KnownLayout::InFlight& known : counts) {
    if (known.micro_batches == micro_batches) return known.most[kind];
  }
  if (counts.size() == most_micro_batch_counts) counts.clear();
  counts.push_back({micro_batches, std::vector<double>(layout.class_of_chunk_.size(), 0.0)});
  std::vector<double>& most = counts.back().most;
  layout_bytes_ += sizeof(KnownLayout::InFlight) + most.size() * sizeof(double);
  const LayoutKey& key = layout.key;
  for (std::size_t i = 0; i < layout.kind_of.size(); ++i) {
    double& here = most[layout.kind_of[i]];
    here = std::max(here, key.schedule->in_flight({static_cast<std::int64_t>(i), key.stages,
                                                   key.interleave, micro_batches}));
  }
  return most[kind];
}

const memory::MaximalVectors& KnownLayouts::most_held(const LayoutKey& key,
                                                      std::int64_t micro_batches,
                                                      std::int64_t stage) {
  const HeldKey of{key.schedule, key.stages, key.interleave, micro_batches, stage};
  const auto known = held_.find(of);
  if (known != held_.end()) return known->second;
  if (held_bytes_ > most_held_bytes) {
    held_.clear();
    held_bytes_ = 0;
  }
  const auto made = held_.emplace(
      of, memory::most_held(*key.schedule, {stage, key.stages, key.interleave, micro_batches}));
  held_bytes_ += sizeof(HeldKey) + made.first->second.bytes();
  return made.first->second;
}

// The classes' sums of what chunks hold: chunks of a class weigh the same, so that no more is
// needed to find the worst.
const memory::MaximalVectors& KnownLayouts::classes_held(KnownLayout& layout, std::size_t kind,
                                                         std::int64_t micro_batches) {
  auto& counts = layout.classes_held_;
  for (const KnownLayout::ClassesHeld& known : counts) {
    if (known.micro_batches == micro_batches && known.kind == kind) return known.held;
  }
  if (counts.size() == most_micro_batch_counts * layout.class_of_chunk_.size()) counts.clear();
  const std::vector<std::size_t>& classes = layout.class_of_chunk_[kind];
  std::vector<double> sums(*std::max_element(classes.begin(), classes.end()) + 1);
  memory::MaximalVectors held(sums.size());
  for (std::size_t i = 0; i < layout.kind_of.size(); ++i) {
    if (layout.kind_of[i] != kind) continue;
    const auto& chunks = most_held(layout.key, micro_batches, static_cast<std::int64_t>(i));
    for (std::size_t n = 0; n < chunks.size(); ++n) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (std::size_t c = 0; c < classes.size(); ++c) sums[classes[c]] += chunks[n][c];
      held.insert(sums);
    }
  }
  layout_bytes_ += sizeof(KnownLayout::ClassesHeld) + held.bytes();
  counts.push_back({micro_batches, kind, std::move(held)});
  return counts.back().held;
}

// As lower() has it (memory/instants.cpp): chunks that take the same are held as often as
// micro-batches are in flight; of others the order of the passes says it.
double KnownLayouts::held_bytes(KnownLayout& layout, std::size_t kind, std::int64_t micro_batches,
                                std::span<const double> chunks) {
  if (std::all_of(chunks.begin(), chunks.end(),
                  [&](double one) { return one == chunks.front(); })) {
    return static_cast<double>(chunks.size()) * chunks.front() *
           most_in_flight(layout, kind, micro_batches);
  }
  const auto& held =
      classes_held(layout, kind, memory::settled_micro_batches(micro_batches, layout.key.stages));
  const std::vector<std::size_t>& classes = layout.class_of_chunk_[kind];
  weights_.resize(held.length());
  for (std::size_t c = 0; c < classes.size(); ++c) weights_[classes[c]] = chunks[c];
  return held.largest_product(weights_);
}

}  // namespace lockstep
