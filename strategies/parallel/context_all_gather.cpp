// Context parallelism by all-gather: keys and values of all ranks are gathered before the core, and
// their gradients reduce-scattered after its backward pass, which gathers keys and values again
// (nothing gathered is kept). Nothing runs beside either.
//   forward bytes  = c T kv e         gathered, kv the width of keys and values together
//   backward bytes = 2 c T kv e       gathered once more, gradients scattered
// Small beside attention where heads share keys and values: the core's FLOPs grow with T s q.
// Source: Grattafiori et al. 2024, The Llama 3 Herd of Models (arXiv:2407.21783), section 3.3.2;
// backward as Transformer Engine does it (AttnFuncWithCPAndKVAllGather). Ignores that a causal rank
// may do without the keys after its own.
#include "strategies/parallel/context.hpp"

namespace lockstep {

namespace {

constexpr auto role = CommRole::context_exchange;

Bytes gathered(const BlockContext& context, const ContextWidths& widths) {
  const RankShape& at = context.shape;
  return Bytes{at.context * at.tokens * widths.key_value * at.element};
}

void enter(const BlockContext& context, BlockBuilder& building, const ContextWidths& widths) {
  const Bytes bytes = gathered(context, widths);
  building.begin_section();
  building.block.forward.add(
      {"key and value all-gather", Collective::all_gather, bytes, GroupKind::context, role});
  building.backward().add({"key and value gradient reduce-scatter", Collective::reduce_scatter,
                           bytes, GroupKind::context, role});
  building.block.exchange_forward = bytes;
  building.block.exchange_backward = 2.0 * bytes;
}

void leave(const BlockContext& context, BlockBuilder& building, const ContextWidths& widths) {
  const double busiest = busiest_context_rank(context.plan.context);
  for (Op* op : {&building.block.forward.ops.back(), &building.backward().ops.back()}) {
    if (op->kind == OpKind::flash_attention) op->flops *= busiest;
  }
  // Before the core's backward ops: they are the section's only ones.
  CollectiveCall again{"key and value all-gather", Collective::all_gather,
                       gathered(context, widths), GroupKind::context, role};
  building.backward().calls.push_back(again);
}

}  // namespace

const ContextExchange all_gather_exchange{
    ContextMethod::all_gather,
    "all-gather",
    "keys and values are gathered before attention",
    "Grattafiori et al. 2024, arXiv:2407.21783, section 3.3.2",
    enter,
    leave};

}  // namespace lockstep
