// Tensor parallelism: attention and MLP split by columns, then by rows (Shoeybi et al. 2019,
// arXiv:1909.08053, section 3). Forward and backward each all-reduce the hidden state twice a
// layer. With sequence parallelism (Korthikanti et al. 2022, arXiv:2205.05198, section 4.2.2) every
// all-reduce is a reduce-scatter and an all-gather, and backward gathers the inputs of the
// column-parallel linears once more.
#include "strategies/parallel/parallel.hpp"

namespace lockstep {

namespace {

CollectiveCall call(const char* name, Collective collective, Bytes bytes, CommRole role) {
  return {name, collective, bytes, GroupKind::tensor, role};
}

// One all-reduce of the hidden state, in the form that the plan has.
void add_reduction(const BlockContext& context, Pass& pass, CommRole role) {
  const Bytes bytes = context.shape.hidden_state();
  if (context.plan.sequence_parallel) {
    pass.calls.push_back(call("tensor all-gather", Collective::all_gather, bytes, role));
    pass.calls.push_back(call("tensor reduce-scatter", Collective::reduce_scatter, bytes, role));
  } else {
    pass.calls.push_back(call("tensor all-reduce", Collective::all_reduce, bytes, role));
  }
}

}  // namespace

void add_tensor_parallel_layer(const BlockContext& context, Block& layer) {
  if (context.plan.tensor == 1) return;
  for (int half = 0; half < 2; ++half) {
    add_reduction(context, layer.forward, CommRole::tensor_forward);
    add_reduction(context, layer.backward, CommRole::tensor_backward);
    if (context.plan.sequence_parallel) {
      layer.backward.calls.push_back(call("tensor all-gather", Collective::all_gather,
                                          context.shape.hidden_state(), CommRole::tensor_backward));
    }
  }
}

void add_tensor_parallel_embedding(const BlockContext& context, Block& embedding) {
  if (context.plan.tensor == 1) return;
  const Bytes bytes = context.shape.hidden_state();
  if (context.plan.sequence_parallel) {
    embedding.forward.calls.push_back(
        call("tensor reduce-scatter", Collective::reduce_scatter, bytes, CommRole::tensor_forward));
    embedding.backward.calls.push_back(
        call("tensor all-gather", Collective::all_gather, bytes, CommRole::tensor_backward));
  } else {
    embedding.forward.calls.push_back(
        call("tensor all-reduce", Collective::all_reduce, bytes, CommRole::tensor_forward));
  }
}

// The vocabulary-parallel loss exchanges three numbers per token; a loss over the whole vocabulary
// gathers the logits.
void add_tensor_parallel_head(const BlockContext& context, Block& head) {
  if (context.plan.tensor == 1) return;
  const RankShape& at = context.shape;
  const Bytes bytes = at.hidden_state();
  if (context.plan.sequence_parallel) {
    head.forward.calls.push_back(
        call("tensor all-gather", Collective::all_gather, bytes, CommRole::tensor_forward));
    head.backward.calls.push_back(
        call("tensor all-gather", Collective::all_gather, bytes, CommRole::tensor_backward));
    head.backward.calls.push_back(call("tensor reduce-scatter", Collective::reduce_scatter, bytes,
                                       CommRole::tensor_backward));
  } else {
    head.backward.calls.push_back(
        call("tensor all-reduce", Collective::all_reduce, bytes, CommRole::tensor_backward));
  }
  if (context.plan.software.vocabulary_parallel) {
    for (int i = 0; i < 3; ++i) {
      head.forward.calls.push_back(call("loss all-reduce", Collective::all_reduce,
                                        Bytes{4 * at.tokens}, CommRole::tensor_forward));
    }
  } else {
    const Bytes logits{at.element * at.tokens * static_cast<double>(at.vocabulary)};
    head.forward.calls.push_back(
        call("logits all-gather", Collective::all_gather, logits, CommRole::tensor_forward));
  }
}

}  // namespace lockstep
