#include "validate/kernel_samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "sim/compute/op_cost.hpp"
#include "topology/quantity_text.hpp"
#include "validate/kernel_checks.hpp"
#include "validate/kernel_ops.hpp"
#include "validate/nccl_log_line.hpp"

namespace lockstep {
namespace {

constexpr std::int64_t fewest_rows = 64;  // of a GEMM: fewer are outside of the form's data

std::optional<KernelSample> gemm_sample(const std::string& file, const MeasuredGemm& gemm) {
  const DtypeName* dtype = dtype_of(gemm.dtype);
  if (dtype == nullptr) return std::nullopt;
  KernelSample sample;
  sample.kind = SampleKind::gemm;
  sample.file = file;
  sample.what = "gemm " + gemm.dtype;
  sample.shape = fmt::format("{} x {} x {}", gemm.m, gemm.n, gemm.k);
  if (gemm.batch > 1) sample.shape = fmt::format("{} of {}", gemm.batch, sample.shape);
  sample.device = gemm.device;
  sample.seconds = gemm.time.median_s;
  sample.op = gemm_op(*dtype, static_cast<double>(gemm.m), static_cast<double>(gemm.n),
                      static_cast<double>(gemm.k));
  if (gemm.batch > 1) {
    sample.dropped = "several products in one call: the form is of one";
  } else if (gemm.m < fewest_rows) {
    sample.dropped = fmt::format("fewer than {} rows: the form is not for them", fewest_rows);
  }
  return sample;
}

KernelSample copy_sample(const std::string& file, const MeasuredCopy& copy) {
  KernelSample sample;
  sample.kind = SampleKind::copy;
  sample.file = file;
  sample.what = "copy " + copy.direction;
  sample.shape = size_text(copy.bytes);
  sample.device = copy.device;
  sample.seconds = copy.time.median_s;
  sample.bytes = copy.bytes;
  return sample;
}

bool to_or_from_host(const MeasuredCopy& copy) {
  return copy.direction == "host to device" || copy.direction == "device to host";
}

// Lower case, as alias patterns expect it.
std::string plain(const std::string& text) {
  std::string out = lower_case(text);
  std::replace(out.begin(), out.end(), '_', ' ');
  return out;
}

class Reader {
 public:
  Reader(const Measurement& measurement, const std::string& file, KernelSamples& out)
      : measurement_(measurement), file_(file), out_(out) {}

  void refuse(const std::string& what, const std::string& why, bool broken = true) {
    out_.refusals.push_back({file_, what, why, broken});
  }

  void gemms(GpuSamples& into) {
    std::map<std::string, std::vector<const MeasuredGemm*>> by_type;
    for (const MeasuredGemm& gemm : measurement_.gemms) by_type[gemm.dtype].push_back(&gemm);
    for (const auto& [dtype, of] : by_type) {
      const std::string what = "GEMMs in " + dtype;
      if (dtype_of(dtype) == nullptr) {
        refuse(what, "the catalog has no efficiency for this type", false);
        continue;
      }
      std::vector<CheckedTime> checks;
      std::vector<KernelSample> samples;
      const double peak = peak_rate(into.gpu, dtype_of(dtype)->dtype).value();
      for (const MeasuredGemm* gemm : of) {
        samples.push_back(*gemm_sample(file_, *gemm));
        const KernelSample& sample = samples.back();
        checks.push_back({sample.shape,
                          sample.device,
                          sample.seconds,
                          static_cast<double>(gemm->batch) * sample.op.flops.value(),
                          gemm->flops_per_s,
                          gemm->second_path_s,
                          false,
                          {static_cast<double>(gemm->m), static_cast<double>(gemm->n),
                           static_cast<double>(gemm->k)}});
      }
      add(what, "FLOP/s", checks, {peak, "the catalog's dense peak"}, samples, into.samples);
    }
  }

  void memory_ops(GpuSamples& into) {
    std::map<std::string, std::vector<const MeasuredMemoryOp*>> by_op;
    for (const MeasuredMemoryOp& op : measurement_.memory_ops) by_op[op.op].push_back(&op);
    for (const auto& [name, of] : by_op) {
      const std::string what = fmt::format("memory-bound kernels '{}'", name);
      std::vector<CheckedTime> checks;
      std::vector<KernelSample> samples;
      for (const MeasuredMemoryOp* op : of) {
        auto sample =
            memory_sample(file_, name, op->bytes, op->time.median_s, op->device, into.gpu);
        if (!sample) break;
        const bool cached = op->bytes < 2 * (*into.gpu.l2_capacity).value();
        checks.push_back({sample->shape,
                          op->device,
                          op->time.median_s,
                          op->bytes,
                          op->bytes_per_s,
                          std::nullopt,
                          cached,
                          {op->bytes}});
        samples.push_back(std::move(*sample));
      }
      if (samples.size() < of.size()) {
        refuse(what, "the catalog has no bandwidth for this kernel", false);
        continue;
      }
      add(what, "B/s", checks, {(*into.gpu.memory_bandwidth).value(), "the nominal HBM bandwidth"},
          samples, into.samples);
    }
  }

  void overlaps(GpuSamples& into) {
    std::size_t copies = 0;
    for (const MeasuredOverlap& overlap : measurement_.overlaps) {
      if (overlap.beside.find("copy") != std::string::npos) {
        ++copies;
        continue;
      }
      KernelSample sample;
      sample.kind = SampleKind::overlap;
      sample.file = file_;
      sample.what = "overlap with " + overlap.beside;
      sample.shape = fmt::format("{} x {} x {}", overlap.m, overlap.n, overlap.k);
      sample.seconds = overlap.gemm_beside_s;
      if (overlap.other_beside_s > 0) {
        sample.slowdown = overlap.slowdown;
      } else {
        sample.dropped = "nothing ran beside it";
      }
      into.samples.push_back(std::move(sample));
    }
    if (copies > 0) {
      out_.notes.push_back(
          fmt::format("{}: {} {} beside a copy: shown only, overlap_slowdown is of collectives",
                      file_, copies, copies == 1 ? "GEMM" : "GEMMs"));
    }
  }

  void copies(const System& system) {
    std::map<std::string, std::vector<const MeasuredCopy*>> by_direction;
    std::size_t others = 0;
    for (const MeasuredCopy& copy : measurement_.copies) {
      if (to_or_from_host(copy) && copy.pinned) {
        by_direction[copy.direction].push_back(&copy);
      } else {
        ++others;
      }
    }
    for (const auto& [direction, of] : by_direction) {
      std::vector<CheckedTime> checks;
      std::vector<KernelSample> samples;
      for (const MeasuredCopy* copy : of) {
        samples.push_back(copy_sample(file_, *copy));
        // As of one GPU: those of other sockets are farther from the memory that is copied, and are
        // not slow for that.
        checks.push_back({samples.back().shape,
                          0,
                          copy->time.median_s,
                          copy->bytes,
                          copy->bytes_per_s,
                          copy->second_path_s,
                          false,
                          {copy->bytes}});
      }
      // The catalog's rate is what such a link gives in practice, some 0.85 of its raw rate.
      constexpr double practical = 0.85;
      add("copies " + direction, "B/s", checks,
          {(*system.pcie_bandwidth).value() / practical,
           fmt::format("the link to the host of {}", system.name)},
          samples, out_.copies[system.name]);
    }
    if (others > 0) {
      out_.notes.push_back(fmt::format(
          "{}: {} {} of pageable memory or between devices: shown only, no constant is of them",
          file_, others, others == 1 ? "copy" : "copies"));
    }
  }

 private:
  void add(const std::string& what, const char* unit, std::vector<CheckedTime>& checks,
           const Limit& limit, std::vector<KernelSample>& samples,
           std::vector<KernelSample>& into) {
    const std::string refused = refusal_of(checks, unit, limit);
    if (!refused.empty()) refuse(what, refused);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      if (!refused.empty()) {
        samples[i].dropped = "refused: " + refused;
      } else if (disagrees(checks[i])) {
        samples[i].dropped = "a second way of timing gives another time";
      }
      into.push_back(std::move(samples[i]));
    }
  }

  const Measurement& measurement_;
  const std::string& file_;
  KernelSamples& out_;
};

// The one kind of GPU that was measured, by its name in the catalog; "" after a refusal.
std::string measured_gpu(const Measurement& measurement, const System* system,
                         const Aliases& aliases, Reader& reader) {
  std::set<std::string> names;
  for (const MeasuredGpu& gpu : measurement.machine.gpus) names.insert(gpu.name);
  if (names.size() > 1) {
    reader.refuse("its kernels",
                  fmt::format("two kinds of GPU, '{}' and '{}': constants are of one",
                              *names.begin(), *std::next(names.begin())));
    return {};
  }
  if (names.empty()) {
    if (system != nullptr) return system->gpu.name;
    reader.refuse("its kernels", "the GPU is not stated: --cluster SYSTEM says it");
    return {};
  }
  const std::string found = gpu_by_alias(*names.begin(), aliases);
  if (system != nullptr && !found.empty() && found != system->gpu.name) {
    reader.refuse("its kernels",
                  fmt::format("the GPU '{}' is {} of the catalog, and {} has {}", *names.begin(),
                              found, system->name, system->gpu.name));
    return {};
  }
  if (system != nullptr) return system->gpu.name;
  if (found.empty()) {
    reader.refuse("its kernels", fmt::format("the GPU '{}' is not in the catalog", *names.begin()));
  }
  return found;
}

void note_shown_only(const Measurement& measurement, const std::string& file,
                     KernelSamples& samples) {
  std::string launches;
  for (const MeasuredLaunch& launch : measurement.launches) {
    launches += fmt::format("{}{} {}", launches.empty() ? "" : ", ", launch.what,
                            to_text(Seconds{launch.time.median_s}));
  }
  if (!launches.empty()) {
    samples.notes.push_back(
        fmt::format("{}: launches ({}): shown only, a software profile times the host by the layer "
                    "(host_per_layer), with what the framework adds to each launch",
                    file, launches));
  }
  if (!measurement.steps.empty()) {
    samples.notes.push_back(
        fmt::format("{}: a measured step: shown only, `validate step` compares it", file));
  }
}

}  // namespace

std::string gpu_by_alias(const std::string& device_name, const Aliases& aliases) {
  const AliasMatch match = aliases.gpus.first([&](const std::string& column) {
    return column == "gpu" ? plain(device_name) : std::string{};
  });
  return match ? match.rule->use : std::string{};
}

void add_measured_kernels(const Measurement& measurement, const std::string& file,
                          const std::string& system_name, const Catalog& catalog,
                          const Aliases& aliases, KernelSamples& samples) {
  Reader reader(measurement, file, samples);
  const bool on_gpu = !measurement.gemms.empty() || !measurement.memory_ops.empty() ||
                      !measurement.overlaps.empty() || !measurement.copies.empty();
  note_shown_only(measurement, file, samples);
  if (!on_gpu) return;
  const std::string name = system_name.empty() ? measurement.machine.system : system_name;
  const std::vector<std::string> systems = catalog.names("systems");
  std::optional<System> system;
  if (std::find(systems.begin(), systems.end(), name) != systems.end()) {
    system = catalog.system(name);
  } else if (!name.empty()) {
    return reader.refuse("its kernels", fmt::format("the system '{}' is not in the catalog", name));
  }
  const std::string gpu = measured_gpu(measurement, system ? &*system : nullptr, aliases, reader);
  if (gpu.empty()) return;
  const auto [found, fresh] = samples.gpus.try_emplace(gpu);
  GpuSamples& into = found->second;
  if (fresh) into.gpu = catalog.gpu(gpu);
  for (const MeasuredGpu& one : measurement.machine.gpus)
    into.power_limit_w = std::max(into.power_limit_w, one.power_limit_w);
  reader.gemms(into);
  reader.memory_ops(into);
  reader.overlaps(into);
  if (system) {
    reader.copies(*system);
  } else if (!measurement.copies.empty()) {
    reader.refuse("copies", "the system is not stated: --cluster SYSTEM says whose link it is",
                  false);
  }
}

void add_kernel_corpus(const KernelCorpus& corpus, const std::string& file, const Catalog& catalog,
                       const Aliases& aliases, KernelSamples& samples) {
  std::set<std::string> unknown;
  const auto samples_of = [&](const std::string& device) -> GpuSamples* {
    const std::string gpu = gpu_by_alias(device, aliases);
    if (gpu.empty()) {
      unknown.insert(device);
      return nullptr;
    }
    const auto [found, fresh] = samples.gpus.try_emplace(gpu);
    if (fresh) found->second.gpu = catalog.gpu(gpu);
    return &found->second;
  };
  for (const GemmSample& gemm : corpus.gemms) {
    GpuSamples* into = samples_of(gemm.device);
    if (into == nullptr) continue;
    KernelSample sample;
    sample.file = file;
    sample.what = "gemm fp16";
    sample.shape = fmt::format("{:.0f} x {:.0f} x {:.0f}", gemm.m, gemm.n, gemm.k);
    sample.seconds = gemm.seconds;
    sample.op = gemm_op(*dtype_of("fp16"), gemm.m, gemm.n, gemm.k);
    into->samples.push_back(std::move(sample));
  }
  for (const MemorySample& memory : corpus.memory) {
    GpuSamples* into = samples_of(memory.device);
    if (into == nullptr) continue;
    auto sample = memory_sample(file, memory.op, memory.bytes, memory.seconds, 0, into->gpu);
    if (sample) into->samples.push_back(std::move(*sample));
  }
  if (!corpus.attention.empty()) {
    samples.notes.push_back(fmt::format(
        "{}: {} rates of attention: shown only, `calibrate --corpus kernels` fits their shapes",
        file, corpus.attention.size()));
  }
  for (const std::string& device : unknown) {
    samples.refusals.push_back(
        {file, fmt::format("kernels of '{}'", device), "this GPU is not in the catalog", true});
  }
}

}  // namespace lockstep
