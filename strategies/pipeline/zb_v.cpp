// ZB-V: two chunks per stage, the second one on the way back, so that the first stage holds both
// ends of the model; backward passes are split. Once a stage has begun it never waits.
//
//   bubble    = 0 where f = b = w and m >= 2 p - 1; no equation elsewhere
//   in flight = (min(m, 2 p - 1 - i) + min(m, i + 1)) / 2 whole stages: p on every stage for
//               m >= 2 p - 1
//
// Qi et al. 2023 (arXiv:2401.10241), section 6, in the order that PyTorch's
// ScheduleZBVZeroBubble publishes (torch.distributed.pipelining). Stage i begins i forward passes
// after stage 0 and ends as much later; the paper hides that by optimizers that do not wait for
// each other, while a step with a gradient norm over all stages takes (p - 1) f longer than the
// work.
#include <algorithm>
#include <array>

#include "strategies/pipeline/registered.hpp"

namespace lockstep {

namespace {

struct Move {
  PassKind kind;
  std::int32_t chunk;
};

constexpr Move F0{PassKind::forward, 0};
constexpr Move F1{PassKind::forward, 1};
constexpr Move B0{PassKind::backward, 0};
constexpr Move B1{PassKind::backward, 1};
constexpr Move W0{PassKind::weight_gradient, 0};
constexpr Move W1{PassKind::weight_gradient, 1};

constexpr std::array fill{F0};
constexpr std::array fill_both{F1, F0};
constexpr std::array turn{F1, B1, W1};
constexpr std::array steady{F0, B0, W0, F1, B1, W1};
constexpr std::array drain{B0, B1};
constexpr std::array drain_first{B0, W0};
constexpr std::array late_second{W1};
constexpr std::array late_first{W0};

// Moves that a stage repeats.
struct Phase {
  std::span<const Move> moves;
  std::int64_t repeats;
};

class ZbVOrder : public PassOrder {
 public:
  explicit ZbVOrder(const PipelinePosition& at) : micro_batches_(at.micro_batches) {
    const std::int64_t i = at.stage;
    const std::int64_t p = at.stages;
    // The order needs 2 p - 1 micro-batches; with fewer, those that do not exist are left out.
    const std::int64_t n = std::max(2 * p - 1, at.micro_batches);
    phases_ = {{{fill, 2 * (p - i) - 1},
                {fill_both, i},
                {turn, p - i},
                {steady, n - p},
                {drain, i},
                {drain_first, p - i},
                {late_second, i},
                {late_first, i}}};
  }

  bool next(ChunkPass& pass) override {
    while (phase_ < phases_.size()) {
      const Phase& phase = phases_[phase_];
      if (repeat_ == phase.repeats) {
        ++phase_;
        repeat_ = 0;
        continue;
      }
      const Move move = phase.moves[move_];
      if (++move_ == phase.moves.size()) {
        move_ = 0;
        ++repeat_;
      }
      std::int32_t& count =
          done_[static_cast<std::size_t>(move.kind)][static_cast<std::size_t>(move.chunk)];
      if (count == micro_batches_) continue;
      pass = {move.chunk, count++, move.kind};
      return true;
    }
    return false;
  }

 private:
  std::int64_t micro_batches_;
  std::array<Phase, 8> phases_{};
  std::size_t phase_ = 0;
  std::int64_t repeat_ = 0;
  std::size_t move_ = 0;
  std::array<std::array<std::int32_t, 2>, 3> done_{};  // by kind and chunk
};

std::unique_ptr<PassOrder> order(const PipelinePosition& at) {
  return std::make_unique<ZbVOrder>(at);
}

double in_flight(const PipelinePosition& at) {
  const std::int64_t first = std::min(at.micro_batches, 2 * at.stages - 1 - at.stage);
  const std::int64_t second = std::min(at.micro_batches, at.stage + 1);
  return static_cast<double>(first + second) / 2;
}

std::optional<Seconds> bubble(const PipelinePosition& at, const PassCost& chunk) {
  const bool alike = chunk.forward == chunk.backward && chunk.forward == chunk.weight_gradient;
  if (!alike || at.micro_batches < 2 * at.stages - 1) return std::nullopt;
  return Seconds{};
}

}  // namespace

const Schedule zb_v{"zb-v",
                    "zero bubble V: two chunks per stage (interleave: 2), there and back",
                    "Qi et al. 2023 (arXiv:2401.10241) section 6",
                    ChunkRule::two,
                    ChunkLayout::v_shape,
                    true,
                    &order,
                    &in_flight,
                    &bubble,
                    "0"};

}  // namespace lockstep
