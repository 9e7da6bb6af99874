#include "validate/discover/gpu_match.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "scenarios/nccl_xml.hpp"
#include "scenarios/utf8.hpp"

namespace lockstep {
namespace {

constexpr double giga = 1e9;
constexpr double tera = 1e12;
constexpr double gibi = 1073741824.0;
constexpr double bits_per_byte = 8.0;
constexpr double transfers_per_clock = 2.0;
// Beyond these the catalog's number is not that of this board.
constexpr double memory_differs = 0.05;  // drivers keep different parts of the memory
constexpr double bandwidth_differs = 0.03;
constexpr double power_differs = 0.02;

std::string lower_words(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const char low = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (low == ' ' && (out.empty() || out.back() == ' ')) continue;
    out += low;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// GPUs of the catalog by compute capability, as imported topologies are matched; between them the
// next older.
std::string nearest_gpu(const GpuFact& gpu, bool on_nvlink, const Catalog& catalog) {
  constexpr std::array<int, 8> known = {70, 75, 80, 86, 89, 90, 100, 103};
  // GeForce and workstation Blackwell (12.x) are built like Ada, not like the data-centre chips.
  const int wanted = gpu.compute_capability >= 120 ? 89 : gpu.compute_capability;
  nccl::ImportedTopology like;
  like.gpus = 1;
  like.compute_capability = known.front();
  for (const int capability : known) {
    if (capability <= wanted) like.compute_capability = capability;
  }
  if (wanted == 0) like.compute_capability = 80;
  like.nvlinks = on_nvlink ? 1 : 0;
  like.first.resize(1);
  like.first.back().nvlink = on_nvlink;
  return catalog.system(base_system(like)).gpu_name;
}

std::int64_t cores_per_sm(int capability) {
  if (capability == 61 || capability >= 86) return 128;
  return capability >= 60 ? 64 : 0;
}

bool differs(double value, double catalog, double tolerance) {
  return value > 0.0 && (catalog <= 0.0 || std::abs(value / catalog - 1.0) > tolerance);
}

class Matcher {
 public:
  Matcher(const GpuFact& gpu, const std::string& source, const Gpu& base, GpuMatch& match)
      : gpu_(gpu), source_(source), base_(base), match_(match) {}

  void compare() {
    memory();
    bandwidth();
    multiprocessors();
    power();
    if (!match_.known) {
      match_.changes.insert(
          match_.changes.begin(),
          {"description", fmt::format("\"{}, not in the catalog\"", yaml_text(gpu_.name))});
      match_.assumed.push_back(
          fmt::format("GPU: the catalog has no '{}'; what NVML does not say (peaks, shares of the "
                      "peak, attention, L2) is that of {}; `lockstep-validate kernels` measures it",
                      gpu_.name, match_.name));
    }
  }

 private:
  static std::string yaml_text(const std::string& text) {
    std::string out;
    for (const char c : text) out += c == '"' || c == '\\' ? '\'' : c;
    return out;
  }

  void add(const char* key, const std::string& value, Provenance kind, double spread,
           const std::string& why) {
    match_.changes.emplace_back(key, yaml_constant(value, kind, spread, why));
  }

  void memory() {
    const auto bytes = static_cast<double>(gpu_.memory_bytes);
    if (!differs(bytes, base_.memory_capacity.value, memory_differs)) return;
    constexpr double spread = 0.01;
    add("memory_capacity", fmt::format("{:.4g} GiB", bytes / gibi), Provenance::measured, spread,
        source_ + ": total memory; frameworks see a little less");
  }

  void bandwidth() {
    const double rate = transfers_per_clock * static_cast<double>(gpu_.memory_clock_mhz) * 1e6 *
                        static_cast<double>(gpu_.memory_bus_bits) / bits_per_byte;
    if (!differs(rate, base_.memory_bandwidth.value, bandwidth_differs)) return;
    constexpr double spread = 0.02;
    add("memory_bandwidth", fmt::format("{:.4g} GB/s", rate / giga), Provenance::measured, spread,
        fmt::format("{}: {} MHz, {} bits", source_, gpu_.memory_clock_mhz, gpu_.memory_bus_bits));
  }

  void multiprocessors() {
    const std::int64_t per_sm = cores_per_sm(gpu_.compute_capability);
    if (per_sm == 0 || gpu_.cores < per_sm || gpu_.cores / per_sm == base_.sm_count) return;
    const std::int64_t count = gpu_.cores / per_sm;
    match_.changes.emplace_back("sm_count", std::to_string(count));
    const double ratio = static_cast<double>(count) / static_cast<double>(base_.sm_count);
    const auto peak = [&](const char* key, const Constant<FlopsPerSecond>& of_base) {
      if (of_base.value <= 0.0) return;
      constexpr double spread = 0.2;
      add(key, fmt::format("{:.4g} TFLOP/s", of_base.value * ratio / tera), Provenance::assumed,
          spread,
          fmt::format("{}: {} SMs, each as fast as one of {}", source_, count, match_.name));
    };
    peak("peak_fp32", base_.peak_fp32);
    peak("peak_tf32", base_.peak_tf32);
    peak("peak_fp16", base_.peak_fp16);
    peak("peak_bf16", base_.peak_bf16);
    peak("peak_fp8", base_.peak_fp8);
    peak("peak_fp4", base_.peak_fp4);
  }

  void power() {
    if (!differs(gpu_.power_limit_w, base_.power_limit.value, power_differs)) return;
    add("power_limit", fmt::format("{:.4g} W", gpu_.power_limit_w), Provenance::measured, 0.0,
        source_ + ": the limit that is enforced");
  }

  const GpuFact& gpu_;
  const std::string& source_;
  const Gpu& base_;
  GpuMatch& match_;
};

}  // namespace

std::string yaml_constant(const std::string& value, Provenance kind, double spread,
                          const std::string& source) {
  constexpr std::array<const char*, 4> kinds = {"datasheet", "measured", "fitted", "assumed"};
  std::string text;
  for (const char c : printable(source)) text += c == '"' || c == '\\' ? '\'' : c;
  return fmt::format("{{value: {}, kind: {}, spread: {:g}%, source: \"{}\"}}", value,
                     kinds[static_cast<std::size_t>(kind)], 100.0 * spread, text);
}

GpuMatch match_gpu(const GpuFact& gpu, bool on_nvlink, const std::string& source,
                   const Catalog& catalog, const Aliases& aliases) {
  GpuMatch match;
  const std::string name = lower_words(gpu.name);
  const AliasMatch found = aliases.gpus.first(
      [&](const std::string& column) { return column == "gpu" ? name : std::string{}; });
  match.known = static_cast<bool>(found) && !gpu.name.empty();
  match.name = match.known ? found.rule->use : nearest_gpu(gpu, on_nvlink, catalog);
  if (gpu.name.empty()) {
    match.known = true;  // nothing to tell it from the catalog's
    match.assumed.push_back(
        fmt::format("GPU: {}, by compute capability {}.{}; nothing says its name", match.name,
                    gpu.compute_capability / 10, gpu.compute_capability % 10));
    return match;
  }
  Matcher(gpu, source, catalog.gpu(match.name), match).compare();
  return match;
}

}  // namespace lockstep
