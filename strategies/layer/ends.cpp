// The ends of the model: token embedding, and final norm, vocabulary projection and loss.
#include "strategies/layer/blocks.hpp"
#include "strategies/parallel/parallel.hpp"

namespace lockstep {

namespace {

// Scale and bias on the logits; what they read is listed with the loss (memory/loss.cpp).
void add_head_adapter(const BlockContext& context, BlockBuilder& building, double rows) {
  if (context.training.adapter.kind != AdapterKind::adapter_v2) return;
  add_linear_adapter(context, building, LinearRole::down, context.shape.hidden, rows);
  building.block.saved.pop_back();
}

}  // namespace

// Forward: a row read and written per token, positions added, dropout. Backward: rows accumulated
// in fp32.
Block embedding_block(const BlockContext& context) {
  const RankShape& at = context.shape;
  const double elements = at.tokens * at.hidden / at.residual_shards;
  BlockBuilder building;
  building.begin_section();
  const ParameterCount count = count_parameters(context.model, at.vocabulary, at.sequence);
  // The token table is split by rows; position table and norm are whole on every rank.
  const double table = static_cast<double>(at.vocabulary) * at.hidden;
  building.block.parameters = table / at.tensor + (count.embedding - table);
  double forward = 4.0;
  if (context.model.positions == Positions::learned) forward += 6.0;
  if (context.training.dropout > 0) forward += 5.0;
  const Kernels kernels{MemoryKernel::permutation, 1};
  add_elementwise(building.block.forward, "embedding", Bytes{at.element / 2.0 * elements * forward},
                  OpClass::embedding, kernels);
  add_elementwise(building.backward(), "embedding gradient", Bytes{at.tokens * at.hidden * 10.0},
                  OpClass::embedding, kernels);
  if (context.training.dropout > 0)
    building.block.saved.push_back({"embedding dropout mask", Bytes{elements}, false, {}});
  leave_tensor_parallel(context, building);
  if (context.model.embedding_norm) add_norm(context, building, "embedding norm");
  Block block = building.finish();
  settle_adapter(context, block, 0);
  return block;
}

Block head_block(const BlockContext& context) {
  const RankShape& at = context.shape;
  const Software& software = context.plan.software;
  BlockBuilder building;
  const ParameterCount count = count_parameters(context.model, at.vocabulary, at.sequence);
  building.block.parameters = count.head / at.tensor + count.final_norm;
  // A tied table lives on both ends of a pipeline.
  if (context.model.tied_embeddings && ends_apart(context.plan.pipeline)) {
    building.block.parameters += static_cast<double>(at.vocabulary) * at.hidden / at.tensor;
  }
  add_norm(context, building, "final norm");
  building.block.saved.push_back({"head input", at.residual(), false, {}});
  if (context.training.adapter.used()) saved_for_linear(context, building);

  enter_tensor_parallel(context, building);
  // The projection runs in the activation type: fp8 recipes leave the head in 16 bit.
  BlockContext sixteen_bit{context.model, context.training, context.plan, context.shape};
  sixteen_bit.shape.linear_dtype = at.activation_dtype;
  const auto rows = static_cast<double>(at.vocabulary);
  add_linear(sixteen_bit, building, "vocabulary projection", at.hidden, rows / at.tensor,
             OpClass::head_and_loss);

  add_head_adapter(context, building, rows / at.tensor);
  building.begin_section();
  const double local_rows = software.vocabulary_parallel ? rows / at.tensor : rows;
  const double traffic = *software.loss_bytes_per_logit * at.tokens * local_rows;
  add_elementwise(building.block.forward, "loss", Bytes{traffic / 2}, OpClass::head_and_loss,
                  {MemoryKernel::loss, 3});
  add_elementwise(building.backward(), "loss", Bytes{traffic / 2}, OpClass::head_and_loss,
                  {MemoryKernel::loss, 3});
  leave_head(context, building);
  Block block = building.finish();
  settle_adapter(context, block, count.final_norm);
  for (Pass* pass : {&block.forward, &block.backward}) {
    for (Op& op : pass->ops) op.op_class = OpClass::head_and_loss;
  }
  return block;
}

}  // namespace lockstep
