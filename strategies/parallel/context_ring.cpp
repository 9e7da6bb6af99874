// Ring attention: in each of c steps a rank's queries meet the keys and values of one rank, while
// those of the next are on their way from its neighbour. Partial outputs are merged by their
// softmax statistics. Backward the keys and values go round once more, and their gradients with
// them, which after c hops are home.
//   bytes of a forward step  = T kv e            c - 1 of them, kv the width of keys and values
//   bytes of a backward step = T kv e            c - 1 with keys and values, c with gradients
//   FLOPs of a step, two pieces a rank (balanced) = 1/c of the causal core: with queries of a piece
//     from each end, half of every block is masked, on every rank alike
//   FLOPs of a step, one piece: the last rank masks half of its own block and nothing of the others
// Source: Liu et al. 2023, Ring Attention (arXiv:2310.01889), section 3; the two pieces: Brandon et
// al. 2023, Striped Attention (arXiv:2311.09431), and Megatron-LM's context parallelism over
// Transformer Engine ("p2p"). Ignores that the two backward transfers of a step share a direction
// with those of other steps only one after the other, and ranks that wait for a slower neighbour
// where one piece a rank makes them uneven (the busiest sets the time in any case).
#include <algorithm>

#include "strategies/parallel/context.hpp"

namespace lockstep {

namespace {

constexpr const char* key_value_step = "key and value ring step";
constexpr const char* gradient_step = "key and value gradient ring step";

Bytes step_bytes(const BlockContext& context, const ContextWidths& widths) {
  const RankShape& at = context.shape;
  return Bytes{at.tokens * widths.key_value * at.element};
}

CollectiveCall transfer(const char* name, Bytes bytes, std::size_t after, std::size_t before) {
  CollectiveCall call{name, Collective::send_recv, bytes, GroupKind::context,
                      CommRole::context_exchange};
  call.after = after;
  call.before = before;
  return call;
}

// The share of the whole causal core that step i takes on the busiest rank.
double step_share(const Context& plan, std::int64_t step) {
  const auto c = static_cast<double>(plan.degree);
  if (plan.balanced || step == 0) return 1.0 / c;
  return 2.0 / c;
}

// Replaces the core, the last op of the pass, by its steps. Returns the index of the first.
std::size_t split(const BlockContext& context, Pass& pass) {
  const Op whole = pass.ops.back();
  pass.ops.pop_back();
  const std::size_t first = pass.ops.size();
  const Context& plan = context.plan.context;
  for (std::int64_t i = 0; i < plan.degree; ++i) {
    Op step = whole;
    step.flops *= step_share(plan, i);
    step.sequence = std::min(whole.sequence, context.shape.local_sequence);
    pass.ops.push_back(step);
  }
  return first;
}

// Merging reads a step's output, and reads and writes the sum, once per step after the first.
void merge(const BlockContext& context, Pass& pass, double width) {
  const RankShape& at = context.shape;
  constexpr double tensors = 3;
  add_elementwise(pass, "merge of ring steps",
                  Bytes{(at.context - 1) * tensors * at.tokens * width * at.element});
}

void enter(const BlockContext& context, BlockBuilder& building, const ContextWidths& widths) {
  // Received while the ones in use are read: two of each that travels.
  const Bytes step = step_bytes(context, widths);
  building.block.exchange_forward = 2.0 * step;
  building.block.exchange_backward = 4.0 * step;
}

void leave(const BlockContext& context, BlockBuilder& building, const ContextWidths& widths) {
  const Bytes bytes = step_bytes(context, widths);
  const auto steps = static_cast<std::size_t>(context.plan.context.degree);

  Pass& forward = building.block.forward;
  const std::size_t first = split(context, forward);
  for (std::size_t i = 0; i + 1 < steps; ++i) {
    forward.calls.push_back(transfer(key_value_step, bytes, first + i, first + i + 1));
  }
  merge(context, forward, widths.output);

  Pass& backward = building.backward();
  const std::size_t start = split(context, backward);
  for (std::size_t i = 0; i < steps; ++i) {
    const std::size_t at = start + i;
    // The gradients of step i - 1 leave while step i runs.
    if (i > 0) backward.calls.push_back(transfer(gradient_step, bytes, at, at + 1));
    if (i + 1 < steps) backward.calls.push_back(transfer(key_value_step, bytes, at, at + 1));
  }
  backward.add(transfer(gradient_step, bytes, 0, 0));
  merge(context, backward, widths.query);
}

}  // namespace

const ContextExchange ring_exchange{ContextMethod::ring,
                                    "ring",
                                    "keys and values travel round the ranks beside attention",
                                    "Liu et al. 2023, Ring Attention, arXiv:2310.01889",
                                    enter,
                                    leave};

}  // namespace lockstep
