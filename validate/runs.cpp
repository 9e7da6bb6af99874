#include "validate/runs.hpp"

#include "scenarios/calibration_use.hpp"
#include "sim/residual.hpp"
#include "validate/suspicion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace lockstep {
namespace {

struct StagePeak {
  Bytes reserved{0};
  Bytes allocated{0};
};

// What a comparison needs of a plan's report; small, since it is kept for every row that differs.
struct RunPrediction {
  std::string problem;  // "" if there is none
  Predicted step_time_s;
  Predicted peak_memory_bytes;
  Predicted peak_allocated_bytes;
  StagePeak first, last, worst;
  bool feasible = true;
  double memory_share = 0, host_share = 0, ideal_step_s = 0;  // see RunFacts
};

StagePeak peak_of(const StageMemory& stage) {
  return {stage.reserved, stage.allocated};
}

RunPrediction predict_run(const RunScenario& run, const Evidence& evidence) {
  RunPrediction out;
  try {
    const PlanReport report =
        predict_with_intervals(run.model, run.training, run.cluster, run.plan, evidence);
    if (!std::isfinite(report.step_time_s.value) || report.step_time_s.value <= 0) {
      out.problem = "the GPU does not have the data type";
      return out;
    }
    out.step_time_s = report.step_time_s;
    out.peak_memory_bytes = report.peak_memory_bytes;
    out.peak_allocated_bytes = report.peak_allocated_bytes;
    out.first = peak_of(report.memory.stages.front());
    out.last = peak_of(report.memory.stages.back());
    out.worst = peak_of(report.memory.worst());
    out.feasible = report.feasible;
    RunFacts facts;
    add_prediction_facts(report, facts);
    out.memory_share = facts.memory_share;
    out.host_share = facts.host_share;
    out.ideal_step_s = facts.ideal_step_s;
  } catch (const std::exception& error) {
    out.problem = fmt::format("the simulation failed: {}", error.what());
  }
  return out;
}

// The rank that the measurement was read on.
const StagePeak& measured_stage(const RunPrediction& predicted, MeasuredStage stage) {
  switch (stage) {
    case MeasuredStage::first:
      return predicted.first;
    case MeasuredStage::ends:
      return predicted.first.reserved < predicted.last.reserved ? predicted.last : predicted.first;
    case MeasuredStage::worst:
      break;
  }
  return predicted.worst;
}

// The kind of memory that was measured, with the interval of the plan's peak around it.
Predicted predicted_memory(const RunPrediction& predicted, const RunScenario& run) {
  const StagePeak& stage = measured_stage(predicted, run.memory_stage);
  const Predicted& whole = run.memory_kind == MeasuredMemory::allocated
                               ? predicted.peak_allocated_bytes
                               : predicted.peak_memory_bytes;
  double value = stage.reserved.value();
  if (run.memory_kind == MeasuredMemory::allocated) value = stage.allocated.value();
  if (run.memory_kind == MeasuredMemory::reserved) value -= run.plan.software.context_bytes.value;
  if (whole.value <= 0.0) return {value, value, value};
  return {value, value * whole.low / whole.value, value * whole.high / whole.value};
}

// By the system's name.
using CalibrationsBySystem = std::map<std::string, std::shared_ptr<const Calibrations>>;

CalibrationsBySystem calibrations_of(const std::vector<std::string>& files,
                                     const std::vector<RunRecord>& records, RunBuilder& builder,
                                     const Catalog& catalog) {
  CalibrationsBySystem result;
  if (files.empty()) return result;
  std::map<std::string, Cluster> systems;
  for (const RunRecord& record : records) {
    RunScenario run = builder.build(record);
    if (run.skipped.empty()) systems.emplace(run.cluster.system.name, std::move(run.cluster));
  }
  std::vector<Cluster*> clusters;
  for (auto& [name, cluster] : systems) clusters.push_back(&cluster);
  apply_calibrations(files, catalog, clusters);
  for (const auto& [name, cluster] : systems) result.emplace(name, cluster.calibrations);
  return result;
}

// What a row is predicted with: the fit to all runs, or that without the row's group.
class Evidences {
 public:
  Evidences(const Evidence& all, const LeftOutFits* left_out) : all_(all), left_out_(left_out) {
    if (left_out == nullptr) return;
    for (const auto& [group, fitted] : left_out->fits) {
      Evidence one;
      one.fitted = fitted;
      // What is known of the group's own errors is left out too.
      for (const EvidenceRow& row : all.rows) {
        if ((left_out->by == LeaveOut::model ? row.model : row.source) != group)
          one.rows.push_back(row);
      }
      one.step = learn_residual(one.rows, Subject::step_time, all.step);
      one.memory = learn_residual(one.rows, Subject::peak_memory, all.memory);
      without_.emplace(group, std::move(one));
    }
  }

  // "" where all runs took part.
  [[nodiscard]] std::string group(const RunRecord& record) const {
    if (left_out_ == nullptr) return {};
    const std::string& group = group_of(record, left_out_->by);
    return without_.count(group) == 0 ? std::string{} : group;
  }

  RunPrediction predict(RunScenario& run, const std::string& group) const {
    set_constants(run, group);
    return predict_run(run, group.empty() ? all_ : without_.at(group));
  }

  // Nothing where all runs took part.
  void set_constants(RunScenario& run, const std::string& group) const {
    if (!group.empty()) set_fitted(run.cluster, run.plan, without_.at(group).fitted);
  }

 private:
  const Evidence& all_;
  const LeftOutFits* left_out_;
  std::map<std::string, Evidence> without_;
};

// All that is the same for every row.
struct Task {
  const std::vector<RunRecord>& records;
  const Catalog& catalog;
  const Aliases& aliases;
  const RunsOptions& options;
  const CalibrationsBySystem& calibrations;
  const Evidences& evidences;
};

RunResult described(const RunRecord& record, const std::string& group, RunScenario& run) {
  RunResult result;
  result.row_id = record.row_id;
  result.source = record.source;
  result.model = record.model;
  result.gpu =
      run.cluster.system.gpu.name.empty() ? record.word("gpu_key") : run.cluster.system.gpu.name;
  result.ran_out_of_memory = record.word("quality") == "oom";
  result.system = run.cluster.system.name;
  result.software = run.plan.software.name;
  result.left_out = group;
  result.status = run.skipped.empty() ? "ok" : run.skipped;
  if (run.skipped.empty()) result.facts = scenario_facts(record, run);
  result.assumed = std::move(run.assumed);
  return result;
}

// `prediction`: that of an equal row, or empty: then it becomes this row's.
RunResult evaluate(const Task& task, const RunRecord& record, RunBuilder& builder,
                   std::optional<RunPrediction>& prediction) {
  RunScenario run = builder.build(record);
  const std::string group = task.evidences.group(record);
  RunResult result = described(record, group, run);
  if (!result.simulated()) return result;
  const auto calibrated = task.calibrations.find(run.cluster.system.name);
  if (calibrated != task.calibrations.end()) run.cluster.calibrations = calibrated->second;
  if (!prediction) prediction = task.evidences.predict(run, group);
  if (!prediction->problem.empty()) {
    result.status = prediction->problem;
    return result;
  }
  result.step_time = {prediction->step_time_s, run.step_time_s};
  result.peak_memory = {predicted_memory(*prediction, run), run.peak_memory_bytes};
  result.predicted_to_fit = prediction->feasible;
  result.facts.memory_share = prediction->memory_share;
  result.facts.host_share = prediction->host_share;
  result.facts.ideal_step_s = prediction->ideal_step_s;
  // To the tool, runs that it predicts otherwise are no repeats: overlap switches are no part of
  // the key.
  result.facts.plan += fmt::format(" {:.9g}", prediction->step_time_s.value);
  return result;
}

// Calls work(builder, i) for every index, on several threads. Throws what the first index that
// threw did.
void in_parallel(const Task& task, const std::vector<std::size_t>& indices,
                 const std::function<void(RunBuilder&, std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::map<std::size_t, std::exception_ptr> thrown;
  const auto worker = [&] {
    try {
      RunBuilder builder(task.catalog, task.aliases);
      for (std::size_t at = next++; at < indices.size(); at = next++) {
        try {
          work(builder, indices[at]);
        } catch (...) {
          next = indices.size();
          const std::lock_guard<std::mutex> lock(mutex);
          thrown.emplace(at, std::current_exception());
        }
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      thrown.emplace(indices.size(), std::current_exception());
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < std::min(task.options.threads, indices.size()); ++i)
    threads.emplace_back(worker);
  worker();
  for (std::thread& thread : threads) thread.join();
  if (!thrown.empty()) std::rethrow_exception(thrown.begin()->second);
}

std::vector<RunResult> evaluate_all(const Task& task) {
  // Sweeps repeat their configurations: each is predicted once, by the first row of it.
  std::map<std::string, std::size_t> first;
  std::vector<std::size_t> leader(task.records.size());
  std::vector<std::size_t> leaders;
  std::vector<std::size_t> followers;
  for (std::size_t i = 0; i < task.records.size(); ++i) {
    const RunRecord& record = task.records[i];
    leader[i] =
        first.emplace(record.identity + '\n' + task.evidences.group(record), i).first->second;
    (leader[i] == i ? leaders : followers).push_back(i);
  }
  std::vector<RunResult> rows(task.records.size());
  std::vector<std::optional<RunPrediction>> predictions(task.records.size());
  std::mutex mutex;
  std::size_t done = 0;
  const auto fill = [&](RunBuilder& builder, std::size_t i,
                        std::optional<RunPrediction>& prediction) {
    rows[i] = evaluate(task, task.records[i], builder, prediction);
    if (!task.options.done) return;
    const std::lock_guard<std::mutex> lock(mutex);
    task.options.done(++done);
  };
  in_parallel(task, leaders,
              [&](RunBuilder& builder, std::size_t i) { fill(builder, i, predictions[i]); });
  in_parallel(task, followers, [&](RunBuilder& builder, std::size_t i) {
    std::optional<RunPrediction> of_leader = predictions[leader[i]];
    fill(builder, i, of_leader);
  });
  return rows;
}

// Model, training and cluster of the group's first run, which stands for all: a group's runs share
// them but for what choice_key() leaves out.
SearchQuestion question_about(const RunResult& first, const RunScenario& run,
                              const CalibrationsBySystem& calibrations) {
  SearchQuestion question;
  question.source = first.source;
  question.model = first.model;
  question.gpu = first.gpu;
  question.scenario.model = run.model;
  question.scenario.training = run.training;
  question.scenario.cluster = run.cluster;
  const auto calibrated = calibrations.find(run.cluster.system.name);
  if (calibrated != calibrations.end()) question.scenario.cluster.calibrations = calibrated->second;
  return question;
}

// What the groups of plan_choices() ask the search, with the constants that their rows were
// predicted with.
std::vector<SearchQuestion> questions_of(const std::vector<RunResult>& rows, const Task& task) {
  RunBuilder builder(task.catalog, task.aliases);
  std::vector<SearchQuestion> out;
  for (const ChoiceGroup& group : choice_groups(rows)) {
    std::optional<SearchQuestion> question;
    for (const GroupPlan& plan : group.plans) {
      const RunRecord& record = task.records[plan.row];
      RunScenario run = builder.build(record);
      task.evidences.set_constants(run, task.evidences.group(record));
      if (!question) question = question_about(rows[plan.row], run, task.calibrations);
      question->plans.push_back({run.plan, median(plan.measured), plan.predicted, plan.fits});
    }
    out.push_back(std::move(*question));
  }
  return out;
}

}  // namespace

const std::string& group_of(const RunRecord& record, LeaveOut by) {
  return by == LeaveOut::model ? record.model : record.source;
}

RunsReport validate_runs(const std::vector<RunRecord>& records, const Catalog& catalog,
                         const Aliases& aliases, const RunsOptions& options) {
  const std::shared_ptr<const Evidence> evidence = catalog.evidence();
  RunBuilder builder(catalog, aliases);
  const CalibrationsBySystem calibrations =
      calibrations_of(options.calibrations, records, builder, catalog);
  const Evidences evidences(*evidence, options.left_out);
  RunsReport report;
  if (options.left_out != nullptr) report.left_out = options.left_out->by;
  const Task task{records, catalog, aliases, options, calibrations, evidences};
  report.rows = evaluate_all(task);
  if (options.search) {
    report.searched =
        search_choices(questions_of(report.rows, task), static_cast<int>(options.threads));
  }
  analyse(report);
  return report;
}

void analyse(RunsReport& report) {
  report.summary = summarize_errors(report.rows);
  report.noise = noise_floor(report.rows);
  const std::vector<std::string> apart = noisy_sources(report.noise);
  report.over_sources = summarize_sources(report.summary, apart);
  report.out_of_memory = count_out_of_memory(report.rows);
  report.ranks = rank_sources(report.rows);
  report.choices = plan_choices(report.rows);
  report.regret = summarize_regret(report.choices, apart);
  report.search_regret = summarize_search(report.searched, apart);
  report.worst = worst_rows(report.rows);
}

}  // namespace lockstep
