// Which products a scenario's plans run, by hand.
#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "tests/catch.hpp"
#include "tests/support/test_catalog.hpp"
#include "validate/measure/kernel_list.hpp"

using namespace lockstep;

namespace {

const Catalog& shipped() {
  static const Catalog catalog(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios");
  return catalog;
}

Scenario scenario(const std::string& model, const std::string& training, const std::string& plans) {
  return parse_scenario("lockstep: 1\nname: test\nmodel: " + model +
                            "\ncluster: {system: dgx-h100, nodes: 1}\ntraining: " + training +
                            "\nsoftware: megatron-core\nplans:\n" + plans,
                        "test.yaml", shipped());
}

using Shape = std::tuple<std::string, std::int64_t, std::int64_t, std::int64_t>;

std::vector<Shape> shapes(const KernelList& list) {
  std::vector<Shape> out;
  for (const ListedGemm& gemm : list.gemms)
    out.emplace_back(gemm.op, gemm.shape.m, gemm.shape.n, gemm.shape.k);
  std::sort(out.begin(), out.end());
  return out;
}

const std::string bf16_8k = "{sequence_length: 8192, global_batch: 8, precision: bf16}";

}  // namespace

// Llama-3 8B: hidden 4096, 32 heads and 8 of keys and values of 128, feed-forward 14336 gated,
// vocabulary 128256. One sequence of 8192 tokens. Forward M tokens, N out, K in:
//   qkv            4096 + 2 x 8 x 128 = 6144 out
//   gate and up    2 x 14336 = 28672 out
// data gradient M tokens, N in, K out; weight gradient M in, N out, K tokens.
TEST_CASE("products of Llama-3 8B without tensor parallelism", "[kernels]") {
  const KernelList list = kernels_of(
      scenario("llama3-8b", bf16_8k, "  - {name: dp8, sharding: fsdp, micro_batch: 1}\n"), "", {});
  const std::vector<Shape> expected{{"down projection", 8192, 4096, 14336},
                                    {"down projection, data gradient", 8192, 14336, 4096},
                                    {"down projection, weight gradient", 14336, 4096, 8192},
                                    {"gate and up projection", 8192, 28672, 4096},
                                    {"gate and up projection, data gradient", 8192, 4096, 28672},
                                    {"gate and up projection, weight gradient", 4096, 28672, 8192},
                                    {"output projection", 8192, 4096, 4096},
                                    {"output projection, data gradient", 8192, 4096, 4096},
                                    {"output projection, weight gradient", 4096, 4096, 8192},
                                    {"qkv projection", 8192, 6144, 4096},
                                    {"qkv projection, data gradient", 8192, 4096, 6144},
                                    {"qkv projection, weight gradient", 4096, 6144, 8192},
                                    {"vocabulary projection", 8192, 128256, 4096},
                                    {"vocabulary projection, data gradient", 8192, 4096, 128256},
                                    {"vocabulary projection, weight gradient", 4096, 128256, 8192}};
  CHECK(shapes(list) == expected);
  for (const ListedGemm& gemm : list.gemms) CHECK(gemm.shape.dtype == Dtype::bf16);
  // 2 x 8192 x 6144 x 4096 = 4.12e11 FLOPs; (8192 x 4096 + 4096 x 6144 + 8192 x 6144) x 2 B = 218
  // MB
  const auto qkv = std::find_if(list.gemms.begin(), list.gemms.end(),
                                [](const ListedGemm& gemm) { return gemm.op == "qkv projection"; });
  CHECK(gemm_flops(qkv->shape) == 412316860416.0);
  CHECK(gemm_bytes(qkv->shape) == 218103808.0);
}

// Over two GPUs qkv, gate and up give half the columns, output and down read half the rows.
TEST_CASE("tensor parallelism halves one side of each product", "[kernels]") {
  const KernelList list =
      kernels_of(scenario("llama3-8b", bf16_8k,
                          "  - {name: dp8, sharding: fsdp, micro_batch: 1}\n"
                          "  - {name: tp2, tensor: 2, sharding: optimizer, micro_batch: 1}\n"),
                 "tp2", {});
  const std::vector<Shape> all = shapes(list);
  const auto has = [&](const Shape& shape) {
    return std::find(all.begin(), all.end(), shape) != all.end();
  };
  CHECK(all.size() == 15);
  CHECK(has({"qkv projection", 8192, 3072, 4096}));
  CHECK(has({"output projection", 8192, 4096, 2048}));
  CHECK(has({"gate and up projection", 8192, 14336, 4096}));
  CHECK(has({"down projection", 8192, 4096, 7168}));
  CHECK(has({"vocabulary projection", 8192, 64128, 4096}));
}

TEST_CASE("plans that share products list them once", "[kernels]") {
  const std::string dp = "  - {name: dp8, sharding: fsdp, micro_batch: 1}\n";
  const std::string zero = "  - {name: zero, sharding: optimizer, micro_batch: 1}\n";
  const KernelList one = kernels_of(scenario("llama3-8b", bf16_8k, dp), "", {});
  const KernelList both = kernels_of(scenario("llama3-8b", bf16_8k, dp + zero), "", {});
  CHECK(shapes(one) == shapes(both));
}

TEST_CASE("types that were asked for replace those of the scenario", "[kernels]") {
  const KernelList list = kernels_of(
      scenario("llama3-8b", bf16_8k, "  - {name: dp8, sharding: fsdp, micro_batch: 1}\n"), "",
      {Dtype::bf16, Dtype::fp8});
  const auto narrow = std::count_if(list.gemms.begin(), list.gemms.end(), [](const auto& gemm) {
    return gemm.shape.dtype == Dtype::fp8;
  });
  CHECK(narrow == 15);
  CHECK(list.gemms.size() == 30);
}

TEST_CASE("a plan that is not there", "[kernels]") {
  CHECK_THROWS_AS(kernels_of(scenario("llama3-8b", bf16_8k,
                                      "  - {name: dp8, sharding: fsdp, micro_batch: 1}\n"),
                             "dp9", {}),
                  std::out_of_range);
}

// Without a fused kernel attention runs two products per head and sequence forward: scores s x s
// over the head's 128, and scores times values. 4 sequences x 32 heads / 1 = 128 at once.
TEST_CASE("products of attention scores are listed where attention is not fused", "[kernels]") {
  const KernelList list =
      kernels_of(scenario("llama2-7b", "{sequence_length: 2048, global_batch: 32, precision: bf16}",
                          "  - {name: dp8, sharding: fsdp, micro_batch: 4, software: {based_on: "
                          "megatron-core, attention: unfused}}\n"),
                 "", {});
  const auto scores = std::find_if(list.gemms.begin(), list.gemms.end(),
                                   [](const ListedGemm& gemm) { return gemm.op == "scores"; });
  REQUIRE(scores != list.gemms.end());
  CHECK(scores->shape == GemmShape{2048, 2048, 128, Dtype::bf16, GemmPass::forward, 128});
  CHECK(scores->head_dim == 128);
  const auto values =
      std::find_if(list.gemms.begin(), list.gemms.end(),
                   [](const ListedGemm& gemm) { return gemm.op == "scores times values"; });
  REQUIRE(values != list.gemms.end());
  CHECK(values->shape == GemmShape{2048, 128, 2048, Dtype::bf16, GemmPass::data_gradient, 128});
}

// A quick run keeps four forward products of each type and the large size of the nine kernels.
TEST_CASE("a quick list", "[kernels]") {
  const KernelList list = quick(standard_kernels({Dtype::bf16, Dtype::fp8}));
  REQUIRE(list.gemms.size() == 8);
  // 16384^3 = 4.4e12; 8192 x 57344 x 8192 = 3.8e12; 8192 x 128256 x 4096 = 4.3e12; the next is
  // 8192 x 8192 x 28672 = 1.9e12
  CHECK(shapes(list) == std::vector<Shape>{{"down projection", 8192, 8192, 28672},
                                           {"down projection", 8192, 8192, 28672},
                                           {"gate and up projection", 8192, 57344, 8192},
                                           {"gate and up projection", 8192, 57344, 8192},
                                           {"square", 16384, 16384, 16384},
                                           {"square", 16384, 16384, 16384},
                                           {"vocabulary projection", 8192, 128256, 4096},
                                           {"vocabulary projection", 8192, 128256, 4096}});
  CHECK(list.memory_ops.size() == 9);
}
