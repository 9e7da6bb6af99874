#include "strategies/model.hpp"

#include "strategies/layer/layer_counts.hpp"

namespace lockstep {

namespace {

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

// Matrices of a layer that one token meets.
double active_parameters(const Model& model, const LayerSpec& spec) {
  const LayerParameters count = layer_parameters(model, spec);
  return count.attention + count.mlp + count.router + count.shared_experts +
         (spec.experts ? as_double(model.experts.top_k) * count.expert : 0.0);
}

double norm_parameters(const Model& model) {
  return (model.norm_biases ? 2.0 : 1.0) * as_double(model.hidden);
}

}  // namespace

double prediction_join_parameters(const Model& model) {
  const double h = as_double(model.hidden);
  return 2 * h * h + 3 * norm_parameters(model);
}

ParameterCount count_parameters(const Model& model, std::int64_t vocabulary_rows,
                                std::int64_t sequence_length) {
  const double h = as_double(model.hidden);
  const double norm = norm_parameters(model);
  ParameterCount count;
  for (std::int64_t i = 0; i < model.layers; ++i) {
    const LayerParameters layer = layer_parameters(model, layer_spec(model, i));
    count.layers += layer.total();
    count.experts += layer.experts * (layer.expert + layer.expert_biases);
  }
  if (model.predicted_tokens > 0) {
    count.prediction = as_double(model.predicted_tokens) *
                       (prediction_join_parameters(model) +
                        layer_parameters(model, prediction_spec(model)).total());
  }
  count.embedding = as_double(vocabulary_rows) * h;
  if (model.positions == Positions::learned) {
    count.embedding +=
        as_double(model.max_positions > 0 ? model.max_positions : sequence_length) * h;
  }
  if (model.embedding_norm) count.embedding += norm;
  count.head = model.tied_embeddings ? 0.0 : as_double(vocabulary_rows) * h;
  count.final_norm = norm;
  count.total = count.layers + count.prediction + count.embedding + count.head + count.final_norm;
  return count;
}

double matmul_parameters(const Model& model) {
  const double h = as_double(model.hidden);
  double count = as_double(model.vocabulary) * h;
  for (std::int64_t i = 0; i < model.layers; ++i) {
    count += active_parameters(model, layer_spec(model, i));
  }
  if (model.predicted_tokens > 0) {
    count += as_double(model.predicted_tokens) *
             (2 * h * h + active_parameters(model, prediction_spec(model)) +
              as_double(model.vocabulary) * h);
  }
  return count;
}

}  // namespace lockstep
