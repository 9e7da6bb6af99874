#include "strategies/flops.hpp"

#include "strategies/layer/layer_counts.hpp"

namespace lockstep {

double model_flops_per_token(const Model& model, const Training& training) {
  const std::int64_t s = training.sequence_length;
  double attention = 0;
  for (std::int64_t i = 0; i < model.layers; ++i) {
    attention += layer_flops(model, layer_spec(model, i), s).attention;
  }
  attention += static_cast<double>(model.predicted_tokens) *
               layer_flops(model, prediction_spec(model), s).attention;
  // Frozen matrices have no weight gradient; adapters have one.
  const double per_parameter = training.adapter.used() ? 4 : 6;
  return per_parameter * matmul_parameters(model) + 3 * attention;
}

}  // namespace lockstep
