#include <nlohmann/json.hpp>

#include "sim/certainty.hpp"
#include "sim/report/flop_conventions.hpp"
#include "sim/report/calibration_json.hpp"
#include "sim/report/insight.hpp"
#include "sim/report/names.hpp"
#include "sim/report/plan_json.hpp"
#include "sim/report/plan_choices.hpp"
#include "sim/report/render.hpp"
#include "sim/report/roofline.hpp"
#include "sim/report/timeline_json.hpp"

namespace lockstep {

namespace {

// Keys stay in the order they are written in.
using Json = nlohmann::ordered_json;

Json predicted(const Predicted& p) { return {{"value", p.value}, {"low", p.low}, {"high", p.high}}; }

// Null in a plan that is not legal: nothing was predicted.
Json of_legal(const PlanReport& plan, const Predicted& p) { return plan.legal ? predicted(p) : Json(nullptr); }
template <class Value>
Json of_legal(const PlanReport& plan, const Value& value) {
  return plan.legal ? Json(value) : Json(nullptr);
}

}  // namespace

Json plan_choices(const Plan& plan) {
  return {{"software", plan.software.name},
          {"data", plan.data},
          {"tensor", plan.tensor},
          {"sequence_parallel", plan.sequence_parallel},
          {"tensor_overlap", to_string(plan.tensor_overlap)},
          {"context", plan.context.degree},
          {"context_method", to_string(plan.context.method)},
          {"context_balanced", plan.context.balanced},
          {"expert", plan.expert.degree},
          {"expert_tensor", plan.expert_tensor()},
          {"expert_capacity_factor", plan.expert.capacity_factor},
          {"expert_imbalance", plan.expert.imbalance},
          {"placement", plan.placement},
          {"reshard_after_forward", plan.reshards_after_forward()},
          {"prefetch_units", plan.units_in_flight() - 1},
          {"gradient_bucket_bytes", plan.gradient_bucket_bytes()},
          {"pipeline_stages", plan.pipeline.stages},
          {"pipeline_interleave", plan.pipeline.interleave},
          {"pipeline_schedule", plan.pipeline.schedule},
          {"sharding", to_string(plan.sharding)},
          {"shard_group", plan.shard_group},
          {"micro_batch", plan.micro_batch},
          {"recompute", to_string(plan.recompute)},
          {"recompute_layers", plan.recompute_layers},
          {"recompute_every", plan.recompute_every},
          {"recompute_parts", plan.recompute_parts},
          {"offload_optimizer", plan.offload.optimizer},
          {"offload_weights", plan.offload.weights},
          {"offload_activations", plan.offload.activations},
          {"offload_overlapped", plan.offload.overlapped}};
}

namespace {

Json cluster(const Cluster& c) {
  return {{"summary", summarize(c)},
          {"system", c.system.name},
          {"gpu", c.system.gpu.name},
          {"gpus", c.gpus},
          {"nodes", c.nodes},
          {"nics_per_node", c.system.nics_per_node},
          {"nic_bandwidth_bytes_per_s", c.system.nic_bandwidth.value},
          {"oversubscription", c.fabric.oversubscription}};
}

Json partition(const PlanReport& plan) {
  Json lines = Json::array();
  for (const PartitionLine& line : plan.step.partition) {
    const Sensitivity* leans_on = certainty_of(plan, line);
    lines.push_back({{"name", line.name},
                     {"seconds", line.time.value()},
                     {"share", line.time.value() / plan.step_time_s.value},
                     {"bound_by", line.bound_by},
                     {"detail", line.detail},
                     {"leans_on", leans_on == nullptr ? Json(nullptr) : Json(leans_on->path)}});
  }
  return lines;
}

Json bounds(const PlanReport& plan) {
  Json list = Json::array();
  for (const BoundShare& bound : bound_shares(plan)) {
    list.push_back({{"name", bound.name}, {"seconds", bound.seconds}, {"share", bound.share}});
  }
  return list;
}

Json memory_lines(const StageMemory& stage) {
  Json lines = Json::array();
  for (const MemoryLine& line : stage.lines) lines.push_back({{"name", line.name}, {"bytes", line.bytes.value()}});
  return lines;
}

Json stages(const PlanReport& plan) {
  Json list = Json::array();
  for (std::size_t i = 0; i < plan.memory.stages.size(); ++i) {
    const StageMemory& memory = plan.memory.stages[i];
    Json stage = {{"stage", i}};
    if (i < plan.workload.stages.size()) {
      const Stage& work = plan.workload.stages[i];
      stage["layers"] = work.layers;
      stage["recomputed_layers"] = work.recomputed_layers;
      stage["embedding"] = work.has_embedding;
      stage["head"] = work.has_head;
      stage["micro_batches_in_flight"] = work.micro_batches_in_flight;
    }
    stage["instant"] = memory.instant;
    stage["peak_memory_bytes"] = memory.reserved.value();
    stage["peak_allocated_bytes"] = memory.allocated.value();
    stage["memory"] = memory_lines(memory);
    list.push_back(std::move(stage));
  }
  return list;
}

Json collectives(const PlanReport& plan) {
  Json list = Json::array();
  for (const CollectiveUse& use : plan.step.collectives) {
    list.push_back({{"name", use.name},
                    {"collective", to_string(use.collective)},
                    {"ranks", use.shape.ranks},
                    {"domains", use.shape.domains},
                    {"ranks_per_domain", use.shape.ranks_per_domain},
                    {"sibling_groups", use.shape.sibling_groups},
                    {"leaves", use.shape.leaves},
                    {"bytes", use.bytes.value()},
                    {"calls", use.calls},
                    {"seconds", use.time.value()},
                    {"exposed_seconds", use.exposed.value()},
                    {"algorithm", use.algorithm},
                    {"protocol", use.protocol},
                    {"bottleneck", use.bottleneck}});
  }
  return list;
}

// What an op, or the ops of a line, do under their roof.
void put_use(Json& json, const PlanReport& plan, const OpUse& op) {
  const bool computes = op.peak_flops_per_s > 0;
  json["count"] = op.count;
  json["seconds"] = op.seconds;
  json["flops"] = op.flops;
  json["bytes"] = op.bytes;
  json["intensity_flops_per_byte"] = op.intensity();
  json["ridge_flops_per_byte"] =
      computes ? Json(ridge(plan.cluster.system.gpu, op.peak_flops_per_s)) : Json(nullptr);
  json["roof"] = to_string(op.roof);
  json["roof_fraction"] = op.roof_fraction();
}

std::vector<OpUse> uses_of(const PlanReport& plan) {
  return plan.step.partition.empty() ? std::vector<OpUse>{} : op_uses(plan);
}

Json ops(const PlanReport& plan) {
  Json list = Json::array();
  for (const OpUse& op : uses_of(plan)) {
    Json json = {{"name", op.name},
                 {"block", op.block},
                 {"pass", op.pass},
                 {"kernel", op.kernel},
                 {"line", op.line}};
    put_use(json, plan, op);
    list.push_back(std::move(json));
  }
  return list;
}

// The same for each line of the partition.
Json op_lines(const PlanReport& plan) {
  Json list = Json::array();
  for (const OpUse& line : by_line(uses_of(plan))) {
    Json json = {{"name", line.name}};
    put_use(json, plan, line);
    list.push_back(std::move(json));
  }
  return list;
}

Json conventions(const Report& report, const PlanReport& plan) {
  Json list = Json::array();
  for (const FlopConvention& c : flop_conventions(report, plan)) {
    list.push_back({{"name", c.key},
                    {"counts", c.meaning},
                    {"flops_per_step", c.flops},
                    {"utilization", c.utilization}});
  }
  return list;
}

Json sensitivity(const Sensitivity& s) {
  return {{"path", s.path},   {"effect", s.effect}, {"kind", to_string(s.kind)},
          {"spread", s.spread}, {"value", s.value},   {"source", s.source}};
}

// What the model is off by beside its constants, of ln(measured / predicted).
Json residual(const StepDistribution& distribution) {
  return {{"lower", distribution.lower}, {"upper", distribution.upper}, {"peculiar", distribution.peculiar}};
}

Json nearest_run(const NearestRun& near) {
  return {{"row_id", near.run.row_id}, {"source", near.run.source},     {"model", near.run.model},
          {"gpu", near.run.gpu},       {"gpus", near.run.gpus},         {"software", near.run.software},
          {"distance", near.distance}, {"error", near.error}};
}

// Null where the length of the run is not stated, its cost where no price is.
Json run_of(const Scenario& scenario, const PlanReport& plan) {
  const RunLength run = run_length(scenario, plan);
  if (!plan.legal || run.steps <= 0) return nullptr;
  constexpr double hour = 3600;
  constexpr double day = 24 * hour;
  const auto in = [](const Predicted& p, double unit) {
    return predicted({p.value / unit, p.low / unit, p.high / unit});
  };
  return {{"steps", run.steps},
          {"time_s", predicted(run.time_s)},
          {"gpu_time_s", predicted(run.gpu_time_s)},
          {"days", in(run.time_s, day)},
          {"gpu_hours", in(run.gpu_time_s, hour)},
          {"cost", scenario.price.stated() ? predicted(run.cost) : Json(nullptr)}};
}

Json price(const Price& price) {
  if (!price.stated()) return nullptr;
  return {{"per_gpu_hour", price.per_gpu_hour},
          {"currency", price.currency},
          {"date", price.date},
          {"source", price.source}};
}

}  // namespace

Json plan_json(const Report& report, const PlanReport& plan) {
  Json json = {{"name", plan.plan.name},
               {"legal", plan.legal},
               {"feasible", plan.feasible},
               {"infeasible_reason", plan.feasible ? Json(nullptr) : Json(plan.infeasible_reason)},
               {"bound", plan.bound},
               {"summary", plan_summary(plan)},
               {"plan", plan_choices(plan.plan)},
               {"cluster", cluster(plan.cluster)},
               {"step_time_s", of_legal(plan, plan.step_time_s)},
               {"tokens_per_s_per_gpu", of_legal(plan, plan.tokens_per_s_per_gpu)},
               {"mfu", of_legal(plan, plan.mfu)},
               {"hfu", of_legal(plan, plan.hfu)},
               {"peak_memory_bytes", of_legal(plan, plan.peak_memory_bytes)},
               {"peak_allocated_bytes", of_legal(plan, plan.peak_allocated_bytes)},
               {"usable_memory_bytes", of_legal(plan, plan.usable_memory_bytes)},
               {"host_bytes_per_node", of_legal(plan, plan.host_bytes_per_node)},
               {"host_memory_per_node_bytes",
                plan.host_memory_per_node > 0 ? Json(plan.host_memory_per_node) : Json(nullptr)},
               {"fit_probability", of_legal(plan, plan.fit_probability)},
               {"model_flops_per_step", of_legal(plan, plan.workload.model_flops)},
               {"hardware_flops_per_step", of_legal(plan, plan.workload.hardware_flops)},
               {"total_parameters", of_legal(plan, plan.workload.total_parameters)},
               {"micro_batches", of_legal(plan, plan.workload.micro_batches)}};
  json["run"] = run_of(report.scenario, plan);
  json["cost_per_million_tokens"] =
      plan.legal && report.scenario.price.stated()
          ? predicted(run_length(report.scenario, plan).cost_per_million_tokens)
          : Json(nullptr);
  json["partition"] = partition(plan);
  json["bounds"] = bounds(plan);
  json["ops"] = ops(plan);
  json["op_lines"] = op_lines(plan);
  json["flop_conventions"] = conventions(report, plan);
  json["memory"] = plan.memory.stages.empty() ? Json::array() : memory_lines(plan.memory.worst());
  json["worst_stage"] = of_legal(plan, plan.memory.worst_stage);
  json["stages"] = stages(plan);
  json["collectives"] = collectives(plan);
  const std::optional<TimelineReport> timeline = timeline_of(report, plan);
  json["timeline"] = timeline ? timeline_json(*timeline) : Json(nullptr);
  json["sensitivities"] = Json::array();
  for (const Sensitivity& s : plan.sensitivities) json["sensitivities"].push_back(sensitivity(s));
  json["residual"] = plan.legal ? residual(plan.distribution) : Json(nullptr);
  json["measured_setting"] = of_legal(plan, plan.known_setting);
  json["nearest_evidence"] = Json::array();
  for (const NearestRun& near : plan.nearest) json["nearest_evidence"].push_back(nearest_run(near));
  json["notes"] = plan_notes(plan);
  return json;
}

namespace {

Json comparison(const Report& report, const PlanComparison& c, const ConstantTable& constants) {
  const Sensitivity* decided_by = deciding_constant(report, c);
  const std::optional<double> equal = break_even(report, c, constants);
  return {{"faster", report.plans.at(c.faster).plan.name},
          {"slower", report.plans.at(c.slower).plan.name},
          {"probability", c.probability},
          {"tie", is_tie(c)},
          {"decided_by", decided_by == nullptr ? Json(nullptr) : sensitivity(*decided_by)},
          {"break_even_value", equal.has_value() ? Json(*equal) : Json(nullptr)}};
}

}  // namespace

Json scenario_json(const Report& report) {
  const Scenario& s = report.scenario;
  const std::string peak = mfu_peak(s.training);
  return {{"name", report.scenario_name},
          {"description", s.description},
          {"question", s.question.empty() ? Json(nullptr) : Json(s.question)},
          {"group", s.group == ScenarioGroup::none ? Json(nullptr) : Json(to_string(s.group))},
          {"model", s.model.name},
          {"cluster", report.cluster_summary},
          {"gpus", report.gpus},
          {"sequence_length", s.training.sequence_length},
          {"global_batch", s.training.global_batch},
          {"tokens_per_step", report.tokens_per_step},
          {"total_tokens", s.training.total_tokens},
          {"precision", to_string(s.training.precision)},
          {"mfu_peak", peak.empty() ? to_string(s.training.precision) : peak},
          {"optimizer", to_string(s.training.optimizer)},
          {"dropout", s.training.dropout},
          {"price", price(s.price)}};
}

Json report_document(const Report& report, const std::string& command,
                     const CalibrationEffect* calibration) {
  Json json = {{"schema_version", schema_version},
               {"command", command},
               {"scenario", scenario_json(report)},
               {"interval", 0.9}};
  json["plans"] = Json::array();
  for (const PlanReport& plan : report.plans) json["plans"].push_back(plan_json(report, plan));
  json["ranking"] = Json::array();
  for (const std::size_t index : report.ranking) json["ranking"].push_back(report.plans.at(index).plan.name);
  json["comparisons"] = Json::array();
  const ConstantTable constants = constant_table();
  for (const PlanComparison& c : report.comparisons) json["comparisons"].push_back(comparison(report, c, constants));
  json["not_modelled"] = report.not_modelled;
  if (calibration != nullptr) json["calibration"] = calibration_effect_json(*calibration);
  return json;
}

// Names come from files: what is not UTF-8 becomes U+FFFD. A number that is not finite becomes null.
std::string json_text(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string report_json(const Report& report, const std::string& command,
                        const CalibrationEffect* calibration) {
  return json_text(report_document(report, command, calibration));
}

}  // namespace lockstep
