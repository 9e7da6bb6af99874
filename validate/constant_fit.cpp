#include "validate/constant_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "scenarios/fields.hpp"
#include "sim/compute/op_cost.hpp"
#include "topology/quantity_text.hpp"
#include "validate/constant_search.hpp"
#include "validate/kernel_fit.hpp"
#include "validate/statistics.hpp"

namespace lockstep {
namespace {

constexpr double least_spread = 0.01;
constexpr double unseen_scatter = 0.05;
constexpr double products_of_a_layer = 4;
constexpr std::size_t many_points = 12;
constexpr std::size_t some_points = 6;
constexpr double close = 0.05;
constexpr double fair = 0.10;

using Picked = std::vector<KernelSample*>;

Confidence confidence_of(std::size_t points, double scatter) {
  if (points >= many_points && scatter <= close) return Confidence::high;
  if (points >= some_points && scatter <= fair) return Confidence::medium;
  return Confidence::low;
}

// One or two shapes have no scatter to see: what they leave open is a judgement.
double spread_of(double deviation, double scatter, std::size_t shapes) {
  const double least = shapes < fewest_copy_sizes ? unseen_scatter : least_spread;
  return std::sqrt(deviation * deviation + scatter * scatter / products_of_a_layer + least * least);
}

std::vector<std::string> shapes_of(const Picked& picked) {
  std::vector<std::string> shapes;
  for (const KernelSample* sample : picked) shapes.push_back(sample->what + " " + sample->shape);
  return shapes;
}

std::size_t distinct(const Picked& picked) {
  const std::vector<std::string> shapes = shapes_of(picked);
  return std::set<std::string>(shapes.begin(), shapes.end()).size();
}

// Of copies, whichever way they go.
std::size_t distinct_sizes(const Picked& picked) {
  std::set<std::string> sizes;
  for (const KernelSample* sample : picked) sizes.insert(sample->shape);
  return sizes.size();
}

// "a.json", or "a.json and 2 more".
std::string source_of(const Picked& picked) {
  std::set<std::string> files;
  for (const KernelSample* sample : picked) files.insert(sample->file);
  if (files.size() == 1) return *files.begin();
  return fmt::format("{} and {} more", *files.begin(), files.size() - 1);
}

const char* efficiency_key(Dtype dtype) {
  switch (dtype) {
    case Dtype::fp8:
      return "gemm_efficiency_fp8";
    case Dtype::tf32:
      return "gemm_efficiency_tf32";
    case Dtype::fp32:
      return "gemm_efficiency_fp32";
    default:
      return "gemm_efficiency_half";
  }
}

const char* share_key(MemoryKernel kernel) {
  switch (kernel) {
    case MemoryKernel::norm:
      return "memory_norm";
    case MemoryKernel::rope:
      return "memory_rope";
    case MemoryKernel::activation:
      return "memory_activation";
    case MemoryKernel::softmax:
      return "memory_softmax";
    case MemoryKernel::cast:
      return "memory_cast";
    case MemoryKernel::permutation:
      return "memory_permutation";
    case MemoryKernel::loss:
      return "memory_loss";
    case MemoryKernel::optimizer:
      return "memory_optimizer";
    case MemoryKernel::stream:
      break;
  }
  return "memory_efficiency";
}

// The constants of one GPU, fitted one kind after the other.
class GpuFit {
 public:
  GpuFit(const std::string& name, GpuSamples samples, ConstantsReport& report)
      : name_(name),
        samples_(std::move(samples)),
        alone_(kernels_alone(samples_.gpu)),
        report_(report) {
    if (samples_.power_limit_w > 0) alone_.power_limit.value = samples_.power_limit_w;
  }

  void run() {
    memory();
    for (const char* key : {"gemm_efficiency_half", "gemm_efficiency_fp8", "gemm_efficiency_tf32",
                            "gemm_efficiency_fp32"})
      gemms(key);
    overlaps();
    for (KernelSample& sample : samples_.samples) report_.samples.push_back(std::move(sample));
  }

 private:
  // Says so where a memory-bound kernel was measured and all of it is of no use.
  void nothing_left(const std::string& what) {
    for (const KernelSample& sample : samples_.samples) {
      if (sample.kind != SampleKind::memory || sample.what != what) continue;
      if (sample.dropped.rfind("refused: ", 0) == 0) return;
      const std::string why = sample.dropped.empty() ? "too small to tell a rate" : sample.dropped;
      report_.refusals.push_back({sample.file, what, "nothing to fit: " + why, false});
      return;
    }
  }

  template <class Wanted>
  Picked pick(SampleKind kind, const Wanted& wanted) {
    Picked picked;
    for (KernelSample& sample : samples_.samples) {
      if (sample.kind == kind && sample.dropped.empty() && wanted(sample))
        picked.push_back(&sample);
    }
    return picked;
  }

  static void leave_out(const Picked& picked, const std::string& why) {
    for (KernelSample* sample : picked) sample->dropped = why;
  }

  void refuse_few(const Picked& picked, const std::string& what, std::size_t fewest,
                  const char* unit, bool broken = true) {
    const std::string why = fmt::format("{} {}: a fit needs {}", distinct(picked), unit, fewest);
    report_.refusals.push_back({source_of(picked), what, why, broken});
    leave_out(picked, "refused: " + why);
  }

  [[nodiscard]] FreeConstant free(const std::string& key, double low, double high,
                                  bool optional = false) {
    const ConstantBase& constant = *constant_of(alone_, key);
    constexpr double unstated = 0.3;
    const double open = constant.fit.empty() ? constant.spread : constant.own_spread;
    return {key, std::clamp(constant.value, low, high), low, high,
            optional ? std::max(open, unstated) : 0.0};
  }

  // Around the catalog's value, by this factor.
  [[nodiscard]] FreeConstant near(const std::string& key) {
    constexpr double factor = 8;
    const double value = constant_of(alone_, key)->value;
    return free(key, value / factor, value * factor, true);
  }

  void keep(const ConstantSearch& search, const Picked& picked) {
    for (const FittedConstant& found : search.constants) {
      CalibratedConstant constant;
      constant.of = fmt::format("gpus.{}.{}", name_, found.key);
      constant.value = found.value;
      constant.spread = spread_of(found.deviation, search.scatter, distinct(picked));
      constant.points = static_cast<std::int64_t>(picked.size());
      constant.confidence = confidence_of(picked.size(), search.scatter);
      constant.source = source_of(picked);
      report_.constants.push_back(std::move(constant));
      constant_of(alone_, found.key)->value = found.value;
    }
  }

  [[nodiscard]] double memory_time(const Gpu& gpu, const KernelSample& sample) const {
    return memory_bound_time(gpu, software_, sample.op).value();
  }

  void memory() {
    const Picked copies =
        pick(SampleKind::memory, [](const auto& s) { return s.op.memory == MemoryKernel::stream; });
    if (copies.empty()) {
      nothing_left("memory copy");
    } else {
      fit_memory(copies, "memory copy",
                 {free("memory_efficiency", 0.2, 1.0), near("memory_fixed_time")});
    }
    for (int kernel = static_cast<int>(MemoryKernel::norm);
         kernel <= static_cast<int>(MemoryKernel::optimizer); ++kernel) {
      const auto of = static_cast<MemoryKernel>(kernel);
      const Picked picked =
          pick(SampleKind::memory, [&](const auto& s) { return s.op.memory == of; });
      if (!picked.empty())
        fit_memory(picked, picked.front()->what, {free(share_key(of), 0.05, 1.0)});
    }
  }

  void fit_memory(Picked picked, const std::string& what, std::vector<FreeConstant> free) {
    if (distinct(picked) < fewest_copy_sizes) {
      const double large = 2 * (*alone_.l2_capacity).value();
      picked.erase(std::remove_if(picked.begin(), picked.end(),
                                  [&](const auto* s) { return s->op.bytes.value() < large; }),
                   picked.end());
      if (picked.empty()) return nothing_left(what);
      free.resize(1);
    }
    const ConstantSearch search = search_constants(
        alone_, std::move(free), shapes_of(picked), [&](const Gpu& gpu, std::size_t i) {
          return std::log(memory_time(gpu, *picked[i]) / picked[i]->seconds);
        });
    keep(search, picked);
    for (KernelSample* sample : picked) sample->fitted = memory_time(alone_, *sample);
  }

  void gemms(const std::string& key) {
    const Picked picked =
        pick(SampleKind::gemm, [&](const auto& s) { return key == efficiency_key(s.op.dtype); });
    if (picked.empty()) return;
    if (peak_rate(alone_, picked.front()->op.dtype).value() <= 0) {
      const std::string why = fmt::format("{} has no peak for this type in the catalog", name_);
      report_.refusals.push_back({source_of(picked), picked.front()->what, why, true});
      return leave_out(picked, "refused: " + why);
    }
    if (distinct(picked) < fewest_gemm_shapes)
      return refuse_few(picked, picked.front()->what, fewest_gemm_shapes, "shapes");
    std::vector<FreeConstant> constants{free(key, 0.05, 1.0)};
    // The form's shape is one for all types; half precision tells it first.
    if (!shaped_ && distinct(picked) >= many_gemm_shapes) {
      for (const char* shape : {"gemm_m0", "gemm_n0", "gemm_k0", "gemm_fixed_time"})
        constants.push_back(near(shape));
    }
    const ConstantSearch search = search_constants(
        alone_, std::move(constants), shapes_of(picked), [&](const Gpu& gpu, std::size_t i) {
          return std::log(gemm_time(gpu, picked[i]->op).value() / picked[i]->seconds);
        });
    keep(search, picked);
    shaped_ = true;
    for (KernelSample* sample : picked) sample->fitted = gemm_time(alone_, sample->op).value();
  }

  void overlaps() {
    const Picked picked = pick(SampleKind::overlap, [](const auto&) { return true; });
    if (picked.empty()) return;
    if (picked.size() < fewest_overlaps) {
      return refuse_few(picked, "GEMMs beside a collective", fewest_overlaps, "of them", false);
    }
    std::vector<double> slowdowns;
    for (const KernelSample* sample : picked) slowdowns.push_back(sample->slowdown);
    const double middle = median(slowdowns);
    if (!(middle > 0)) {
      const std::string why = "they are no slower than alone: nothing overlapped";
      report_.refusals.push_back({source_of(picked), "GEMMs beside a collective", why, true});
      return leave_out(picked, "refused: " + why);
    }
    std::vector<double> off;
    for (const double slowdown : slowdowns) off.push_back(std::fabs(slowdown / middle - 1));
    constexpr double quartile = 0.6745;
    const double scatter = median(off) / quartile;
    CalibratedConstant constant;
    constant.of = fmt::format("gpus.{}.overlap_slowdown", name_);
    constant.value = std::min(1.0, middle);
    constant.spread = std::max(0.05, scatter);
    constant.points = static_cast<std::int64_t>(picked.size());
    constant.confidence = confidence_of(picked.size(), scatter);
    constant.source = source_of(picked);
    report_.constants.push_back(std::move(constant));
    for (KernelSample* sample : picked) sample->fitted = middle;
  }

  std::string name_;
  GpuSamples samples_;
  Gpu alone_;
  Software software_;
  ConstantsReport& report_;
  bool shaped_ = false;
};

void fit_copies(const std::string& system, const std::vector<KernelSample>& all,
                const Catalog& catalog, ConstantsReport& report) {
  std::vector<KernelSample> samples = all;
  Picked picked;
  for (KernelSample& sample : samples) {
    if (sample.dropped.empty()) picked.push_back(&sample);
  }
  const bool rate_alone = distinct_sizes(picked) < fewest_copy_sizes;
  const bool small = std::any_of(picked.begin(), picked.end(), [](const KernelSample* sample) {
    return sample->bytes < large_copy_bytes;
  });
  if (rate_alone && small) {
    const std::string why =
        fmt::format("{} {}: a fit needs {}, or none below 16 MiB", distinct_sizes(picked),
                    distinct_sizes(picked) == 1 ? "size" : "sizes", fewest_copy_sizes);
    report.refusals.push_back({source_of(picked), "copies to and from the host", why, true});
    for (KernelSample* sample : picked) sample->dropped = "refused: " + why;
    picked.clear();
  }
  if (!picked.empty()) {
    const double start = (*catalog.system(system).pcie_bandwidth).value();
    // A GPU lends two of its constants to the search: the rate and the fixed time of a copy.
    Gpu stand_in;
    stand_in.memory_bandwidth.value = start;
    stand_in.memory_efficiency.value = 1.0;
    stand_in.memory_fixed_time.value = rate_alone ? 0.0 : 10e-6;
    std::vector<FreeConstant> free{{"memory_bandwidth", start, start / 20, start * 2, 0}};
    if (!rate_alone) free.push_back({"memory_fixed_time", 10e-6, 1e-7, 1e-3, 0});
    const auto time = [](const Gpu& gpu, const KernelSample& sample) {
      return gpu.memory_fixed_time.value + sample.bytes / gpu.memory_bandwidth.value;
    };
    const ConstantSearch search = search_constants(
        stand_in, std::move(free), shapes_of(picked), [&](const Gpu& gpu, std::size_t i) {
          return std::log(time(gpu, *picked[i]) / picked[i]->seconds);
        });
    CalibratedConstant constant;
    constant.of = fmt::format("systems.{}.pcie_bandwidth", system);
    constant.value = search.constants.front().value;
    constant.spread =
        spread_of(search.constants.front().deviation, search.scatter, distinct_sizes(picked));
    constant.points = static_cast<std::int64_t>(picked.size());
    constant.confidence = confidence_of(picked.size(), search.scatter);
    constant.source = source_of(picked);
    report.constants.push_back(std::move(constant));
    for (KernelSample* sample : picked) sample->fitted = time(search.gpu, *sample);
  }
  for (KernelSample& sample : samples) report.samples.push_back(std::move(sample));
}

}  // namespace

Gpu kernels_alone(const Gpu& gpu) {
  Cluster cluster;
  cluster.system.gpu = gpu;
  for_each_constant(cluster, [](const std::string& path, ConstantBase& constant) {
    if (path.rfind("gpu.", 0) == 0 && !constant.fit.empty()) constant.value = constant.prior;
  });
  return cluster.system.gpu;
}

ConstantsReport fit_constants(const KernelSamples& samples, const Catalog& catalog) {
  ConstantsReport report;
  report.refusals = samples.refusals;
  report.notes = samples.notes;
  for (const auto& [name, of] : samples.gpus) GpuFit(name, of, report).run();
  for (const auto& [system, copies] : samples.copies) fit_copies(system, copies, catalog, report);
  return report;
}

}  // namespace lockstep
