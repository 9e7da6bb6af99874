// Expert parallelism: before its experts every rank sends each token to the ranks that hold the
// token's experts, and gets the results back: two all-to-alls forward and two backward (Lepikhin et
// al. 2020, GShard, arXiv:2006.16668, section 3.2; Megatron-Core's token dispatcher). With tensor
// parallelism inside experts the tokens that arrive are gathered over the expert-tensor ranks, and
// the results reduced and scattered.
//   bytes of one exchange = T_r k h e x busiest
// T_r tokens of this rank, k experts a token, e bytes per element, busiest: copies that the busiest
// rank takes over the mean. Ignores the small exchange of counts before, and that routing differs
// from step to step.
#include "strategies/parallel/parallel.hpp"

namespace lockstep {

namespace {

CollectiveCall exchange(const BlockContext& context, const char* name, double element) {
  const ExpertLoad load = expert_load(context);
  CollectiveCall call{name, Collective::all_to_all,
                      Bytes{load.sent * load.busiest * context.shape.hidden * element},
                      GroupKind::expert, CommRole::expert_exchange};
  call.copies = context.model.experts.top_k;
  call.most_nodes = context.model.experts.most_nodes;
  return call;
}

// All copies that the expert-tensor ranks hold together.
CollectiveCall gathering(const BlockContext& context, const char* name, Collective collective,
                         CommRole role) {
  const double copies = expert_load(context).received;
  return {name, collective, Bytes{copies * context.shape.hidden * context.shape.element},
          GroupKind::expert_tensor, role};
}

// Puts the call before the ops that will run beside it; the next op waits for it.
void start(Pass& pass, CollectiveCall call, std::size_t beside) {
  call.after = pass.ops.size();
  call.before = call.after + beside;
  pass.calls.push_back(call);
}

void exchange_both_ways(const BlockContext& context, BlockBuilder& building,
                        const CollectiveCall& forward, const CollectiveCall& backward,
                        const Block* beside) {
  const bool spread = context.plan.expert.degree > 1;
  building.begin_section();
  if (spread) {
    start(building.block.forward, forward, beside != nullptr ? beside->forward.ops.size() : 0);
    start(building.backward(), backward, beside != nullptr ? beside->backward.ops.size() : 0);
  }
  building.mark(LayerPart::expert_exchange);
  if (beside != nullptr) building.append(*beside);
}

}  // namespace

ExpertLoad expert_load(const BlockContext& context) {
  const ExpertParallel& expert = context.plan.expert;
  const Experts& experts = context.model.experts;
  const auto tensor = static_cast<double>(context.plan.expert_tensor());
  ExpertLoad load{};
  // One rank with every expert takes every token: none is busier than another.
  const double imbalance = expert.degree > 1 ? expert.imbalance : 1.0;
  load.busiest = expert.capacity_factor > 0 ? expert.capacity_factor : imbalance;
  load.tokens = context.shape.tokens / context.shape.residual_shards;
  load.sent = load.tokens * static_cast<double>(experts.top_k);
  // Ranks that share an expert's matrices hold different tokens: sequence parallelism splits them
  // over tensor ranks, and other ranks have other sequences.
  load.received = load.sent * tensor * load.busiest;
  load.local = static_cast<double>(experts.count) / static_cast<double>(expert.degree);
  load.width = static_cast<double>(context.model.expert_ffn()) / tensor;
  return load;
}

void dispatch_tokens(const BlockContext& context, BlockBuilder& building, const Block* beside) {
  const double narrow = context.plan.software.dispatch_bytes * context.shape.element / 2.0;
  exchange_both_ways(context, building, exchange(context, "expert dispatch", narrow),
                     exchange(context, "expert dispatch gradient", context.shape.element), beside);
  if (context.plan.expert_tensor() == 1) return;
  building.begin_section();
  building.block.forward.add(gathering(context, "expert all-gather of tokens",
                                       Collective::all_gather, CommRole::tensor_forward));
  building.backward().add(gathering(context, "expert reduce-scatter of gradients",
                                    Collective::reduce_scatter, CommRole::tensor_backward));
}

void combine_tokens(const BlockContext& context, BlockBuilder& building, const Block* beside) {
  if (context.plan.expert_tensor() > 1) {
    building.begin_section();
    building.block.forward.add(gathering(context, "expert reduce-scatter of results",
                                         Collective::reduce_scatter, CommRole::tensor_forward));
    building.backward().add(gathering(context, "expert all-gather of gradients",
                                      Collective::all_gather, CommRole::tensor_backward));
  }
  const double narrow = context.plan.software.dispatch_bytes * context.shape.element / 2.0;
  exchange_both_ways(context, building, exchange(context, "expert combine", context.shape.element),
                     exchange(context, "expert combine gradient", narrow), beside);
}

}  // namespace lockstep
