// lockstep-validate kernels
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include "scenarios/cluster_file.hpp"
#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "topology/quantity_text.hpp"
#include "validate/command.hpp"
#include "validate/kernel_calibrate.hpp"
#include "validate/measure/failures.hpp"
#include "validate/measure/kernel_list.hpp"
#include "validate/measure/kernel_prediction.hpp"
#include "validate/measure/kernels_text.hpp"
#include "validate/measure/options.hpp"
#include "validate/nccl_log_line.hpp"
#include "validate/progress.hpp"
#if LOCKSTEP_HAS_CUDA
#include "validate/gpu/driver_version.hpp"
#include "validate/gpu/gpu_facts.hpp"
#include "validate/gpu/measure_kernels.hpp"
#endif
#if LOCKSTEP_HAS_NCCL
#include "validate/nccl/background_all_reduce.hpp"
#endif

namespace lockstep::validation {
namespace {

constexpr std::size_t help_width = 100;
constexpr const char* default_seconds = "0.5";
constexpr const char* default_copy = "256MiB";
constexpr std::array<Dtype, 5> dtypes{Dtype::bf16, Dtype::fp16, Dtype::tf32, Dtype::fp32,
                                      Dtype::fp8};

const std::vector<Option>& options() {
  static const std::vector<Option> options = with_measuring_options({
      {"plan", "PLAN", "only this plan's shapes (default: those of all plans)", {}},
      {"device",
       "N",
       "the GPU, by CUDA's number, or all: the first in full, of the others the longest products "
       "and the copies, so that a slow one shows (default: 0)",
       {}},
      {"dtype",
       "TYPES",
       "types of the products, between commas: bf16, fp16, tf32, fp32, fp8 (default: the "
       "scenario's; without one bf16, and fp8 where the GPU has it)",
       {}},
      {"seconds-per-shape", "X", "how long each product is run (default: 0.5)", {}},
      {"copy-size", "SIZE", "of the copies (default: 256MiB)", {}},
      {"candidates",
       "N",
       "time so many of cuBLASLt's own candidates and take the fastest (default: 1, the first, as "
       "frameworks do)",
       {}},
      {"quick", "", "few products, kernels of one size, a fifth of the time", {}},
  });
  return options;
}

std::string help() {
  return "usage: lockstep-validate kernels [SCENARIO] [options]\n\n" +
         wrap(
             "Measures one GPU with random data: cuBLASLt's matrix products in the shapes of the "
             "scenario's model and plans, or in standard ones; memory-bound kernels; copies inside "
             "the GPU, to the host and to its peers; what launches cost; how much slower products "
             "get while a copy, a kernel or NCCL runs. Beside each product its share of the "
             "catalog's peak, our prediction's error, and what the host's clock says of the same "
             "calls.",
             help_width, "", "") +
         "\n\n" + option_lines(options()) +
         "\nExit codes: 0 ok, 1 a measurement failed, 2 usage, 3 invalid input, 77 no GPU, or "
         "built "
         "without CUDA.\n\nexamples:\n"
         "  lockstep-validate kernels\n"
         "  lockstep-validate kernels scenarios/llama3-70b-64xh100.yaml --plan tp8-pp2 -o "
         "kernels.json\n";
}

struct Request {
  Arguments arguments;
  std::vector<Dtype> asked;  // empty: not said
  std::int64_t device = 0;   // -1: all
  double seconds_per_shape = 0;
  double copy_bytes = 0;
  std::int64_t candidates = 1;
  bool quick = false;
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c == ',') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

std::vector<Dtype> dtypes_of(const Arguments& arguments) {
  std::vector<Dtype> asked;
  const std::string text = arguments.value("dtype");
  if (text.empty()) return asked;
  for (const std::string& word : split(text)) {
    const auto* const found = std::find_if(dtypes.begin(), dtypes.end(),
                                           [&](Dtype one) { return word == to_string(one); });
    if (found == dtypes.end())
      throw UsageError(fmt::format("--dtype names '{}'", printable(word)),
                       "bf16, fp16, tf32, fp32 and fp8 are measured");
    if (std::find(asked.begin(), asked.end(), *found) == asked.end()) asked.push_back(*found);
  }
  return asked;
}

std::int64_t whole_of(const Arguments& arguments, const std::string& option,
                      const std::string& otherwise, std::int64_t least, std::int64_t most) {
  const std::string text = arguments.value(option, otherwise);
  const std::optional<std::int64_t> value = whole_number(text);
  if (value && *value >= least && *value <= most) return *value;
  throw UsageError(fmt::format("--{} is '{}'", option, printable(text)),
                   fmt::format("a whole number from {} to {}", least, most));
}

double seconds_of(const Arguments& arguments) {
  constexpr double most = 60.0;
  const std::string text = arguments.value("seconds-per-shape", default_seconds);
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && stop == text.data() + text.size() && value > 0 && value <= most)
    return value;
  throw UsageError(fmt::format("--seconds-per-shape is '{}'", printable(text)),
                   "seconds above 0 and up to 60, such as 0.5");
}

double copy_bytes_of(const Arguments& arguments) {
  constexpr double most = 64e9;
  const std::string text = arguments.value("copy-size", default_copy);
  const ParsedQuantity parsed = parse_quantity(text, Dimension::bytes);
  if (parsed && *parsed.value >= 1 && *parsed.value <= most) return *parsed.value;
  throw UsageError(fmt::format("--copy-size is '{}'", printable(text)),
                   "a size with its unit from 1 B to 64 GB, such as 256MiB");
}

std::optional<Request> read_request(const std::vector<std::string>& words) {
  Request request;
  request.arguments = parse_arguments(words, options());
  const Arguments& arguments = request.arguments;
  if (arguments.help) return std::nullopt;
  if (arguments.files.size() > 1)
    throw UsageError(fmt::format("kernels takes one scenario, not {}", arguments.files.size()));
  if (arguments.files.empty() && !arguments.value("plan").empty())
    throw UsageError("--plan names a plan of a scenario, and none is given",
                     "lockstep-validate kernels SCENARIO --plan PLAN");
  constexpr std::int64_t most_devices = 1023;
  constexpr std::int64_t most_candidates = 64;
  request.asked = dtypes_of(arguments);
  request.device =
      arguments.value("device") == "all" ? -1 : whole_of(arguments, "device", "0", 0, most_devices);
  request.candidates = whole_of(arguments, "candidates", "1", 1, most_candidates);
  request.seconds_per_shape = seconds_of(arguments);
  request.copy_bytes = copy_bytes_of(arguments);
  request.quick = arguments.values.count("quick") > 0;
  constexpr double quick_share = 0.2;
  if (request.quick) request.seconds_per_shape *= quick_share;
  return request;
}

KernelList of_scenario(const Request& request, const Catalog& catalog) {
  const Scenario scenario = load_scenario(request.arguments.files.front(), catalog);
  require_plans(scenario, request.arguments.files.front());
  const std::string plan = request.arguments.value("plan");
  std::vector<std::string> names;
  for (const ScenarioPlan& one : scenario.plans) names.push_back(one.plan.name);
  if (plan.empty() || std::find(names.begin(), names.end(), plan) != names.end())
    return kernels_of(scenario, plan, request.asked);
  const std::string nearest = nearest_name(plan, names);
  const std::string all = fmt::format("its plans: {}", fmt::join(names, ", "));
  throw UsageError(fmt::format("the scenario has no plan '{}'", printable(plan)),
                   nearest.empty() ? printable(all)
                                   : printable(fmt::format("did you mean {}? {}", nearest, all)));
}

KernelList listed_kernels(const Request& request, const Catalog& catalog) {
  const bool standard = request.arguments.files.empty();
  const std::vector<Dtype> types =
      request.asked.empty() ? std::vector<Dtype>{Dtype::bf16, Dtype::fp8} : request.asked;
  const KernelList list = standard ? standard_kernels(types) : of_scenario(request, catalog);
  return request.quick ? quick(list) : list;
}

#if LOCKSTEP_HAS_CUDA

constexpr std::size_t longest_products = 3;  // of the GPUs after the first

// What shows whether a GPU keeps up with its siblings.
KernelList longest_of(const KernelList& list) {
  KernelList few;
  few.gemms = list.gemms;
  std::stable_sort(few.gemms.begin(), few.gemms.end(), [](const auto& a, const auto& b) {
    return gemm_flops(a.shape) > gemm_flops(b.shape);
  });
  few.gemms.resize(std::min(few.gemms.size(), longest_products));
  return few;
}

std::vector<int> devices_of(const Request& request, const CudaRuntime& cuda) {
  const int count = cuda.device_count();
  if (request.device >= count)
    throw UsageError(fmt::format("--device is {}, and there {} {} GPU{}", request.device,
                                 count == 1 ? "is" : "are", count, count == 1 ? "" : "s"),
                     "CUDA counts from 0, and only those of CUDA_VISIBLE_DEVICES");
  if (request.device >= 0) return {static_cast<int>(request.device)};
  std::vector<int> all;
  for (int device = 0; device < count; ++device) all.push_back(device);
  return all;
}

// NCCL beside a product, where there are GPUs to talk to.
class Collectives {
 public:
  Collectives(const CudaRuntime& cuda, const std::string& libraries,
              std::vector<std::string>& left_out) {
    if (cuda.device_count() < 2) {
      left_out.emplace_back("overlap with NCCL: one GPU has nobody to talk to");
      return;
    }
#if LOCKSTEP_HAS_NCCL
    try {
      nccl_ = std::make_unique<NcclLibrary>(libraries);
    } catch (const Unavailable& error) {
      left_out.push_back(fmt::format("overlap with NCCL: {}", error.what()));
    }
#else
    static_cast<void>(libraries);
    left_out.emplace_back("overlap with NCCL: built without it");
#endif
  }
  void offer(KernelsOptions& options, Measurement& measurement) const {
#if LOCKSTEP_HAS_NCCL
    if (!nccl_) return;
    constexpr std::size_t bytes = std::size_t{64} << 20;
    measurement.machine.nccl = nccl_->version();
    options.collective = [this](const CudaRuntime& cuda, int device) {
      return background_all_reduce(cuda, *nccl_, device, bytes);
    };
#else
    static_cast<void>(options);
    static_cast<void>(measurement);
#endif
  }

#if LOCKSTEP_HAS_NCCL
 private:
  std::unique_ptr<NcclLibrary> nccl_;
#endif
};

// The GPU that predictions are for: the cluster's, or the one that is there.
std::optional<Gpu> predicted_gpu(const Request& request, const Catalog& catalog,
                                 const std::string& device_name, Measurement& measurement) {
  const std::string cluster = request.arguments.value("cluster");
  if (!cluster.empty()) {
    const System system = load_cluster(cluster, catalog).system;
    measurement.machine.system = system.name;
    return system.gpu;
  }
  return gpu_of_name(device_name, catalog,
                     load_aliases(catalog.folder() / "aliases" / "measured_runs.yaml"));
}

KernelsOptions options_of(const Request& request) {
  KernelsOptions options;
  options.seconds_per_shape = request.seconds_per_shape;
  options.copy_bytes = static_cast<std::size_t>(request.copy_bytes);
  options.candidates = static_cast<int>(request.candidates);
  options.fp8_asked_for =
      std::find(request.asked.begin(), request.asked.end(), Dtype::fp8) != request.asked.end();
  options.libraries = request.arguments.value("libraries");
  return options;
}

Outcome written(const Request& request, const Measurement& measurement,
                const std::string& catalog_gpu, const std::vector<std::string>& left_out) {
  Outcome outcome;
  const std::string json = measurement_json(measurement);
  const bool as_json = request.arguments.value("format", "text") == "json";
  outcome.output = as_json ? json : kernels_text(measurement, catalog_gpu, left_out);
  if (as_json) {
    for (const std::string& one : left_out)
      outcome.remark += fmt::format("lockstep-validate: left out: {}\n", printable(one));
  }
  const std::string file = request.arguments.value("output");
  if (file.empty()) return outcome;
  write_result(file, json, "the measurement");
  outcome.remark += fmt::format("lockstep-validate: wrote {}\n", printable(file));
  return outcome;
}

Outcome measure(const Request& request, const Catalog& catalog, const std::string& command,
                std::ostream* progress_to) {
  const KernelList list = listed_kernels(request, catalog);  // before any GPU is looked for
  const std::string libraries = request.arguments.value("libraries");
  const CudaRuntime cuda(libraries);
  const std::vector<int> devices = devices_of(request, cuda);
  Measurement measurement;
  std::vector<std::string> left_out;
  measurement.machine = machine_facts(command);
  measurement.machine.driver = driver_version();
  measurement.machine.cuda = cuda.version();
  const std::string host =
      measurement.machine.hosts.empty() ? "" : measurement.machine.hosts.front();
  for (const int device : devices)
    measurement.machine.gpus.push_back(measured_gpu(cuda, host, device));
  add_power_limits(measurement.machine.gpus, libraries);
  const std::optional<Gpu> gpu =
      predicted_gpu(request, catalog, measurement.machine.gpus.front().name, measurement);
  KernelsOptions options = options_of(request);
  options.catalog_gpu = gpu ? &*gpu : nullptr;
  std::unique_ptr<Progress> progress;
  if (progress_to != nullptr) progress = std::make_unique<Progress>(*progress_to, "kernels");
  options.progress = [&](std::size_t done, std::size_t of) {
    if (progress) progress->show(done, of);
  };
  const Collectives collectives(cuda, libraries, left_out);
  collectives.offer(options, measurement);
  for (const int device : devices) {
    const bool first = device == devices.front();
    options.launches = options.overlap = first;
    measure_kernels(cuda, device, first ? list : longest_of(list), options, measurement, left_out);
  }
  progress.reset();
  return written(request, measurement, gpu ? gpu->name : "", left_out);
}

#else

Outcome measure(const Request& request, const Catalog& catalog, const std::string& /*command*/,
                std::ostream* /*progress_to*/) {
  static_cast<void>(listed_kernels(request, catalog));
  throw Unavailable("this lockstep-validate was built without CUDA");
}

#endif

}  // namespace

Outcome run_kernels(const std::vector<std::string>& words, const std::filesystem::path& program,
                    std::ostream* progress_to) {
  const std::optional<Request> request = read_request(words);
  if (!request) return {help(), ok, {}};
  const Catalog catalog(catalog_folder(request->arguments, program));
  return measure(*request, catalog,
                 fmt::format("lockstep-validate kernels {}", fmt::join(words, " ")), progress_to);
}

}  // namespace lockstep::validation
