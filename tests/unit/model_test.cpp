#include "strategies/model.hpp"

#include "tests/catch.hpp"

using namespace lockstep;

namespace {

Model llama3_8b() {
  Model model;
  model.layers = 32;
  model.hidden = 4096;
  model.ffn_hidden = 14336;
  model.heads = 32;
  model.kv_heads = 8;
  model.vocabulary = 128256;
  model.activation = Activation::swiglu;
  model.norm = Norm::rmsnorm;
  model.positions = Positions::rope;
  return model;
}

}  // namespace

TEST_CASE("model: Llama-3 8B has the parameters that its checkpoint has") {
  // Meta's checkpoint: 8 030 261 248 parameters.
  CHECK(count_parameters(llama3_8b(), 128256, 8192).total == 8030261248.0);
}

TEST_CASE("model: GPT with biases and learned positions counts every vector") {
  // h = 2, f = 8, 1 layer, V = 10, s = 4. Linears 4h^2 + 8h^2 = 48 and biases 3h + h + f + h = 18;
  // norms 2 x 2h = 8; embedding 10h + 4h = 28; final norm 2h = 4; tied head 0. Sum 106.
  Model model;
  model.layers = 1;
  model.hidden = 2;
  model.heads = 1;
  model.vocabulary = 10;
  model.linear_biases = true;
  model.norm_biases = true;
  model.tied_embeddings = true;
  CHECK(count_parameters(model, 10, 4).total == 106.0);
}

TEST_CASE("model: matmul parameters leave out the embedding lookup but count a tied head") {
  Model model = llama3_8b();
  // Attention 4096 (4096 + 2 x 1024) + 4096^2, MLP 3 x 4096 x 14336.
  const double expected = 32 * (41943040.0 + 176160768.0) + 128256.0 * 4096;
  CHECK(matmul_parameters(model) == expected);
  model.tied_embeddings = true;
  CHECK(matmul_parameters(model) == expected);
}

TEST_CASE("model: padding the vocabulary adds rows to embedding and head") {
  const Model model = llama3_8b();
  const double added =
      count_parameters(model, 129024, 8192).total - count_parameters(model, 128256, 8192).total;
  CHECK(added == 2 * 768 * 4096.0);
}
