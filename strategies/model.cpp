#include "strategies/model.hpp"

namespace lockstep {

namespace {

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

// Weights of one layer's four linears: qkv h(q+2k), output q h, up h f (twice if gated), down f h.
double layer_matrix_parameters(const Model& model) {
  const double h = as_double(model.hidden);
  const double q = as_double(model.query_width());
  const double k = as_double(model.kv_width());
  const double f = as_double(model.ffn());
  const double branches = model.gated() ? 2.0 : 1.0;
  return h * (q + 2 * k) + q * h + branches * h * f + f * h;
}

double layer_bias_parameters(const Model& model) {
  const double h = as_double(model.hidden);
  const double qkv = as_double(model.query_width() + 2 * model.kv_width());
  const double up = (model.gated() ? 2.0 : 1.0) * as_double(model.ffn());
  if (model.linear_biases) return qkv + h + up + h;
  return model.qkv_bias ? qkv : 0.0;
}

}  // namespace

ParameterCount count_parameters(const Model& model, std::int64_t vocabulary_rows,
                                std::int64_t sequence_length) {
  const double h = as_double(model.hidden);
  const double norm = model.norm_biases ? 2 * h : h;
  ParameterCount count;
  count.layer_linear = layer_matrix_parameters(model) + layer_bias_parameters(model);
  count.layer_norm = 2 * norm + (model.qk_norm ? 2 * as_double(model.head_size()) : 0.0);
  count.embedding = as_double(vocabulary_rows) * h;
  if (model.positions == Positions::learned) {
    count.embedding +=
        as_double(model.max_positions > 0 ? model.max_positions : sequence_length) * h;
  }
  if (model.embedding_norm) count.embedding += norm;
  count.head = model.tied_embeddings ? 0.0 : as_double(vocabulary_rows) * h;
  count.final_norm = norm;
  count.total = as_double(model.layers) * (count.layer_linear + count.layer_norm) +
                count.embedding + count.head + count.final_norm;
  return count;
}

double matmul_parameters(const Model& model) {
  return as_double(model.layers) * layer_matrix_parameters(model) +
         as_double(model.vocabulary) * as_double(model.hidden);
}

}  // namespace lockstep
