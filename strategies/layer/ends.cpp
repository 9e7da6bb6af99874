// The ends of the model: token embedding, and final norm, vocabulary projection and loss.
#include "strategies/layer/blocks.hpp"

namespace lockstep {

// Forward: a row read and written per token, positions added, dropout. Backward: rows accumulated
// in fp32.
Block embedding_block(const BlockContext& context) {
  const RankShape& at = context.shape;
  const double elements = at.tokens * at.hidden / at.residual_shards;
  Block block;
  const ParameterCount count = count_parameters(context.model, at.vocabulary, at.sequence);
  // The token table is split by rows; position table and norm are whole on every rank.
  const double table = static_cast<double>(at.vocabulary) * at.hidden;
  block.parameters = table / at.tensor + (count.embedding - table);
  double forward = 4.0;
  if (context.model.positions == Positions::learned) forward += 6.0;
  if (context.training.dropout > 0) forward += 5.0;
  add_elementwise(block.forward, "embedding", Bytes{at.element / 2.0 * elements * forward},
                  OpClass::embedding);
  add_elementwise(block.backward, "embedding gradient", Bytes{at.tokens * at.hidden * 10.0},
                  OpClass::embedding);
  if (context.training.dropout > 0)
    block.saved.push_back({"embedding dropout mask", Bytes{elements}, false, {}});
  if (context.model.embedding_norm) add_norm(context, block, "embedding norm");
  return block;
}

Block head_block(const BlockContext& context) {
  const RankShape& at = context.shape;
  const Software& software = context.plan.software;
  Block block;
  const ParameterCount count = count_parameters(context.model, at.vocabulary, at.sequence);
  block.parameters = count.head / at.tensor + count.final_norm;
  // A tied table lives on both ends of a pipeline.
  if (context.model.tied_embeddings && context.plan.pipeline.stages > 1) {
    block.parameters += static_cast<double>(at.vocabulary) * at.hidden / at.tensor;
  }
  add_norm(context, block, "final norm");
  block.saved.push_back({"head input", at.residual(), false, {}});

  // The projection runs in the activation type: fp8 recipes leave the head in 16 bit.
  BlockContext sixteen_bit{context.model, context.training, context.plan, context.shape};
  sixteen_bit.shape.linear_dtype = at.activation_dtype;
  const auto rows = static_cast<double>(at.vocabulary);
  add_linear(sixteen_bit, block, "vocabulary projection", at.hidden, rows / at.tensor,
             OpClass::head_and_loss);

  const double local_rows = software.vocabulary_parallel ? rows / at.tensor : rows;
  const double traffic = *software.loss_bytes_per_logit * at.tokens * local_rows;
  add_elementwise(block.forward, "loss", Bytes{traffic / 2}, OpClass::head_and_loss);
  add_elementwise(block.backward, "loss", Bytes{traffic / 2}, OpClass::head_and_loss);
  for (Pass* pass : {&block.forward, &block.backward}) {
    for (Op& op : pass->ops) op.op_class = OpClass::head_and_loss;
  }
  return block;
}

}  // namespace lockstep
