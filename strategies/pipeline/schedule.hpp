// Pipeline schedules, one .cpp file each, listed in one table. A schedule says in which order a
// stage works and how much it holds; how long that takes is the engine's business.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "topology/quantity.hpp"

namespace lockstep {

// Where one stage stands in a pipeline, and how much runs through it.
struct PipelinePosition {
  std::int64_t stage = 0;  // from 0
  std::int64_t stages = 1;
  std::int64_t interleave = 1;  // model chunks per stage
  std::int64_t micro_batches = 1;
};

enum class PassKind : std::uint8_t {
  forward,
  backward,        // input and weight gradients, or only the input gradient where they are split
  weight_gradient  // only of schedules that split the backward pass
};

// One piece of work of a stage: a pass of one micro-batch through one model chunk.
struct ChunkPass {
  std::int32_t chunk = 0;
  std::int32_t micro_batch = 0;
  PassKind kind = PassKind::forward;
};

// The passes of one stage in the order in which it does them, one at a time. The state is O(1), so
// that memory does not grow with the micro-batches. In every chunk and kind micro-batches come in
// ascending order.
class PassOrder {
 public:
  PassOrder() = default;
  PassOrder(const PassOrder&) = delete;
  PassOrder& operator=(const PassOrder&) = delete;
  virtual ~PassOrder() = default;
  // False, and `pass` untouched, once every pass was given.
  virtual bool next(ChunkPass& pass) = 0;
};

// Which part of the model the chunks of a stage hold, in virtual stages from 0.
enum class ChunkLayout : std::uint8_t {
  round_robin,  // chunk c of stage i is virtual stage c p + i
  v_shape       // chunk 0 is virtual stage i, chunk 1 is 2 p - 1 - i
};

// The values of `interleave` that a schedule has a meaning for.
enum class ChunkRule : std::uint8_t { one, any, two };

// Time of one micro-batch through one model chunk. `backward` includes the weight gradients unless
// the schedule splits them off.
struct PassCost {
  Seconds forward;
  Seconds backward;
  Seconds weight_gradient;
};

struct Schedule {
  const char* name;
  const char* description;
  const char* source;
  ChunkRule chunks;
  ChunkLayout layout;
  bool splits_backward;  // backward passes give input gradients, weight gradients come apart
  std::unique_ptr<PassOrder> (*order)(const PipelinePosition&);
  // Most micro-batches whose activations a stage holds at once, in whole-stage equivalents. A
  // micro-batch is held from its forward pass to its backward pass (to its weight gradient where
  // that is split off).
  double (*in_flight)(const PipelinePosition&);
  // Idle time between a stage's first and last pass, of the stage where it is longest, for equal
  // chunks and free transfers. Nothing where no equation holds. `stage` is not read.
  std::optional<Seconds> (*bubble)(const PipelinePosition&, const PassCost&);
  const char* bubble_equation;  // the same for readers; F, B and W are the passes of one chunk
};

std::span<const Schedule> schedules();

// The schedule of that name; null if there is none.
const Schedule* find_schedule(const std::string& name);

// Whether the schedule has a meaning for so many chunks per stage.
bool accepts_interleave(const Schedule& schedule, std::int64_t interleave);

// Where a part of the model lies.
struct ChunkPlace {
  std::int64_t stage = 0;
  std::int64_t chunk = 0;  // of the stage
};

// The place of virtual stage n; activations go from n to n + 1.
ChunkPlace chunk_place(ChunkLayout layout, std::int64_t stages, std::int64_t virtual_stage);
// The virtual stage of a place: the inverse.
std::int64_t virtual_stage(ChunkLayout layout, std::int64_t stages, const ChunkPlace& place);

}  // namespace lockstep
