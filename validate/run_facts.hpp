// What a row's scenario and prediction tell besides the predicted numbers: the groups it belongs
// to, and the circumstances under which predictions are known to miss.
#pragma once

#include <cstdint>
#include <string>

#include "sim/report/report.hpp"
#include "validate/run_row.hpp"

namespace lockstep {

struct RunFacts {
  std::string parallelism;      // parallelism_class()
  std::string software_family;  // software_family()
  std::string choice;           // choice_key(): runs that share it differ only in their plan
  std::string plan;             // plan_key(): and these are one plan to the tool

  std::string recompute;  // "none", "selective", "full"

  bool experts = false;
  bool low_precision = false;     // 8 or 4 bits in the linears' GEMMs
  bool grade_a = false;           // measured and fully described, by the column quality
  bool schedule_assumed = false;  // how the pipeline interleaves is not stated
  bool network_assumed = false;   // several nodes whose network is not stated
  bool software_assumed = false;  // no profile of its own
  bool efa = false;
  std::string power_words;  // what the row says of a power limit; "" if nothing
  std::int64_t gpus = 0;
  std::int64_t nodes = 0;
  std::int64_t stages = 1;
  std::int64_t micro_batches = 1;  // per step and rank
  std::int64_t sequence = 0;
  double memory_share = 0;  // predicted peak over what the device has to give
  double host_share = 0;    // of the step that waits for the host
  double ideal_step_s = 0;  // model FLOPs at the peak of all GPUs: step time at an MFU of 1
};

// The technique that shapes the run most, the rarest first: "EP" (experts on several ranks), "CP"
// (sequence split over ranks), "TP+PP", "PP", "TP", "FSDP" (ZeRO-3), "DP/ZeRO" (replicas, ZeRO-0 to
// 2), "one GPU".
std::string parallelism_class(const Plan& plan);

// The first word of a profile's name: "megatron", "aleph", "torchtitan".
std::string software_family(const std::string& profile);

// Source, model, shape, GPU, system, number of GPUs, sequence, global batch, precision and software
// family.
std::string choice_key(const RunRecord& record, const RunScenario& run);

// Degrees, sharding, schedule, micro-batch, recompute, offload and software profile.
std::string plan_key(const Plan& plan);

// Everything that the scenario tells; the prediction's part stays zero.
RunFacts scenario_facts(const RunRecord& record, const RunScenario& run);

// Adds what the prediction tells.
void add_prediction_facts(const PlanReport& report, RunFacts& facts);

}  // namespace lockstep
