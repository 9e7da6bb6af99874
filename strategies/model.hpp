// The transformer architecture: shapes and the choices that change FLOPs, bytes or parameters.
#pragma once

#include <cstdint>
#include <string>

namespace lockstep {

enum class Activation { gelu, swiglu, geglu, squared_relu };
enum class Norm { layernorm, rmsnorm };
enum class Positions { learned, rope, alibi, none };

// A mixture of experts in place of the MLP. count 0: a dense model.
struct Experts {
  std::int64_t count = 0;
  std::int64_t top_k = 1;              // experts that a token is sent to
  std::int64_t ffn_hidden = 0;         // width of one expert; 0: the model's ffn width
  std::int64_t shared = 0;             // experts that every token passes besides
  std::int64_t shared_ffn_hidden = 0;  // width of all of them together; 0: shared * ffn_hidden
  std::int64_t dense_layers = 0;       // first layers that have a plain MLP
  std::int64_t every = 1;              // of the others, every n-th has experts
  std::int64_t most_nodes = 0;         // nodes that a token's experts may lie on at most; 0: any
};

// Multi-head latent attention: queries, and keys and values together, go through a narrow
// projection (DeepSeek-AI 2024, arXiv:2405.04434, section 2.1). key_value_rank 0: plain attention.
struct LatentAttention {
  std::int64_t query_rank = 0;  // 0: queries are projected at once
  std::int64_t key_value_rank = 0;
  std::int64_t nope_head_dim = 128;  // of a query and key head, without positions
  std::int64_t rope_head_dim = 64;   // with rotary positions; the key's is shared by all heads
  std::int64_t value_head_dim = 128;
};

struct Model {
  std::string name;
  std::string description;
  std::string source;
  std::int64_t layers = 0;
  std::int64_t hidden = 0;
  std::int64_t ffn_hidden = 0;  // width of one MLP branch; 0: 4 * hidden
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;       // 0: as heads (multi-head attention)
  std::int64_t head_dim = 0;       // 0: hidden / heads
  std::int64_t vocabulary = 0;     // as the tokenizer or configuration states it, before padding
  std::int64_t max_positions = 0;  // rows of a learned position table; 0: the sequence length
  Activation activation = Activation::gelu;
  Norm norm = Norm::layernorm;
  Positions positions = Positions::learned;
  bool linear_biases = false;  // every linear of attention and MLP has a bias
  bool qkv_bias = false;       // only the qkv projection has one (Qwen 2)
  bool norm_biases = false;
  bool tied_embeddings = false;
  bool embedding_norm = false;              // BLOOM
  bool qk_norm = false;                     // Qwen 3
  bool parallel_residual = false;           // attention and MLP read the same state (GPT-NeoX, Phi)
  std::int64_t attention_window = 0;        // tokens that a token looks back; 0: all
  std::int64_t attention_window_every = 1;  // every n-th layer is windowed, the others see all
  Experts experts;
  LatentAttention latent;
  std::int64_t predicted_tokens = 0;  // multi-token prediction modules after the last layer

  [[nodiscard]] std::int64_t expert_ffn() const {
    return experts.ffn_hidden > 0 ? experts.ffn_hidden : ffn();
  }
  [[nodiscard]] std::int64_t shared_expert_ffn() const {
    return experts.shared_ffn_hidden > 0 ? experts.shared_ffn_hidden
                                         : experts.shared * expert_ffn();
  }
  // Size of a query and key head under latent attention.
  [[nodiscard]] std::int64_t latent_query_head() const {
    return latent.nope_head_dim + latent.rope_head_dim;
  }
  [[nodiscard]] bool has_experts() const { return experts.count > 0; }
  [[nodiscard]] bool has_latent_attention() const { return latent.key_value_rank > 0; }
  [[nodiscard]] bool gated() const {
    return activation == Activation::swiglu || activation == Activation::geglu;
  }
  [[nodiscard]] std::int64_t ffn() const { return ffn_hidden > 0 ? ffn_hidden : 4 * hidden; }
  [[nodiscard]] std::int64_t kv() const { return kv_heads > 0 ? kv_heads : heads; }
  [[nodiscard]] std::int64_t head_size() const {
    return head_dim > 0 ? head_dim : (heads > 0 ? hidden / heads : 0);
  }
  [[nodiscard]] std::int64_t query_width() const { return heads * head_size(); }
  [[nodiscard]] std::int64_t kv_width() const { return kv() * head_size(); }
};

// Parameters by part. The vocabulary is counted as given (`vocabulary_rows` lets a caller pad it).
struct ParameterCount {
  double layers = 0;      // all of them: matrices, biases and norms (layer/layer_counts.hpp)
  double experts = 0;     // of them, routed experts
  double prediction = 0;  // multi-token prediction modules; table and head are shared
  double embedding = 0;   // token table, position table and embedding norm
  double head = 0;        // vocabulary projection; 0 where tied
  double final_norm = 0;
  double total = 0;  // the sum, experts counted once
};
ParameterCount count_parameters(const Model& model, std::int64_t vocabulary_rows,
                                std::int64_t sequence_length);

// Parameters of one multi-token prediction module without its transformer layer: two norms, the
// projection of state and embedding together from 2 h to h, and the norm before the shared head.
// Source: DeepSeek-V3 Technical Report (arXiv:2412.19437), section 2.2.
double prediction_join_parameters(const Model& model);

// Parameters of the matrices that a token is multiplied with: all linears, of the experts those
// that the token is sent to, and the vocabulary projection (also where tied), once more for each
// prediction module; neither the embedding lookup nor norms nor biases.
double matmul_parameters(const Model& model);

}  // namespace lockstep
