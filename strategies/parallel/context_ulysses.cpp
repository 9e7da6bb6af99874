// DeepSpeed-Ulysses: an all-to-all before the core turns a rank's tokens with all heads into all
// tokens with a c-th of the heads; one after it turns the output back. Backward does the same with
// the gradients. Attention itself runs as without context parallelism on fewer heads, so it is
// even without two pieces a rank, and its blocks are as long as the sequence.
//   forward bytes  = T (q + kv) e  and  T o e     q, kv, o widths of queries, keys with values,
//   output backward bytes = the same
// Where ranks are more than key/value heads, every rank still needs one: they are sent repeated.
// Source: Jacobs et al. 2023, DeepSpeed Ulysses (arXiv:2309.14509), section 3.
#include <algorithm>

#include "strategies/parallel/context.hpp"

namespace lockstep {

namespace {

void exchange(Pass& pass, const char* name, Bytes bytes) {
  pass.add({name, Collective::all_to_all, bytes, GroupKind::context, CommRole::context_exchange});
}

Bytes inputs(const BlockContext& context, const ContextWidths& widths) {
  const RankShape& at = context.shape;
  const double head = at.heads > 0 ? widths.query / at.heads : 0.0;
  const double key_value = std::max(widths.key_value, 2 * at.context * head);
  return Bytes{at.tokens * (widths.query + key_value) * at.element};
}

void enter(const BlockContext& context, BlockBuilder& building, const ContextWidths& widths) {
  const Bytes bytes = inputs(context, widths);
  building.begin_section();
  exchange(building.block.forward, "sequence to heads all-to-all", bytes);
  exchange(building.backward(), "heads to sequence all-to-all", bytes);
  // Sent and received copies of the larger of the two exchanges.
  building.block.exchange_forward = 2.0 * bytes;
  building.block.exchange_backward = 2.0 * bytes;
}

void leave(const BlockContext& context, BlockBuilder& building, const ContextWidths& widths) {
  const RankShape& at = context.shape;
  const Bytes bytes{at.tokens * widths.output * at.element};
  building.begin_section();
  exchange(building.block.forward, "heads to sequence all-to-all", bytes);
  exchange(building.backward(), "sequence to heads all-to-all", bytes);
}

}  // namespace

const ContextExchange ulysses_exchange{ContextMethod::ulysses,
                                       "ulysses",
                                       "all-to-all from sequence to heads and back",
                                       "Jacobs et al. 2023, DeepSpeed Ulysses, arXiv:2309.14509",
                                       enter,
                                       leave};

}  // namespace lockstep
