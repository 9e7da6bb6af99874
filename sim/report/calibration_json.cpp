// The effect of a calibration as JSON.
#include "sim/report/calibration_json.hpp"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

Json predicted(const Predicted& value) {
  return {{"value", value.value}, {"low", value.low}, {"high", value.high}};
}

Json machine_json(const CalibratedMachine& machine) {
  return {{"date", machine.date}, {"driver", machine.driver}, {"cuda", machine.cuda},
          {"nccl", machine.nccl}, {"hosts", machine.hosts},   {"gpus", machine.gpus}};
}

Json constant_json(const ConstantEffect& effect) {
  const AppliedConstant& one = effect.constant;
  return {{"of", one.measured.of},
          {"path", one.measured.path()},
          {"file", one.file},
          {"source", one.measured.source},
          {"confidence", to_string(one.measured.confidence)},
          {"points", one.measured.points},
          {"measured", one.measured.value},
          {"value_before", one.before.value},
          {"value_after", one.after.value},
          {"spread_before", one.before.spread},
          {"spread_after", one.after.spread},
          {"beyond_spread", effect.beyond_spread},
          {"overruled", one.overruled},
          {"step_time_change", effect.step_change}};
}

Json entry_json(const CollectiveCalibration& entry) {
  return {{"system", entry.system},
          {"collective", to_string(entry.collective)},
          {"ranks", entry.ranks},
          {"nodes", entry.nodes},
          {"confidence", to_string(entry.confidence)},
          {"spread", entry.spread},
          {"points", entry.points},
          {"source", entry.source}};
}

Json use_json(const CollectiveEffect& use) {
  return {{"name", use.name},
          {"collective", to_string(use.collective)},
          {"ranks", use.ranks},
          {"nodes", use.nodes},
          {"bytes", use.bytes},
          {"seconds_before", use.seconds_before},
          {"seconds_after", use.seconds_after},
          {"exposed_seconds_before", use.exposed_before},
          {"exposed_seconds_after", use.exposed_after}};
}

Json plan_json(const PlanEffect& plan) {
  Json json = {{"name", plan.name}, {"legal", plan.legal}};
  const auto of_legal = [&](const Json& value) { return plan.legal ? value : Json(nullptr); };
  json["feasible_before"] = plan.feasible_before;
  json["feasible_after"] = plan.feasible_after;
  const auto place = [](std::size_t of) { return of == 0 ? Json(nullptr) : Json(of); };
  json["place_before"] = place(plan.place_before);
  json["place_after"] = place(plan.place_after);
  json["step_time_before_s"] = of_legal(predicted(plan.step_before));
  json["step_time_after_s"] = of_legal(predicted(plan.step_after));
  json["step_time_change"] = of_legal(plan.step_change());
  json["peak_memory_before_bytes"] = of_legal(predicted(plan.memory_before));
  json["peak_memory_after_bytes"] = of_legal(predicted(plan.memory_after));
  json["peak_memory_change"] = of_legal(plan.memory_change());
  json["bound_before"] = plan.bound_before;
  json["bound_after"] = plan.bound_after;
  return json;
}

}  // namespace

nlohmann::ordered_json calibration_effect_json(const CalibrationEffect& effect) {
  Json json = {{"files", effect.applied.files}};
  json["machine"] = Json::array();
  for (const CalibratedMachine& machine : effect.applied.machines)
    json["machine"].push_back(machine_json(machine));
  json["constants"] = Json::array();
  for (const ConstantEffect& one : effect.constants)
    json["constants"].push_back(constant_json(one));
  json["collectives"] = Json::array();
  for (const CollectiveCalibration& entry : effect.applied.collectives)
    json["collectives"].push_back(entry_json(entry));
  json["plans"] = Json::array();
  for (const PlanEffect& plan : effect.plans) json["plans"].push_back(plan_json(plan));
  json["reference_plan"] = effect.reference;
  json["collectives_step_time_change"] = effect.collectives_change;
  json["used_collectives"] = Json::array();
  for (const CollectiveEffect& use : effect.collectives)
    json["used_collectives"].push_back(use_json(use));
  json["changed"] = effect.changed;
  return json;
}

}  // namespace lockstep
