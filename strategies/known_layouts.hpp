// Stage layouts that were needed before, and what their stages hold at worst, so that plan after
// plan finds both ready.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <tuple>
#include <vector>

#include "strategies/memory/held.hpp"
#include "strategies/memory/lists.hpp"
#include "strategies/stage_layout.hpp"

namespace lockstep {

// What a layout depends on beside the model and the software.
struct LayoutKey {
  explicit LayoutKey(const Plan& plan);
  friend bool operator==(const LayoutKey&, const LayoutKey&) = default;
  friend auto operator<=>(const LayoutKey&, const LayoutKey&) = default;

  const Schedule* schedule;
  std::int64_t stages;
  std::int64_t interleave;
  // Layers of a stage that recompute: so many where positive, every n-th where negative.
  std::int64_t recomputed;
};

class KnownLayout {
 public:
  KnownLayout(const Model& model, const Plan& plan);

  LayoutKey key;
  std::vector<Stage> stages;           // one of each kind
  std::vector<std::uint16_t> kind_of;  // of each stage
  std::uint64_t counted_for = 0;       // blocks by which the stages' parameters were counted

  // Bytes of activations, and what goes with them, on the stages of each kind.
  struct Activations {
    std::array<double, memory::moment_count> always{};
    double held = 0;  // of all micro-batches in flight, on the stage that holds most
    Bytes on_host;    // offloaded ones
  };
  // Those of plans with the blocks of `counted_for` that offload this share and have so many
  // micro-batches; null: not kept. Not even `keep` may be called while they are in use.
  [[nodiscard]] const std::vector<Activations>* activations(double offloaded,
                                                            std::int64_t micro_batches) const;
  const std::vector<Activations>& keep(double offloaded, std::int64_t micro_batches,
                                       std::vector<Activations> of_kinds);

 private:
  friend class KnownLayouts;

  // Of a number of micro-batches: most in flight on any stage of each kind.
  struct InFlight {
    std::int64_t micro_batches;
    std::vector<double> most;
  };
  struct KeptActivations {
    std::uint64_t blocks;
    double offloaded;
    std::int64_t micro_batches;
    std::vector<Activations> of_kinds;
  };
  // What the classes of chunks of a kind's stages hold between them at worst.
  struct ClassesHeld {
    std::int64_t micro_batches;
    std::size_t kind;
    memory::MaximalVectors held;
  };

  // Of each kind and chunk: chunks of a class have the same layers and ends, and so the same bytes.
  std::vector<std::vector<std::size_t>> class_of_chunk_;
  std::vector<InFlight> in_flight_;
  std::vector<KeptActivations> activations_;
  std::vector<ClassesHeld> classes_held_;
};

class KnownLayouts {
 public:
  explicit KnownLayouts(const Model& model) : model_(model) {}

  // The plan's layout. Layouts that were found before may be gone: none is to be in use.
  KnownLayout& find(const Plan& plan);

  // Most micro-batches in flight on a stage of the kind.
  double most_in_flight(KnownLayout& layout, std::size_t kind, std::int64_t micro_batches);

  // Bytes that a stage of the kind holds for all micro-batches when it holds most, of the one that
  // holds most; `chunks` are the bytes of one micro-batch in each chunk.
  double held_bytes(KnownLayout& layout, std::size_t kind, std::int64_t micro_batches,
                    std::span<const double> chunks);

  [[nodiscard]] std::size_t kept_bytes() const { return layout_bytes_ + held_bytes_; }

 private:
  using HeldKey =
      std::tuple<const Schedule*, std::int64_t, std::int64_t, std::int64_t, std::int64_t>;

  const memory::MaximalVectors& most_held(const LayoutKey& key, std::int64_t micro_batches,
                                          std::int64_t stage);
  const memory::MaximalVectors& classes_held(KnownLayout& layout, std::size_t kind,
                                             std::int64_t micro_batches);

  const Model& model_;
  std::map<LayoutKey, std::unique_ptr<KnownLayout>> layouts_;
  std::map<HeldKey, memory::MaximalVectors> held_;  // by schedule, stages, chunks, micro-batches
                                                    // and stage
  std::vector<double> weights_;                     // of classes, while they are needed
  std::size_t layout_bytes_ = 0;
  std::size_t held_bytes_ = 0;
};

}  // namespace lockstep
