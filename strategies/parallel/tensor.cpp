// Tensor parallelism: attention and MLP split by columns, then by rows (Shoeybi et al. 2019,
// arXiv:1909.08053, section 3). Forward and backward each all-reduce the hidden state twice a
// layer. With sequence parallelism (Korthikanti et al. 2022, arXiv:2205.05198, section 4.2.2) every
// all-reduce is a reduce-scatter and an all-gather, and backward gathers the inputs of the
// column-parallel linears once more. Where the plan overlaps, collectives are cut in t pieces
// beside the GEMM that reads or writes them (Wang et al. 2023, Overlap Communication with Dependent
// Computation via Decomposition, ASPLOS; Transformer Engine's user buffers; PyTorch's async TP):
//   exposed = first or last piece + max(0, the others - the GEMM slowed by them)
// Published runs with user buffers expose about a third. A forward all-reduce has no pieces: it
// stays exposed.
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

bool overlaps(const BlockContext& context) {
  return context.plan.tensor_overlap == Override::yes;
}

CollectiveCall beside(const char* name, Collective collective, Bytes bytes, CommRole role,
                      std::size_t after, std::size_t before) {
  CollectiveCall call{name, collective, bytes, GroupKind::tensor, role};
  call.after = after;
  call.before = before;
  return call;
}

// A gather before a GEMM whose rows it brings: its first piece of t must be there, the others
// arrive while the GEMM works on the ones before. The GEMM is the next op of the pass.
void gather_into_gemm(const BlockContext& context, Pass& pass, Bytes bytes, CommRole role) {
  if (!overlaps(context)) return gather(pass, bytes, role);
  const Bytes piece = bytes / context.shape.tensor;
  const std::size_t at = pass.ops.size();
  gather(pass, piece, role);
  pass.calls.push_back(
      beside("tensor all-gather", Collective::all_gather, bytes - piece, role, at, at + 1));
}

// A scatter after a GEMM: all pieces but the last leave while the GEMM works on the ones after.
void scatter_from_gemm(const BlockContext& context, Pass& pass, Bytes bytes, CommRole role) {
  std::size_t after = pass.ops.size();
  while (after > 0 && pass.ops[after - 1].kind != OpKind::gemm) --after;
  if (!overlaps(context) || after == 0) return scatter(pass, bytes, role);
  const Bytes piece = bytes / context.shape.tensor;
  pass.calls.push_back(beside("tensor reduce-scatter", Collective::reduce_scatter, bytes - piece,
                              role, after - 1, after));
  scatter(pass, piece, role);
}

}  // namespace

void enter_tensor_parallel(const BlockContext& context, BlockBuilder& building) {
  enter_tensor_parallel(context, building, context.shape.hidden_state());
}

void enter_tensor_parallel(const BlockContext& context, BlockBuilder& building, Bytes bytes) {
  if (context.plan.tensor == 1) return;
  building.begin_section();
  if (context.plan.sequence_parallel) {
    gather_into_gemm(context, building.block.forward, bytes, forward_role);
  }
  if (overlaps(context)) {
    // The input gradient and the weight gradient are ops 0 and 1 of the linear's section: the input
    // is gathered beside the first, the input's gradient reduced beside the second.
    std::vector<CollectiveCall>& calls = building.beside_linear;
    if (context.plan.sequence_parallel) {
      calls.push_back(
          beside("tensor all-gather", Collective::all_gather, bytes, backward_role, 0, 1));
      calls.push_back(
          beside("tensor reduce-scatter", Collective::reduce_scatter, bytes, backward_role, 1, 2));
    } else {
      calls.push_back(
          beside("tensor all-reduce", Collective::all_reduce, bytes, backward_role, 1, 2));
    }
  } else if (context.plan.sequence_parallel) {
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
    scatter_from_gemm(context, building.block.forward, bytes, forward_role);
    // Into the input gradient of the linear before, whose backward section comes next.
    const bool linear = !building.block.forward.ops.empty() &&
                        building.block.forward.ops.front().op_class != OpClass::embedding;
    if (linear) {
      gather_into_gemm(context, building.backward(), bytes, backward_role);
    } else {
      gather(building.backward(), bytes, backward_role);
    }
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
