// Tensor parallelism: attention and MLP split by columns, then by rows (Shoeybi et al. 2019,
// arXiv:1909.08053, section 3). Forward and backward each all-reduce the hidden state twice a
// layer. With sequence parallelism (Korthikanti et al. 2022, arXiv:2205.05198, section 4.2.2) every
// all-reduce is a reduce-scatter and an all-gather, and backward gathers the inputs of the
// column-parallel linears once more.
#include "strategies/parallel/parallel.hpp"

namespace lockstep {

namespace {

constexpr auto forward_role = CommRole::tensor_forward;
constexpr auto backward_role = CommRole::tensor_backward;

void gather(Pass& pass, Bytes bytes, CommRole role) {
  pass.add({"tensor all-gather", Collective::all_gather, bytes, GroupKind::tensor, role});
}
void scatter(Pass& pass, Bytes bytes, CommRole role) {
  pass.add({"tensor reduce-scatter", Collective::reduce_scatter, bytes, GroupKind::tensor, role});
}
void reduce(Pass& pass, Bytes bytes, CommRole role) {
  pass.add({"tensor all-reduce", Collective::all_reduce, bytes, GroupKind::tensor, role});
}

}  // namespace

void enter_tensor_parallel(const BlockContext& context, BlockBuilder& building) {
  if (context.plan.tensor == 1) return;
  const Bytes bytes = context.shape.hidden_state();
  building.begin_section();
  if (context.plan.sequence_parallel) {
    gather(building.block.forward, bytes, forward_role);
    gather(building.backward(), bytes, backward_role);  // the input again, for the weight gradient
    scatter(building.backward(), bytes, backward_role);
  } else {
    reduce(building.backward(), bytes, backward_role);
  }
}

void leave_tensor_parallel(const BlockContext& context, BlockBuilder& building) {
  if (context.plan.tensor == 1) return;
  const Bytes bytes = context.shape.hidden_state();
  building.begin_section();
  if (context.plan.sequence_parallel) {
    scatter(building.block.forward, bytes, forward_role);
    gather(building.backward(), bytes, backward_role);
  } else {
    reduce(building.block.forward, bytes, forward_role);
  }
}

// The vocabulary-parallel loss exchanges three numbers per token; a loss over the whole vocabulary
// gathers the logits.
void leave_head(const BlockContext& context, BlockBuilder& building) {
  if (context.plan.tensor == 1) return;
  const RankShape& at = context.shape;
  Pass& forward = building.block.forward;
  if (context.plan.software.vocabulary_parallel) {
    for (int i = 0; i < 3; ++i) {
      forward.add({"loss all-reduce", Collective::all_reduce, Bytes{4 * at.tokens},
                   GroupKind::tensor, forward_role});
    }
  } else {
    const Bytes logits{at.element * at.tokens * static_cast<double>(at.vocabulary)};
    forward.add(
        {"logits all-gather", Collective::all_gather, logits, GroupKind::tensor, forward_role});
  }
}

}  // namespace lockstep
