// Parameter counts of every shape of validate/corpus/model_shapes.csv: within 0.5 % of the count
// that was worked out from its sizes, and within 1 % of the publisher's figure where there is none.
#include "tests/catch.hpp"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "scenarios/scenario.hpp"
#include "validate/csv.hpp"

using namespace lockstep;

namespace {

const std::string source = LOCKSTEP_TEST_SOURCE_DIR;

CsvTable shapes() {
  const std::string file = source + "/validate/corpus/model_shapes.csv";
  std::ifstream stream(file);
  return parse_csv(std::string(std::istreambuf_iterator<char>(stream), {}), file);
}

class Shape {
 public:
  Shape(const CsvTable& table, const CsvRow& row) : table_(table), row_(row) {}

  [[nodiscard]] std::string text(const std::string& column) const {
    const auto index = table_.find(column);
    REQUIRE(index);
    return row_.cells[*index].text;
  }
  [[nodiscard]] std::int64_t count(const std::string& column) const {
    return std::strtoll(text(column).c_str(), nullptr, 10);
  }
  [[nodiscard]] double number(const std::string& column) const {
    return std::strtod(text(column).c_str(), nullptr);
  }
  [[nodiscard]] bool says(const std::string& column, const std::string& word) const {
    return text(column).find(word) != std::string::npos;
  }

 private:
  const CsvTable& table_;
  const CsvRow& row_;
};

// The vectors that the table's sizes leave open, by family.
void add_vectors(const Shape& shape, Model& model) {
  const std::string family = shape.text("family");
  model.linear_biases = family == "megatron-gpt" || family == "bloom";
  model.norm_biases = model.linear_biases || family == "nemotron";
  model.qkv_bias = family == "qwen2.5" || family == "internlm";
  model.qk_norm = family.rfind("qwen3", 0) == 0;
  model.embedding_norm = family == "bloom";
}

void add_experts(const Shape& shape, Model& model) {
  model.experts.count = shape.count("moe_experts");
  if (model.experts.count == 0) return;
  model.experts.top_k = shape.count("moe_topk");
  model.experts.ffn_hidden = shape.count("moe_ffn_hidden");
  model.experts.shared = shape.count("shared_experts");
  model.experts.dense_layers = shape.count("dense_layers");
}

Model model_of(const Shape& shape) {
  Model model;
  model.layers = shape.count("layers");
  model.hidden = shape.count("hidden");
  model.ffn_hidden = shape.count("ffn_hidden");
  model.heads = shape.count("heads");
  model.kv_heads = shape.count("kv_heads");
  model.vocabulary = shape.count("vocab");
  if (shape.text("gated_mlp") == "yes") model.activation = Activation::swiglu;
  const bool learned = shape.says("pos_emb", "learned") || shape.text("pos_emb").empty();
  model.positions = learned ? Positions::learned : Positions::rope;
  // Where the table says nothing of ties, Megatron ties.
  model.tied_embeddings =
      shape.text("tied_embeddings") == "yes" ||
      (shape.text("tied_embeddings").empty() && shape.text("family") == "megatron-gpt");
  if (shape.says("attention", "mla")) {
    model.latent = {1536, 512, 128, 64, 128};
    model.head_dim = 128;
  } else {
    model.head_dim = shape.count("head_dim");
  }
  add_vectors(shape, model);
  add_experts(shape, model);
  return model;
}

// Positions of a learned table: those of the run that the shape was published for.
std::int64_t positions_of(const Shape& shape) {
  return shape.says("notes", "seq 4096") ? 4096 : 2048;
}

}  // namespace

TEST_CASE("published: every model shape has its parameters", "[published]") {
  const CsvTable table = shapes();
  CHECK(table.rows.size() == 77);
  for (const CsvRow& row : table.rows) {
    const Shape shape(table, row);
    INFO(shape.text("model"));
    const Model model = model_of(shape);
    const double billions =
        count_parameters(model, model.vocabulary, positions_of(shape)).total / 1e9;
    const double worked_out = shape.number("params_b_recomputed");
    if (worked_out > 0) {
      CHECK(billions == Approx(worked_out).epsilon(0.005));
    } else {
      CHECK(billions == Approx(shape.number("params_total_b_source")).epsilon(0.01));
    }
  }
}

TEST_CASE("published: models with experts have the parameters of their checkpoints",
          "[published]") {
  const Catalog catalog(source + "/scenarios");
  const auto total = [&](const char* name) {
    const Model model = catalog.model(name);
    return count_parameters(model, model.vocabulary, 4096).total;
  };
  // Sums over the checkpoints' tensors. Not counted: DeepSeek's 58 x 256 expert biases, which are
  // no gradient's parameters, and gpt-oss's attention sinks, one a head and layer.
  CHECK(total("mixtral-8x7b") == 46702792704.0);
  CHECK(total("qwen3-30b-a3b") == 30532122624.0);
  CHECK(total("deepseek-v3") == 671026419200.0 - 58 * 256);
  CHECK(total("gpt-oss-120b") == 116829156672.0 - 36 * 64);
  CHECK(total("gpt-oss-20b") == 20914757184.0 - 24 * 64);
}

TEST_CASE("published: the parameters that a token meets", "[published]") {
  const Catalog catalog(source + "/scenarios");
  const auto active = [&](const char* name) {
    return matmul_parameters(catalog.model(name)) / 1e9;
  };
  // Model cards, in 1e9, some with and some without the embedding table: 12.9, 22 (of 235), 37 (of
  // 671), 21 (of 236).
  CHECK(active("mixtral-8x7b") == Approx(12.9).epsilon(0.02));
  CHECK(active("qwen3-235b-a22b") == Approx(22).epsilon(0.04));
  CHECK(active("deepseek-v3") == Approx(37).epsilon(0.02));
  CHECK(active("deepseek-v2") == Approx(21).epsilon(0.03));
}
