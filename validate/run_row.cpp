#include "validate/run_row.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <utility>

#include "scenarios/utf8.hpp"
#include "strategies/pipeline/partition.hpp"
#include "strategies/recompute.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep {
namespace {

constexpr double gib = 1024.0 * 1024.0 * 1024.0;

std::int64_t whole(const std::string& text, std::int64_t otherwise) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value > 0 ? value : otherwise;
}

bool begins_with_one_of(const std::string& text, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(), [&](const char* word) { return text.rfind(word, 0) == 0; });
}
bool says_nothing(const std::string& text) {
  static constexpr std::array words{"", "-", "?", "n/a", "na", "null", "unknown", "not stated"};
  return std::find(words.begin(), words.end(), text) != words.end();
}
bool says_yes(const std::string& text) { return begins_with_one_of(text, {"true", "yes", "on", "1"}); }
bool says_no(const std::string& text) {
  return !says_nothing(text) && begins_with_one_of(text, {"false", "no", "off", "0"});
}

Precision precision_named(const std::string& name) {
  static constexpr std::array<std::pair<const char*, Precision>, 7> words{{{"fp32", Precision::fp32},
                                                                           {"tf32", Precision::tf32},
                                                                           {"fp16", Precision::fp16},
                                                                           {"bf16", Precision::bf16},
                                                                           {"fp8", Precision::fp8},
                                                                           {"mxfp8", Precision::mxfp8},
                                                                           {"nvfp4", Precision::nvfp4}}};
  for (const auto& [word, precision] : words) {
    if (name == word) return precision;
  }
  return Precision::bf16;
}

Fp8Scaling scaling_named(const std::string& name) {
  if (name == "current") return Fp8Scaling::current;
  if (name == "rowwise") return Fp8Scaling::rowwise;
  if (name == "blockwise") return Fp8Scaling::blockwise;
  return Fp8Scaling::delayed;
}

Sharding sharding_named(const std::string& name) {
  if (name == "optimizer") return Sharding::optimizer;
  if (name == "gradients") return Sharding::gradients;
  if (name == "fsdp") return Sharding::fsdp;
  return Sharding::none;
}

Recompute recompute_named(const std::string& name) {
  if (name == "full") return Recompute::full;
  if (name == "selective") return Recompute::selective;
  return Recompute::none;
}

const char* stage_number(Sharding sharding) {
  switch (sharding) {
    case Sharding::none: return "0";
    case Sharding::optimizer: return "1";
    case Sharding::gradients: return "2";
    case Sharding::fsdp: return "3";
  }
  return "";
}

// A required column that this row leaves empty.
std::string missing_value(const RunRecord& record) {
  const std::array<std::pair<const char*, const StatedCount*>, 7> needed{{{"layers", &record.layers},
                                                                         {"hidden", &record.hidden},
                                                                         {"heads", &record.heads},
                                                                         {"seq_len", &record.seq_len},
                                                                         {"num_gpus", &record.num_gpus},
                                                                         {"micro_batch", &record.micro_batch},
                                                                         {"global_batch", &record.global_batch}}};
  for (const auto& [name, value] : needed) {
    if (!value->has_value()) return fmt::format("{} is not stated", name);
  }
  return {};
}

AliasMatch single_setting(const AliasMatch& from, const char* key, const std::string& value) {
  AliasMatch match;
  match.rule = from.rule;
  match.set.push_back({key, value, from.rule->line, 0});
  return match;
}

}  // namespace

std::string fallback(const RunRecord& record, const std::string& column, const std::string& otherwise) {
  if (says_nothing(record.word(column))) return fmt::format("{}: {}", column, otherwise);
  return fmt::format("{}: {} ('{}' is not known)", column, otherwise, shortened(record.written(column)));
}

void assume(const RunRecord& record, const AliasMatch& match, RunScenario& run) {
  if (!match) return;
  if (match.stands_in) {
    run.assumed.push_back(fmt::format("framework: {} stands in for '{}'", match.rule->use,
                                      shortened(record.written("framework"))));
  }
  const std::string& text = match.rule->assumed;
  if (text.empty()) return;
  const std::size_t mark = text.find('$');
  if (mark == std::string::npos) {
    run.assumed.push_back(text);
    return;
  }
  const std::size_t end = std::min(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", mark + 1), text.size());
  run.assumed.push_back(text.substr(0, mark) + shortened(record.written(text.substr(mark + 1, end - mark - 1))) +
                        text.substr(end));
}

RunBuilder::RunBuilder(const Catalog& catalog, const Aliases& aliases)
    : catalog_(catalog),
      aliases_(aliases),
      lookup_(aliases),
      models_(catalog),
      gpu_names_(catalog.names("gpus")),
      system_names_(catalog.names("systems")) {}

RunScenario RunBuilder::build(const RunRecord& record) {
  RunScenario run;
  AliasRow row;
  row.record = &record;
  const AliasMatch& unsupported = lookup_.first(aliases_.unsupported, row);
  run.skipped = missing_value(record);
  if (unsupported) run.skipped = unsupported.rule->use;
  if (run.skipped.empty()) build_cluster(record, row, run);
  if (run.skipped.empty()) build_model(record, lookup_, row, known_model(record), run);
  if (!run.skipped.empty()) return run;

  build_software(row, run);
  build_training(record, row, run);
  build_plan(record, row, run);
  if (!run.skipped.empty()) return run;
  build_recompute(row, run);
  build_pipeline(record, row, run);
  build_measured(record, row, run);
  settle_adapter_kind(record, run);
  for (const Violation& violation : adapter_violations(run.model, run.training)) {
    run.skipped = "illegal training: " + violation.message;
    return run;
  }
  for (const Violation& violation : violations(run.model, run.training, run.plan, run.cluster.gpus)) {
    run.skipped = "illegal plan: " + violation.message;
    break;
  }
  return run;
}

// Of models with experts a proxy with fewer layers is often run: its other sizes are the catalog's.
const Model* RunBuilder::known_model(const RunRecord& record) {
  const Model* known = models_.find(record);
  if (known != nullptr || (record.moe_experts.value_or(1) == 1 && !record.hints_at_experts)) return known;
  known = models_.find_proxy(record);
  return known != nullptr && known->has_experts() ? known : nullptr;
}

void RunBuilder::build_software(AliasRow& row, RunScenario& run) {
  const AliasMatch& stack = lookup_.first(aliases_.software, row);
  row.software = stack ? stack.rule->use : "default";
  run.plan.software = software(row.software);
  assume(*row.record, stack, run);
  const std::string& compiled = row.record->word("torch_compile");
  if (!says_nothing(compiled) && !says_yes(compiled) && !says_no(compiled) && compiled != "none" &&
      compiled.find("inductor") == std::string::npos) {
    run.assumed.push_back(fallback(*row.record, "torch_compile", "that of the software profile"));
  }
  Software& profile = run.plan.software;
  for (const AliasMatch& detail : lookup_.all(aliases_.software_details, row)) aliases_.apply(detail, profile);

  const AliasMatch& kernel = lookup_.first(aliases_.attention, row);
  if (!kernel) {
    run.assumed.push_back(fallback(*row.record, "flash_attention", "that of the software profile"));
    return;
  }
  // Does the profile already have what the text says? Then its own kernel stays.
  const std::string kept = kernel.value("keep");
  for (std::size_t begin = 0; begin < kept.size();) {
    const std::size_t end = std::min(kept.find(' ', begin), kept.size());
    Software same = profile;
    aliases_.apply(single_setting(kernel, "attention", kept.substr(begin, end - begin)), same);
    if (same.attention == profile.attention) return;
    begin = end + 1;
  }
  aliases_.apply(single_setting(kernel, "attention", kernel.rule->use), profile);
}

void RunBuilder::build_training(const RunRecord& record, const AliasRow& row, RunScenario& run) {
  Training& training = run.training;
  training.sequence_length = *record.seq_len;
  training.global_batch = *record.global_batch;
  const AliasMatch& precision = lookup_.first(aliases_.precisions, row);
  if (precision) {
    training.precision = precision_named(precision.rule->use);
    training.fp8_scaling = scaling_named(precision.value("scaling"));
    AliasMatch of_software = precision;
    of_software.set.erase(std::remove_if(of_software.set.begin(), of_software.set.end(),
                                         [](const AliasSetting& one) { return one.key == "scaling"; }),
                          of_software.set.end());
    aliases_.apply(of_software, run.plan.software);
    assume(record, precision, run);
  }
  for (const AliasMatch& detail : lookup_.all(aliases_.training, row)) {
    aliases_.apply(detail, training);
    assume(record, detail, run);
  }
  const AliasMatch& stack = lookup_.first(aliases_.software, row);
  if (stack && !run.model.gated()) {
    const std::string value = stack.value("dropout");
    if (!value.empty()) {
      training.dropout = parse_quantity(value, Dimension::none).value.value_or(0.0);
      run.assumed.push_back(fmt::format("dropout: {}, usual in {}", value, row.software));
    }
  }
}

// "Adapter" is LLaMA-Adapter or its second version: the count of what is trained tells which.
void RunBuilder::settle_adapter_kind(const RunRecord& record, RunScenario& run) {
  Adapter& adapter = run.training.adapter;
  if (adapter.kind != AdapterKind::prompt || !record.trainable_params) return;
  const auto h = static_cast<double>(run.model.hidden);
  const auto layers = static_cast<double>(run.model.layers - adapter.prompt_first_layer);
  const double prompts = layers * (static_cast<double>(adapter.prompt_length) * h + static_cast<double>(run.model.heads));
  constexpr double well_above = 1.3;   // scales, biases and norms come to as much again, or more
  if (*record.trainable_params < well_above * prompts) return;
  adapter.kind = AdapterKind::adapter_v2;
  run.assumed.push_back("adapter: LLaMA-Adapter V2, by the count of what is trained");
}

void RunBuilder::build_plan(const RunRecord& record, const AliasRow& row, RunScenario& run) {
  Plan& plan = run.plan;
  plan.name = record.row_id;
  plan.tensor = record.tp.value_or(1);
  plan.pipeline.stages = record.pp.value_or(1);
  plan.micro_batch = *record.micro_batch;
  if (!record.tp) run.assumed.push_back("tp: 1");
  if (!record.pp) run.assumed.push_back("pp: 1");
  build_context(record, row, run);
  const std::int64_t gpus = *record.num_gpus;
  const double inner = static_cast<double>(plan.tensor) * static_cast<double>(plan.context.degree) *
                       static_cast<double>(plan.pipeline.stages);
  plan.data = record.dp.value_or(0);
  if (plan.data == 0 && inner <= static_cast<double>(gpus) && gpus % static_cast<std::int64_t>(inner) == 0) {
    plan.data = gpus / static_cast<std::int64_t>(inner);
    run.assumed.push_back(fmt::format("dp: {}", plan.data));
  }
  if (static_cast<double>(plan.data) * inner != static_cast<double>(gpus)) {
    run.skipped = "degrees that do not multiply to the GPUs";
    return;
  }

  const AliasMatch& stack = lookup_.first(aliases_.software, row);
  if (record.zero_stage) {
    plan.sharding = static_cast<Sharding>(*record.zero_stage);
  } else {
    plan.sharding = stack ? sharding_named(stack.value("sharding")) : Sharding::none;
    run.assumed.push_back(fmt::format("zero_stage: {}", stage_number(plan.sharding)));
  }
  const std::int64_t group = record.hsdp_shard_size.value_or(0);
  if (plan.sharding != Sharding::none && group > 0 && group < plan.replicas()) plan.shard_group = group;

  const std::string& stated = record.word("sp");
  const bool clear = says_yes(stated) || says_no(stated);
  if (plan.tensor > 1) {
    plan.sequence_parallel = clear ? says_yes(stated) : stack && stack.value("sequence_parallel") == "true";
  }
  if (!clear && (plan.tensor > 1 || !says_nothing(stated))) {
    run.assumed.push_back(fallback(record, "sp", plan.sequence_parallel ? "true" : "false"));
  }
  build_expert_parallel(record, row, run);
  if (stack && stack.value("offload") == "state") {
    plan.offload.optimizer = 1;
    if (plan.sharding == Sharding::fsdp) plan.offload.weights = 1;
  }
}

void RunBuilder::build_recompute(const AliasRow& row, RunScenario& run) {
  Plan& plan = run.plan;
  if (row.record->word("activation_recompute").empty()) {
    const AliasMatch& stack = lookup_.first(aliases_.software, row);
    const std::string usual = stack ? stack.value("recompute", "none") : "none";
    plan.recompute = recompute_named(usual);
    run.assumed.push_back("activation_recompute: " + usual);
    return;
  }
  const AliasMatch& match = lookup_.first(aliases_.recompute, row);
  if (!match) return;
  if (match.value("offload") == "activations") plan.offload.activations = 1;
  plan.recompute = recompute_named(match.rule->use);
  assume(*row.record, match, run);
  plan.recompute_every = whole(match.value("every"), 1);
  plan.recompute_layers = whole(match.value("layers"), 0);
  // Names that no part of a layer has stay out; the rule then stands for the profile's selective.
  const std::string parts = match.value("parts");
  if (!parts.empty() && parse_recompute_parts(parts, nullptr)) plan.recompute_parts = parts;
  const std::string selective = match.value("selective");
  if (!selective.empty()) aliases_.apply(single_setting(match, "selective_recompute", selective), plan.software);
}

void RunBuilder::build_pipeline(const RunRecord& record, const AliasRow& row, RunScenario& run) {
  Plan& plan = run.plan;
  Pipeline& pipeline = plan.pipeline;
  if (pipeline.stages == 1) {
    if (record.vpp.value_or(1) > 1) run.assumed.push_back(fmt::format("vpp: 1 (not {}: there is one stage)", *record.vpp));
    return;
  }
  const std::int64_t layers = run.model.layers;
  const std::int64_t micro_batches = run.training.global_batch / (plan.data * plan.micro_batch);
  pipeline.interleave = record.vpp.value_or(1);
  const AliasMatch& stack = lookup_.first(aliases_.software, row);
  const bool unsaid = record.vpp == 1 && stack && stack.value("vpp_of_one") == "unstated";
  if (!record.vpp || unsaid) {
    const bool deepest = stack && stack.value("interleave") == "deepest";
    if (deepest && layers % pipeline.stages == 0 && micro_batches % pipeline.stages == 0) {
      pipeline.interleave = layers / pipeline.stages;
    }
    run.assumed.push_back(fmt::format("vpp: {}{}", pipeline.interleave,
                                      unsaid ? " (1 is what this software's tables write where it is not said)" : ""));
  }
  // The run happened, so its software found a layout where the profile's rule has none.
  const auto problem = [&] {
    return !partition_problem(run.model, plan.software.stage_partition, pipeline.stages, pipeline.interleave).empty();
  };
  if (plan.software.stage_partition == StagePartition::uniform && problem()) {
    plan.software.stage_partition = StagePartition::ends_lighter;
    run.assumed.push_back("layers over stages: fewer on the first and last stage");
  }
}

void RunBuilder::build_measured(const RunRecord& record, const AliasRow& row, RunScenario& run) {
  const double tokens_per_gpu = run.training.tokens_per_step() / static_cast<double>(run.cluster.gpus);
  if (record.step_time_s) {
    run.step_time_s = *record.step_time_s;
  } else if (record.tokens_per_s_per_gpu) {
    run.step_time_s = tokens_per_gpu / *record.tokens_per_s_per_gpu;
  } else if (record.derived_step_time_s) {
    run.step_time_s = *record.derived_step_time_s;
  } else if (record.derived_tokens_per_s_per_gpu) {
    run.step_time_s = tokens_per_gpu / *record.derived_tokens_per_s_per_gpu;
  }
  const AliasMatch& timing = lookup_.first(aliases_.timing, row);
  if (timing && timing.rule->use == "ignore") {
    run.step_time_s = 0;
    if (tokens_per_gpu > 0) assume(record, timing, run);
  }
  if (!record.peak_mem_gib) return;
  const AliasMatch& kind = lookup_.first(aliases_.memory, row);
  double unit = gib;
  if (kind) {
    if (kind.rule->use == "allocated") run.memory_kind = MeasuredMemory::allocated;
    if (kind.rule->use == "device") run.memory_kind = MeasuredMemory::device;
    if (kind.value("unit") == "GB") unit = 1e9;
    if (kind.value("unit") == "MiB1000") unit = 1000.0 * 1024.0 * 1024.0;
    if (kind.value("stage") == "first") run.memory_stage = MeasuredStage::first;
    if (kind.value("stage") == "ends") run.memory_stage = MeasuredStage::ends;
    assume(record, kind, run);
  }
  run.peak_memory_bytes = *record.peak_mem_gib * unit;
}

const Software& RunBuilder::software(const std::string& name) {
  const auto found = softwares_.find(name);
  return found != softwares_.end() ? found->second : softwares_.emplace(name, catalog_.software(name)).first->second;
}

}  // namespace lockstep
