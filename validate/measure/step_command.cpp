// lockstep-validate step
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "scenarios/calibration_use.hpp"
#include "scenarios/cluster_file.hpp"
#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "validate/command.hpp"
#include "validate/kernel_calibrate.hpp"
#include "validate/measure/failures.hpp"
#include "validate/measure/options.hpp"
#include "validate/measure/small_step.hpp"
#include "validate/measure/step_tasks.hpp"
#include "validate/measure/step_text.hpp"
#include "validate/nccl_log_line.hpp"
#if LOCKSTEP_HAS_CUDA
#include "validate/gpu/cuda_runtime.hpp"
#include "validate/gpu/driver_version.hpp"
#include "validate/gpu/gpu_facts.hpp"
#include "validate/measure/kernel_prediction.hpp"
#include "validate/measure/watchdog.hpp"
#include "validate/step/step_run.hpp"
#endif

namespace lockstep::validation {
namespace {

constexpr std::size_t help_width = 100;
constexpr std::int64_t most_layers = 1000;
constexpr std::int64_t most_micro_batches = 1000;
constexpr std::int64_t most_gpus = 1024;
constexpr std::int64_t default_timeout_s = 120;
constexpr std::int64_t longest_timeout_s = 86400;

const std::vector<Option>& options() {
  static const std::vector<Option> options = with_measuring_options({
      {"plan", "NAME", "which plan of the scenario (default: the only one)", {}, false},
      {"layers", "N", "layers that are run (default: 2)", {}, false},
      {"micro-batches", "N", "micro-batches that are run (default: 2)", {}, false},
      {"gpus", "N", "GPUs to use, from the first on (default: all)", {}, false},
      {"calibration", "FILE", "predict with these measurements", {}, true},
      {"set", "PATH=VALUE", "change any value of the scenario or the catalog", {}, true},
      {"timeout", "S", "ends the run when it takes longer, in seconds (default: 120)", {}, false},
      {"predict-only", "", "say what would be run and what is predicted for it, without a GPU", {},
       false},
  });
  return options;
}

std::string help() {
  return "usage: lockstep-validate step SCENARIO [--plan NAME] [options]\n\n" +
         wrap("Runs a short step of the plan on the GPUs of this node: its matrix products, "
              "memory-bound kernels and attention as batched products, with the plan's collectives "
              "on streams of their own, in the predicted order and overlap. The plan is cut down to "
              "what is here: few layers, one pipeline stage, fewer data ranks; where a group of the "
              "plan is larger than the node, one rank's kernels run alone. Measured and predicted "
              "are laid side by side, term by term.",
              help_width, "", "") +
         "\n\n" + option_lines(options()) +
         "\nExit codes: 0 ok, 1 a measurement failed, 2 usage, 3 invalid input, 77 no GPU here.\n\n"
         "examples:\n"
         "  lockstep-validate step scenarios/llama3-70b-64xh100.yaml --plan fsdp-recompute\n"
         "  lockstep-validate step scenarios/llama3-70b-64xh100.yaml --plan tp8-pp2 "
         "--predict-only\n";
}

std::int64_t count_of(const Arguments& arguments, const std::string& option, std::int64_t otherwise,
                      std::int64_t most) {
  const std::string text = arguments.value(option);
  if (text.empty()) return otherwise;
  const std::optional<std::int64_t> count = whole_number(text);
  if (count && *count >= 1 && *count <= most) return *count;
  throw UsageError(fmt::format("--{} is '{}'", option, printable(text)),
                   fmt::format("a whole number from 1 to {}", most));
}

ScenarioPlan chosen_plan(const Scenario& scenario, const std::string& name) {
  std::vector<std::string> names;
  for (const ScenarioPlan& plan : scenario.plans) {
    if (plan.plan.name == name || (name.empty() && scenario.plans.size() == 1)) return plan;
    names.push_back(plan.plan.name);
  }
  const std::string listed = printable(fmt::format("{}", fmt::join(names, ", ")));
  if (name.empty())
    throw UsageError(fmt::format("the scenario has {} plans: name one with --plan", names.size()),
                     "its plans: " + listed);
  const std::string near = nearest_name(name, names);
  throw UsageError(
      fmt::format("the scenario has no plan '{}'", printable(name)),
      (near.empty() ? "" : fmt::format("did you mean {}? ", printable(near))) + "its plans: " +
          listed);
}

Catalog catalog_of(const Arguments& arguments, const std::filesystem::path& program) {
  return Catalog(catalog_folder(arguments, program),
                 settings_of(arguments, "training.sequence_length=4096"));
}

// The scenario, on the node that --cluster names.
Scenario scenario_of(const Arguments& arguments, const Catalog& catalog) {
  if (arguments.files.size() != 1)
    throw UsageError("step needs one scenario",
                     "lockstep-validate step scenarios/llama3-70b-64xh100.yaml --plan NAME");
  Scenario scenario = load_scenario(arguments.files.front(), catalog);
  require_plans(scenario, arguments.files.front());
  if (const std::string here = arguments.value("cluster"); !here.empty()) {
    const Cluster cluster = load_cluster(here, catalog);
    for (ScenarioPlan& plan : scenario.plans) plan.cluster.system = cluster.system;
  }
  apply_calibrations(calibration_files(arguments), catalog, clusters_of(scenario));
  return scenario;
}

#if LOCKSTEP_HAS_CUDA
// A collective that never ends keeps every thread waiting: nothing is left but to end the process.
[[noreturn]] void give_up(std::int64_t seconds, const std::string& call) {
  std::cerr << fmt::format(
      "lockstep-validate: measuring failed: {} took longer than {} s\n"
      "  = hint: NCCL_DEBUG=INFO shows what NCCL waits for; --timeout S waits longer\n",
      call, seconds);
  std::_Exit(internal_error);
}

// Which GPU the prediction is of, where it is not the one that is here.
std::string other_gpu(const SmallStep& step, const MeasuredGpu& here, const Catalog& catalog) {
  const std::optional<Gpu> gpu = gpu_of_name(
      here.name, catalog, load_aliases(catalog.folder() / "aliases" / "measured_runs.yaml"));
  const std::string& predicted = step.cluster.system.gpu_name;
  if (gpu && gpu->name == predicted) return {};
  return fmt::format(
      "lockstep-validate: the prediction is of {} ({}), here is {}; --cluster names the node\n",
      predicted, step.cluster.system.name, printable(here.name));
}

Measurement measured(const Arguments& arguments, const std::vector<std::string>& words,
                     const CudaRuntime& cuda, const Scenario& scenario, const SmallStep& step) {
  const std::string folder = arguments.value("libraries");
  const std::vector<StepTask> tasks = step_tasks(step.plan, step.workload);
  Measurement measurement;
  measurement.machine =
      machine_facts(fmt::format("lockstep-validate step {}", fmt::join(words, " ")));
  measurement.machine.system = step.cluster.system.name;
  measurement.machine.cuda = cuda.version();
  measurement.machine.driver = driver_version();
  for (std::int64_t i = 0; i < (step.collectives ? step.ranks : 1); ++i)
    measurement.machine.gpus.push_back(measured_gpu(cuda, measurement.machine.hosts.front(), i));
  std::unique_ptr<StepCollectives> collectives;
  if (step.collectives) {
#if LOCKSTEP_HAS_NCCL
    collectives = nccl_step_collectives(cuda, step, tasks, folder);
    measurement.machine.nccl = collectives->version();
#else
    throw Unavailable("this program was built without NCCL, which the plan's collectives need");
#endif
  }
  StepRunResult result =
      run_small_step(cuda, step, tasks, collectives.get(), folder, SweepOptions{});
  MeasuredStep one;
  one.scenario = scenario.name;
  one.plan = step.plan.name;
  one.layers = step.model.layers;
  one.micro_batches = step.workload.micro_batches;
  one.time = result.time;
  one.terms = std::move(result.terms);
  for (const MeasuredTerm& term : one.terms) one.predicted_s += term.predicted_s;
  one.not_run = step.not_run;
  measurement.steps.push_back(std::move(one));
  return measurement;
}
#endif

}  // namespace

Outcome run_step(const std::vector<std::string>& words, const std::filesystem::path& program,
                 std::ostream* progress_to) {
  static_cast<void>(progress_to);
  const Arguments arguments = parse_arguments(words, options());
  if (arguments.help) return {help(), ok, {}};
  const Catalog catalog = catalog_of(arguments, program);
  const Scenario scenario = scenario_of(arguments, catalog);
  const ScenarioPlan plan = chosen_plan(scenario, arguments.value("plan"));
  SmallStepSize size;
  size.layers = count_of(arguments, "layers", size.layers, most_layers);
  size.micro_batches = count_of(arguments, "micro-batches", size.micro_batches, most_micro_batches);
  if (arguments.values.count("predict-only") > 0) {
    size.gpus = count_of(arguments, "gpus", plan.cluster.system.gpus_per_node, most_gpus);
    const SmallStep step = small_step(scenario.model, scenario.training, plan, size);
    return {predicted_step_text(step, scenario.name), ok, {}};
  }
#if LOCKSTEP_HAS_CUDA
  const CudaRuntime cuda(arguments.value("libraries"));
  const int here = cuda.device_count();
  size.gpus = count_of(arguments, "gpus", here, here);
  const SmallStep step = small_step(scenario.model, scenario.training, plan, size);
  const std::int64_t timeout_s =
      count_of(arguments, "timeout", default_timeout_s, longest_timeout_s);
  Watchdog watchdog(static_cast<double>(timeout_s),
                    [&](const std::string& call) { give_up(timeout_s, call); });
  const Watchdog::Watched watched(
      watchdog, fmt::format("the step of plan {} on {} GPUs", printable(step.plan.name), size.gpus));
  const Measurement measurement = measured(arguments, words, cuda, scenario, step);
  const std::string json = measurement_json(measurement);
  Outcome outcome;
  outcome.output = arguments.value("format", "text") == "json"
                       ? json
                       : measured_step_text(measurement.steps.front(), step);
  outcome.remark = other_gpu(step, measurement.machine.gpus.front(), catalog);
  if (const std::string file = arguments.value("output"); !file.empty()) {
    write_result(file, json, "the measurement");
    outcome.remark += fmt::format("lockstep-validate: wrote {}\n", printable(file));
  }
  return outcome;
#else
  throw Unavailable("this program was built without CUDA: build it where the CUDA Toolkit is");
#endif
}

}  // namespace lockstep::validation
