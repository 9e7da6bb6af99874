#include "scenarios/fields.hpp"
#include "scenarios/fields/limits.hpp"

namespace lockstep {
namespace {

constexpr Choice activation_choices[] = {
    {"gelu", static_cast<int>(Activation::gelu), "one branch with GELU (GPT)"},
    {"swiglu", static_cast<int>(Activation::swiglu), "gate and up branches with SiLU (Llama)"},
    {"geglu", static_cast<int>(Activation::geglu), "gate and up branches with GELU (Gemma)"},
    {"squared-relu", static_cast<int>(Activation::squared_relu), "one branch with squared ReLU (Nemotron)"},
};

constexpr Choice norm_choices[] = {
    {"layernorm", static_cast<int>(Norm::layernorm), "mean and variance, weight and optional bias"},
    {"rmsnorm", static_cast<int>(Norm::rmsnorm), "root mean square, weight only"},
};

constexpr Choice position_choices[] = {
    {"learned", static_cast<int>(Positions::learned), "a table of position embeddings (GPT)"},
    {"rope", static_cast<int>(Positions::rope), "rotary embedding of queries and keys (Llama)"},
    {"alibi", static_cast<int>(Positions::alibi), "a bias on the attention scores (BLOOM, MPT)"},
    {"none", static_cast<int>(Positions::none), "nothing"},
};

void describe_experts(FieldVisitor& visitor, Experts& experts) {
  visitor.count({"count", "Routed experts of a layer; 0: a dense model."}, experts.count, 0, limits::widest);
  visitor.count({"top_k", "Experts that a token is sent to."}, experts.top_k, 1, limits::widest);
  visitor.count({"ffn_hidden", "Width of one expert; 0: ffn_hidden of the model."}, experts.ffn_hidden, 0, limits::widest);
  visitor.count({"shared", "Experts that every token passes besides."}, experts.shared, 0, limits::widest);
  visitor.count({"shared_ffn_hidden", "Width of the shared experts together; 0: shared x ffn_hidden."},
                experts.shared_ffn_hidden, 0, limits::widest);
  visitor.count({"dense_layers", "First layers that have a plain MLP."}, experts.dense_layers, 0, limits::most_layers);
  visitor.count({"every", "Of the other layers every n-th has experts."}, experts.every, 1, limits::most_layers);
  visitor.count({"most_nodes", "Nodes that the experts of one token lie on at most; 0: any."}, experts.most_nodes, 0,
                limits::widest);
}

void describe_latent(FieldVisitor& visitor, LatentAttention& latent) {
  visitor.count({"query_rank", "Width of the latent queries; 0: queries are projected at once."}, latent.query_rank, 0,
                limits::widest);
  visitor.count({"key_value_rank", "Width of the latent keys and values; 0: plain attention."}, latent.key_value_rank, 0,
                limits::widest);
  visitor.count({"nope_head_dim", "Size of a query and key head without positions."}, latent.nope_head_dim, 1,
                limits::widest);
  visitor.count({"rope_head_dim", "Size of its part with rotary positions; the key's is shared by all heads."},
                latent.rope_head_dim, 0, limits::widest);
  visitor.count({"value_head_dim", "Size of a value head."}, latent.value_head_dim, 1, limits::widest);
}

}  // namespace

void describe(FieldVisitor& visitor, Model& model) {
  visitor.text({"description", "One line for lists."}, model.description);
  visitor.text({"source", "Where the shape was published."}, model.source);
  visitor.count({"layers", "Transformer layers.", true}, model.layers, 1, limits::most_layers);
  visitor.count({"hidden", "Width of the residual stream.", true}, model.hidden, 1, limits::widest);
  visitor.count({"ffn_hidden", "Width of one MLP branch; 0: 4 x hidden."}, model.ffn_hidden, 0, limits::widest);
  visitor.count({"heads", "Attention (query) heads.", true}, model.heads, 1, limits::widest);
  visitor.count({"kv_heads", "Key/value heads (grouped-query attention); 0: as many as heads."}, model.kv_heads, 0,
                limits::widest);
  visitor.count({"head_dim", "Size of one head; 0: hidden / heads."}, model.head_dim, 0, limits::widest);
  visitor.count({"vocabulary", "Tokens of the vocabulary, as the tokenizer states them, before padding.", true},
                model.vocabulary, 1, limits::widest);
  visitor.count({"max_positions", "Rows of a learned position table; 0: the sequence length."}, model.max_positions, 0,
                limits::widest);
  visit_choice(visitor, {"activation", "Activation of the MLP."}, model.activation, activation_choices);
  visit_choice(visitor, {"norm", "Normalisation before attention and MLP."}, model.norm, norm_choices);
  visit_choice(visitor, {"positions", "How positions enter."}, model.positions, position_choices);
  visitor.flag({"linear_biases", "Every linear of attention and MLP has a bias."}, model.linear_biases);
  visitor.flag({"qkv_bias", "Only the projection to queries, keys and values has a bias (Qwen 2)."}, model.qkv_bias);
  visitor.flag({"norm_biases", "Norms have a bias besides their weight."}, model.norm_biases);
  visitor.flag({"tied_embeddings", "The vocabulary projection shares the embedding table."}, model.tied_embeddings);
  visitor.flag({"embedding_norm", "A norm follows the embedding (BLOOM)."}, model.embedding_norm);
  visitor.flag({"qk_norm", "Queries and keys are normalised per head (Qwen 3)."}, model.qk_norm);
  visitor.flag({"parallel_residual", "Attention and MLP read the same state, which is kept once (GPT-NeoX, Phi)."},
               model.parallel_residual);
  visitor.count({"attention_window", "Tokens that a token looks back (sliding window); 0: all."}, model.attention_window, 0,
                limits::widest);
  visitor.count({"attention_window_every", "Every n-th layer is windowed, the others see all."},
                model.attention_window_every, 1, limits::most_layers);
  visitor.group({"experts", "A mixture of experts in place of the MLP."},
                [&](FieldVisitor& inner) { describe_experts(inner, model.experts); });
  visitor.group({"latent_attention", "Multi-head latent attention (DeepSeek)."},
                [&](FieldVisitor& inner) { describe_latent(inner, model.latent); });
  visitor.count({"predicted_tokens", "Multi-token prediction modules after the last layer."}, model.predicted_tokens, 0, 16);
}

}  // namespace lockstep
