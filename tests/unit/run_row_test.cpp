// From free text to a scenario: aliases, what is taken for granted, why a row is skipped.
#include "tests/catch.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/support/measured_row.hpp"
#include "validate/run_row.hpp"
#include "validate/stated_network.hpp"

using namespace lockstep;
using lockstep::testing::aliases;
using lockstep::testing::assumes;
using lockstep::testing::build;
using lockstep::testing::catalog;

namespace {

std::string software_of(const std::string& framework, std::map<std::string, std::string> cells = {}) {
  cells["framework"] = framework;
  return build(cells).plan.software.name;
}

}  // namespace

TEST_CASE("Rows: a row with only the required columns is simulated, and says what it took for granted", "[unit]") {
  const RunScenario run = build({{"arch", ""}});
  CHECK(run.skipped.empty());
  CHECK(run.plan.software.name == "default");
  CHECK(run.plan.data == 16);
  CHECK(run.cluster.nodes == 2);
  CHECK(run.cluster.system.name == "generic-h100-sxm-80gb");
  for (const char* text :
       {"network: generic-h100-sxm-80gb", "gpus_per_node: 8", "architecture: GPT (GELU, LayerNorm, learned positions)",
        "kv_heads: as many as heads", "ffn_hidden: 16384", "vocab: 51200", "software not known: the profile 'default'",
        "flash_attention: that of the software profile", "precision: bf16", "tp: 1", "pp: 1", "dp: 16",
        "zero_stage: 0", "activation_recompute: none"}) {
    INFO(text);
    CHECK(assumes(run, text));
  }
}

TEST_CASE("Rows: frameworks in other spellings than the corpus uses", "[unit]") {
  CHECK(software_of("FSDP2") == "torch-fsdp");
  CHECK(software_of("PyTorch FSDP2", {{"torch_compile", "True"}}) == "torch-fsdp-compiled");
  CHECK(software_of("fms-fsdp (IBM)") == "torch-fsdp-compiled");
  CHECK(software_of("DeepSpeed ZeRO-3") == "deepspeed");
  CHECK(software_of("Megatron-DeepSpeed") == "megatron-deepspeed");
  CHECK(software_of("NeMo AutoModel (FSDP2)") == "torch-fsdp");
  CHECK(software_of("MegatronLM") == "megatron-core");
  CHECK(software_of("Megatron-LM", {{"flash_attention", "none"}}) == "megatron-lm-2022");
  CHECK(software_of("mcore r0.9") == "megatron-core");
  CHECK(software_of("NeMo 2.0") == "nemo");
  CHECK(software_of("TorchTitan v0.1", {{"torch_compile", "yes"}}) == "torchtitan-compiled");
  CHECK(software_of("MaxText") == "maxtext");
  CHECK(software_of("somebody's trainer") == "default");
}

TEST_CASE("Rows: words that no rule knows are listed with what is taken instead", "[unit]") {
  const RunScenario run = build({{"tp", "2"}, {"pp", "1"}, {"vpp", "4"}, {"precision", "BF17"}, {"sp", "maybe"},
                                 {"flash_attention", "maybe"}, {"activation_recompute", "selectiv"},
                                 {"torch_compile", "perhaps"}, {"framework", "Somebody's trainer"}, {"vocab", "0"},
                                 {"peak_mem_gib", "5"}, {"peak_mem_kind", "felt"}});
  CHECK(run.plan.recompute == Recompute::selective);
  for (const char* text :
       {"precision: bf16 ('BF17' is not known)", "sp: false ('maybe' is not known)", "vocab: 32000",
        "flash_attention: that of the software profile ('maybe' is not known)",
        "activation_recompute: selective ('selectiv' is not known)",
        "torch_compile: that of the software profile ('perhaps' is not known)",
        "framework: default ('Somebody's trainer' is not known)", "vpp: 1 (not 4: there is one stage)",
        "kind of the measured peak: reserved by the allocator ('felt' is not known)"}) {
    INFO(text);
    CHECK(assumes(run, text));
  }
  CHECK(assumes(build({{"activation_recompute", "sometimes"}}), "activation_recompute: none ('sometimes' is not known)"));
  CHECK(assumes(build({{"sp", "maybe"}}), "sp: false ('maybe' is not known)"));
  CHECK(assumes(build({{"precision", "n/a"}}), "precision: bf16"));
}

TEST_CASE("Rows: a profile that stands in for another framework says so", "[unit]") {
  const auto stands_in = [](const std::string& framework, const std::string& profile) {
    return assumes(build({{"framework", framework}}), "framework: " + profile + " stands in for '" + framework + "'");
  };
  CHECK(stands_in("HF Trainer", "torch-fsdp"));
  CHECK(stands_in("Axolotl (FSDP)", "torch-fsdp"));
  CHECK(stands_in("HF Accelerate + DeepSpeed ZeRO-3", "deepspeed"));
  CHECK(stands_in("Levanter", "maxtext"));
  CHECK(stands_in("GPT-NeoX", "megatron-deepspeed"));
  CHECK(stands_in("MegaScale", "megatron-core"));
  CHECK_FALSE(stands_in("DeepSpeed ZeRO-3", "deepspeed"));
  CHECK_FALSE(stands_in("MaxText (JAX)", "maxtext"));
  CHECK_FALSE(stands_in("PyTorch FSDP2", "torch-fsdp"));
  CHECK(assumes(build({{"framework", "torchtitan"}, {"torch_compile", "true"}, {"gpu_key", "b200"}}),
                "version of torchtitan: that of 2025, since it ran on Blackwell (torchtitan-2025)"));
}

TEST_CASE("Rows: a model of the catalog fills what the row leaves empty", "[unit]") {
  for (const char* name : {"llama3-8b", "Llama 3 8B", "meta-llama/Meta-Llama-3-8B", "LLaMA-3-8B (dense)"}) {
    INFO(name);
    const RunScenario run = build({{"model", name}, {"arch", ""}});
    CHECK(run.model.ffn_hidden == 14336);
    CHECK(run.model.kv_heads == 8);
    CHECK(run.model.vocabulary == 128256);
    CHECK(run.model.activation == Activation::swiglu);
    for (const char* text : {"architecture: as llama3-8b", "kv_heads: 8, as llama3-8b", "ffn_hidden: 14336, as llama3-8b",
                             "vocab: 128256, as llama3-8b"}) {
      INFO(text);
      CHECK(assumes(run, text));
    }
  }
  // What the row states holds; where its shape is another, the name counts for nothing.
  CHECK(build({{"model", "llama3-8b"}, {"vocab", "32000"}}).model.vocabulary == 32000);
  CHECK(build({{"model", "llama3-8b"}, {"arch", "gpt_dense"}}).model.activation == Activation::gelu);
  CHECK(build({{"model", "llama3-8b"}, {"layers", "4"}}).model.ffn_hidden == 11008);
}

TEST_CASE("Rows: DeepSpeed's stage in the framework's name counts where zero_stage is empty", "[unit]") {
  CHECK(build({{"framework", "DeepSpeed ZeRO-3"}}).plan.sharding == Sharding::fsdp);
  CHECK(build({{"framework", "DeepSpeed ZeRO-3"}, {"zero_stage", "1"}}).plan.sharding == Sharding::optimizer);
}

TEST_CASE("Rows: GPUs in other spellings", "[unit]") {
  CHECK(build({{"gpu_key", "H100 80GB HBM3"}}).cluster.system.gpu.name == "h100-sxm-80gb");
  CHECK(build({{"gpu_key", "A100-SXM4-40GB"}}).cluster.system.gpu.name == "a100-sxm-40gb");
  CHECK(build({{"gpu_key", "NVIDIA B200"}}).cluster.system.gpu.name == "b200-sxm");
  CHECK(assumes(build({{"gpu_key", "A100"}}), "memory of the A100: 80 GB"));
  CHECK(build({{"gpu_key", "h100-sxm-80g"}}).cluster.system.gpu.name == "h100-sxm-80gb");
  CHECK(build({{"gpu_key", "h20-sxm"}}).skipped == "GPU 'h20-sxm' is not in the catalog; the nearest is h200-sxm");
  CHECK(build({{"gpu_key", "MI300X"}}).skipped == "GPU 'mi300x' is not in the catalog");
}

TEST_CASE("Rows: adapters by their words, and what stacks take for granted", "[unit]") {
  const RunScenario lora = build({{"mode", "LoRA"}});
  CHECK(lora.training.adapter.kind == AdapterKind::lora);
  CHECK(lora.training.adapter.frozen == FrozenWeights::training);
  CHECK(assumes(lora, "LoRA: rank 8 beside q and v"));
  CHECK(lora.step_time_s == 1);
  CHECK(build({{"mode", "QLoRA"}}).training.adapter.frozen == FrozenWeights::nf4_double);
  const RunScenario litgpt =
      build({{"mode", "LoRA (bnb.nf4)"}, {"framework", "litgpt"}, {"precision", "bf16-true+bnb.nf4"}});
  CHECK(litgpt.training.adapter.frozen == FrozenWeights::nf4);
  CHECK(litgpt.training.adapter.dropout == 0.05);
  CHECK(litgpt.plan.recompute == Recompute::full);  // 16 GPUs
  CHECK(litgpt.step_time_s == 0);
  CHECK(assumes(litgpt,
                "time not compared: of a micro-batch of samples that are shorter than the longest"));
  CHECK(build({{"mode", "full fine-tuning"}}).training.adapter.kind == AdapterKind::none);
  CHECK(assumes(build({{"mode", "sft"}}), "fine-tuning: every sequence counts as full"));
  const RunScenario offload = build({{"activation_recompute", "full+offload"}});
  CHECK(offload.plan.recompute == Recompute::full);
  CHECK(offload.plan.offload.activations == 1);
}

TEST_CASE("Rows: the count of what is trained tells the adapter's version", "[unit]") {
  // 30 layers of 10 x 4096 + 32: 1,229,760; with scales, biases and norms 4,279,744.
  const auto kind = [](const char* notes) {
    return build({{"mode", "Adapter"}, {"notes", notes}}).training.adapter.kind;
  };
  CHECK(kind("trainable 1,229,760; longest sample") == AdapterKind::prompt);
  CHECK(kind("trainable 4,279,744") == AdapterKind::adapter_v2);
  CHECK(kind("") == AdapterKind::prompt);
  CHECK(build({{"mode", "Adapter"}, {"trainable_params", "4279744"}}).training.adapter.kind ==
        AdapterKind::adapter_v2);
  CHECK(build({{"mode", "Adapter v2"}}).training.adapter.kind == AdapterKind::adapter_v2);
}

TEST_CASE("Rows: what is not modelled is skipped with the reason", "[unit]") {
  CHECK(build({{"mode", "prefix tuning"}}).skipped ==
        "trains an adapter of a kind that is not modelled");
  CHECK(build({{"activation_recompute", "cpu offload"}}).skipped ==
        "state or activations are offloaded to the host");
  CHECK(build({{"overlap_notes", "optimizer in 8-bit"}}).skipped == "optimizer state in 8 bits");
  CHECK(build({{"framework", "torchtune"}, {"mode", "full finetune"}, {"num_gpus", "1"}}).skipped ==
        "full fine-tuning on one GPU whose optimizer is not stated");
  CHECK(build({{"micro_batch", ""}}).skipped == "micro_batch is not stated");
  CHECK(build({{"tp", "3"}}).skipped == "degrees that do not multiply to the GPUs");
  CHECK(build({{"tp", "2"}, {"dp", "16"}}).skipped == "degrees that do not multiply to the GPUs");
  CHECK(build({{"global_batch", "100"}}).skipped.find("illegal plan: global batch 100 does not divide") == 0);
  CHECK(build({{"kv_heads", "5"}}).skipped ==
        "impossible model shape: the key/value heads do not divide the heads");
}

TEST_CASE("Rows: experts are the row's, the catalog's, or a guess that is listed", "[unit]") {
  RunScenario run = build({{"moe_experts", "16"}, {"moe_topk", "4"}, {"ffn_hidden", "1024"}, {"ep", "4"}});
  CHECK(run.skipped.empty());
  CHECK(run.model.experts.count == 16);
  CHECK(run.model.experts.top_k == 4);
  CHECK(run.plan.expert.degree == 4);
  CHECK(assumes(run, "width of an expert: 1024"));

  run = build({{"arch", ""}, {"model", "Mixtral 8x7B"}, {"ep", "8"}});
  CHECK(run.skipped.empty());
  CHECK(run.model.experts.count == 8);
  CHECK(run.model.experts.top_k == 2);
  CHECK(assumes(run, "width of an expert: 14336, as mixtral-8x7b"));

  run = build({{"arch", "some_moe"}});
  CHECK(run.model.experts.count == 8);
  CHECK(assumes(run, "moe_experts: 8"));
  CHECK(assumes(run, "moe_topk: 2"));
  CHECK(assumes(run, "ep: 1"));
  CHECK(build({{"num_experts", "64"}}).model.has_experts());

  // A proxy of fewer layers has the sizes of the model that its name begins with.
  run = build({{"arch", "deepseek_moe_mla"}, {"model", "deepseek-v2-4L"}, {"layers", "4"}, {"hidden", "5120"},
               {"heads", "128"}, {"moe_experts", "160"}, {"moe_topk", "6"}, {"ep", "8"}});
  CHECK(run.skipped.empty());
  CHECK(run.model.layers == 4);
  CHECK(run.model.expert_ffn() == 1536);
  CHECK(run.model.latent.key_value_rank == 512);
  CHECK(assumes(run, "width of an expert: 1536, as deepseek-v2"));

  run = build({{"ep", "4"}});
  CHECK(run.skipped.empty());
  CHECK(assumes(run, "ep: 1 (not 4: the model has no experts)"));
  run = build({{"moe_experts", "8"}, {"tp", "2"}, {"sp", "false"}});
  CHECK(run.plan.sequence_parallel);
  CHECK(assumes(run, "sp: true (experts need it)"));
  CHECK(assumes(run, "tensor parallelism of the experts: 2"));
  CHECK(build({{"moe_experts", "8"}, {"tp", "2"}, {"framework", "Megatron-Bridge"}}).plan.expert_tensor() == 1);
}

TEST_CASE("Rows: context parallelism by the way of its software", "[unit]") {
  RunScenario run = build({{"cp", "2"}, {"framework", "NeMo"}});
  CHECK(run.skipped.empty());
  CHECK(run.plan.context.degree == 2);
  CHECK(run.plan.context.method == ContextMethod::ring);
  CHECK(run.plan.context.balanced);
  CHECK(run.plan.data == 8);
  CHECK(assumes(run, "context parallelism: ring"));
  run = build({{"cp", "4"}, {"framework", "torchtitan"}});
  CHECK(run.plan.context.method == ContextMethod::all_gather);
  CHECK(assumes(run, "context parallelism: all-gather"));
  run = build({{"cp", "2"}, {"seq_len", "4098"}});
  CHECK_FALSE(run.plan.context.balanced);
  CHECK(assumes(run, "context parallelism: causal work is not balanced"));
}

TEST_CASE("Rows: modules that recompute, by Megatron's names", "[unit]") {
  const RunScenario run = build({{"activation_recompute", "selective:mla_up_proj+mlp"}});
  CHECK(run.plan.recompute == Recompute::selective);
  CHECK(run.plan.recompute_parts == "mla_up_proj+mlp");
  CHECK(build({{"activation_recompute", "selective:something"}}).plan.recompute_parts.empty());
}

TEST_CASE("Rows: a head count that does not divide the width becomes the nearest that does", "[unit]") {
  // 14,336 = 2^11 x 7: its divisors near 96 are 64 and 112, and 112 / 96 < 96 / 64.
  const RunScenario run = build({{"hidden", "14336"}, {"heads", "96"}, {"tp", "8"}});
  CHECK(run.model.heads == 112);
  CHECK(assumes(run, "heads: 112 (96 do not divide hidden 14336)"));
  CHECK(build({{"hidden", "5120"}, {"heads", "64"}, {"head_dim", "128"}}).model.heads == 64);
}

TEST_CASE("Rows: layers that stages do not divide get a layout all the same", "[unit]") {
  const RunScenario run = build({{"layers", "30"}, {"pp", "4"}, {"vpp", "1"}, {"framework", "Megatron-LM core 0.9"}});
  CHECK(run.skipped.empty());
  CHECK(run.plan.software.stage_partition == StagePartition::ends_lighter);
  CHECK(assumes(run, "layers over stages: fewer on the first and last stage"));
}

TEST_CASE("Rows: where Megatron-Core's interleave is not stated, one layer a chunk", "[unit]") {
  const RunScenario run = build({{"pp", "4"}, {"framework", "Megatron-Core"}});
  CHECK(run.plan.pipeline.interleave == 8);  // 32 layers over 4 stages
  CHECK(assumes(run, "vpp: 8"));
  CHECK(build({{"pp", "4"}, {"vpp", "2"}, {"framework", "Megatron-Core"}}).plan.pipeline.interleave == 2);
  CHECK(build({{"pp", "4"}, {"framework", "nanotron"}}).plan.pipeline.interleave == 1);
  // 16 GPUs: tensor 2, 4 stages, data 2; 6 sequences are 3 micro-batches, which 4 stages cannot interleave
  CHECK(build({{"pp", "4"}, {"tp", "2"}, {"global_batch", "6"}, {"framework", "Megatron-Core"}})
            .plan.pipeline.interleave == 1);
}

TEST_CASE("Rows: sequence parallelism where it is not stated follows the stack", "[unit]") {
  CHECK(build({{"tp", "8"}, {"framework", "Megatron-Core"}}).plan.sequence_parallel);
  CHECK_FALSE(build({{"tp", "8"}, {"framework", "Megatron-Core"}, {"sp", "false"}}).plan.sequence_parallel);
  CHECK_FALSE(build({{"tp", "1"}, {"sp", "true"}}).plan.sequence_parallel);
}

TEST_CASE("Rows: recompute texts", "[unit]") {
  const auto plan = [](const std::string& text) { return build({{"activation_recompute", text}}).plan; };
  CHECK(plan("none (conf default null)").recompute == Recompute::none);
  CHECK(plan("full (every layer)").recompute == Recompute::full);
  CHECK(plan("full (every layer)").recompute_every == 1);
  CHECK(plan("selective (attention core)").recompute == Recompute::selective);
  CHECK(plan("selective (attention core)").software.selective_recompute == SelectiveRecompute::attention_core);
  CHECK(plan("selective (per-op SAC)").software.selective_recompute == SelectiveRecompute::per_op);
  CHECK(plan("selective (every other layer)").recompute == Recompute::full);
  CHECK(plan("selective (every other layer)").recompute_every == 2);
  CHECK(plan("every 3rd layer").recompute_every == 3);
  CHECK(plan("1 in 4 blocks").recompute_every == 4);
  CHECK(plan("full (block, 5 layers per stage)").recompute_layers == 5);
  CHECK(plan("True").recompute == Recompute::full);
}

TEST_CASE("Rows: attention texts keep a profile's kernel that they allow", "[unit]") {
  const auto kernel = [](const std::string& framework, const std::string& text) {
    return build({{"framework", framework}, {"flash_attention", text}}).plan.software.attention;
  };
  CHECK(kernel("Megatron-Core", "FA2") == AttentionKernel::flash2);
  CHECK(kernel("Megatron-Core", "yes") == AttentionKernel::flash3);
  CHECK(kernel("Megatron-Core", "none") == AttentionKernel::unfused);
  CHECK(kernel("Megatron-LM", "none") == AttentionKernel::fused_softmax);
  CHECK(kernel("FSDP2", "cuDNN fused") == AttentionKernel::flash3);
  CHECK(kernel("FSDP2", "FA 1.0.8") == AttentionKernel::flash1);
}

TEST_CASE("Rows: GPT models of Megatron's older stacks train with dropout, Llama models do not", "[unit]") {
  const std::map<std::string, std::string> old{{"framework", "Megatron-LM"}, {"flash_attention", "none"}};
  auto gpt = old;
  gpt["arch"] = "gpt_dense";
  CHECK(build(gpt).training.dropout == 0.1);
  CHECK(build(old).training.dropout == 0.0);
}

TEST_CASE("Rows: a parameter count tells tied from untied embeddings", "[unit]") {
  // 1B Llama of 16 layers, hidden 2,048, vocabulary 131,072: 1.34e9 with one table, 1.61e9 with two.
  const std::map<std::string, std::string> shape{{"layers", "16"},  {"hidden", "2048"},   {"ffn_hidden", "8192"},
                                                 {"heads", "32"},   {"vocab", "131072"}};
  auto tied = shape;
  tied["params_b"] = "1.342";
  auto untied = shape;
  untied["params_b"] = "1.61";
  CHECK(build(tied).model.tied_embeddings);
  CHECK_FALSE(build(untied).model.tied_embeddings);
  CHECK_FALSE(build(shape).model.tied_embeddings);
}

TEST_CASE("Rows: measured memory by its kind and unit", "[unit]") {
  const auto memory = [](const std::string& kind) {
    return build({{"peak_mem_gib", "50"}, {"peak_mem_kind", kind}});
  };
  CHECK(memory("allocated (max over ranks); reserved 70").memory_kind == MeasuredMemory::allocated);
  CHECK(memory("GB (torch max_memory_allocated /1e9)").peak_memory_bytes == 50e9);
  CHECK(memory("nvidia-smi GB").memory_kind == MeasuredMemory::device);
  CHECK(memory("max_reserved").peak_memory_bytes == 50 * 0x1p30);
  CHECK(memory("max_reserved").memory_kind == MeasuredMemory::reserved);
  CHECK(assumes(memory(""), "kind of the measured peak: reserved by the allocator"));
}

TEST_CASE("Rows: the time of a step from whichever column states it", "[unit]") {
  CHECK(build({{"step_time_s", "2"}, {"tokens_per_s_per_gpu", "1"}}).step_time_s == 2);
  // 128 sequences of 4,096 tokens over 16 GPUs are 32,768 tokens a GPU
  CHECK(build({{"step_time_s", ""}, {"tokens_per_s_per_gpu", "32768"}}).step_time_s == Approx(1.0));
  CHECK(build({{"step_time_s", ""}, {"derived_step_time_s", "3"}}).step_time_s == 3);
}

TEST_CASE("Networks: the bandwidth that a text states", "[unit]") {
  const auto gb = [](const std::string& text) {
    const auto stated = stated_network(text, 8);
    return stated ? stated->per_node.value() / 1e9 : 0.0;
  };
  CHECK(gb("4x100 Gb/s RoCE per node") == 50.0);
  CHECK(gb("RDMA 400 Gb/s per GPU") == 400.0);
  CHECK(gb("1600 Gb/s per node RoCE (200 Gb/s per GPU)") == 200.0);
  CHECK(gb("8x HDR200 InfiniBand compute NICs/node (25 GB/s per GPU)") == 200.0);
  CHECK(gb("4x HDR InfiniBand") == 100.0);
  CHECK(gb("Storage: 2x IB NDR 400Gb/s, Compute: 8x IB NDR 400Gb/s, Management: 100Gb/s") == 400.0);
  CHECK(gb("3.2 Tbps per node") == 400.0);
  CHECK(gb("HDR InfiniBand 200 Gb/s") == 0.0);  // of a port, a GPU or a node?
  CHECK(gb("InfiniBand; PCIe-NIC: 500 GB/s") == 0.0);
  CHECK(gb("not stated") == 0.0);
}

TEST_CASE("Rows: a stated bandwidth replaces the system's", "[unit]") {
  const RunScenario run = build({{"interconnect_inter", "4x100 Gb/s RoCE per node"}});
  CHECK(run.cluster.system.nics_per_node == 4);
  CHECK(run.cluster.system.nic_bandwidth.value == 12.5e9);
  CHECK(build({{"interconnect_inter", "NDR InfiniBand"}}).cluster.system.name == "dgx-h100");
  const RunScenario four = build({{"gpus_per_node", "4"}, {"interconnect_inter", "NDR InfiniBand"}});
  CHECK(four.cluster.nodes == 4);
  CHECK(four.cluster.system.nics_per_node == 4);
}

TEST_CASE("Aliases: every rule names an entry of the catalog, and none looks at who published a run", "[unit]") {
  const auto holds = [](const std::string& kind, const AliasTable& table) {
    const std::vector<std::string> names = catalog().names(kind);
    for (const AliasRule& rule : table.rules) {
      INFO(kind << " line " << rule.line << ": " << rule.use);
      CHECK(std::find(names.begin(), names.end(), rule.use) != names.end());
    }
  };
  holds("gpus", aliases().gpus);
  holds("systems", aliases().systems);
  holds("software", aliases().software);
  for (const AliasTable* table :
       {&aliases().gpus, &aliases().systems, &aliases().software, &aliases().software_details,
        &aliases().architectures, &aliases().precisions, &aliases().attention, &aliases().recompute,
        &aliases().memory, &aliases().unsupported, &aliases().training, &aliases().timing}) {
    INFO(table->name);
    CHECK_FALSE(table->rules.empty());
    CHECK(std::find(table->columns.begin(), table->columns.end(), "source") == table->columns.end());
    CHECK(std::find(table->columns.begin(), table->columns.end(), "row_id") == table->columns.end());
  }
}

TEST_CASE("Aliases: every error of a file at once", "[unit]") {
  const std::string text =
      "gpus:\n"
      "  - {use: a, wen: {gpu_key: a}}\n"
      "  - {when: {gpu_key: '['}}\n"
      "precisions:\n"
      "  - {use: bf17, when: {precision: x}}\n"
      "software_details:\n"
      "  - {when: {framework: x}, set: {data_exposd: '1'}}\n"
      "  - {when: {framework: x}, set: {data_exposed: fast}}\n";
  try {
    parse_aliases(text, "a.yaml");
    FAIL("accepted");
  } catch (const InputError& error) {
    const std::string what = error.what();
    CHECK(what.find("a.yaml:2:14: error[E204]: unknown key 'wen'\n") != std::string::npos);
    CHECK(what.find("hint: did you mean 'when'?") != std::string::npos);
    CHECK(what.find("a.yaml:3:22: error[E205]: '[' is no regular expression\n") != std::string::npos);
    CHECK(what.find("a.yaml:3:5: error[E202]: the rule lacks 'use'\n") != std::string::npos);
    CHECK(what.find("a.yaml:5:11: error[E205]: 'bf17' is no word of the table precisions\n") != std::string::npos);
    CHECK(what.find("a.yaml:7:34: error[E204]: unknown setting 'data_exposd'\n") != std::string::npos);
    CHECK(what.find("a.yaml:8:34: error[E205]: 'data_exposed' is 'fast': ") != std::string::npos);
  }
}

TEST_CASE("Aliases: groups of a pattern, factors and later rules", "[unit]") {
  const Aliases one = parse_aliases(
      "recompute:\n"
      "  - {use: full, when: {activation_recompute: '(\\d+) layers'}, set: {layers: $1}}\n"
      "software_details:\n"
      "  - {when: {framework: x}, set: {data_exposed: '0.8'}}\n"
      "  - {when: {framework: xy}, unless: {framework: z}, set: {data_exposed: '*0.5'}}\n",
      "a.yaml");
  const auto text = [](const std::string& value) { return [value](const std::string&) { return value; }; };
  CHECK(one.recompute.first(text("recompute 12 layers")).value("layers") == "12");
  CHECK_FALSE(one.recompute.first(text("recompute")));
  Software software;
  for (const AliasMatch& match : one.software_details.all(text("xy"))) one.apply(match, software);
  CHECK(software.data_exposed.value == Approx(0.4));
  CHECK(one.software_details.all(text("xyz")).size() == 1);
}
