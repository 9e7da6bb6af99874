#include "validate/discover/nvml_library.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "scenarios/utf8.hpp"
#include "validate/discover/nvml_api.hpp"
#include "validate/measure/failures.hpp"
#include "validate/measure/shared_library.hpp"

namespace lockstep {
namespace {

constexpr nvml::Return driver_not_loaded = 9;
constexpr nvml::Return library_not_found = 12;
constexpr std::int64_t milliwatts_per_watt = 1000;
constexpr unsigned int most_gpus = 1024;

template <std::size_t size>
std::string text_of(const char (&buffer)[size]) {
  const char* end = std::find(buffer, buffer + size, '\0');
  return printable(std::string(buffer, end));
}

class Reader {
 public:
  explicit Reader(const std::string& folder)
      : library_("NVIDIA's driver library NVML", {"libnvidia-ml.so.1"}, folder) {
    error_string_ = optional<nvml::ErrorString>("nvmlErrorString");
    const nvml::Return begun = needed<nvml::Init>("nvmlInit_v2")();
    if (begun == driver_not_loaded || begun == library_not_found)
      throw Unavailable(fmt::format("the NVIDIA driver does not run: NVML says '{}'", said(begun)));
    check(begun, "to start", "does `nvidia-smi` work here?");
  }

  NvmlFacts read() {
    NvmlFacts facts;
    char driver[96] = {};
    if (needed<nvml::DriverVersion>("nvmlSystemGetDriverVersion")(driver, sizeof driver) ==
        nvml::success)
      facts.driver = text_of(driver);
    unsigned int count = 0;
    check(needed<nvml::DeviceCount>("nvmlDeviceGetCount_v2")(&count), "to count the GPUs",
          "does `nvidia-smi` work here?");
    const auto handle_of = needed<nvml::HandleByIndex>("nvmlDeviceGetHandleByIndex_v2");
    for (unsigned int i = 0; i < std::min(count, most_gpus); ++i) {
      nvml::Device device = nullptr;
      const nvml::Return found = handle_of(i, &device);
      if (found != nvml::success) {
        remarks_.push_back(fmt::format("GPU {} does not answer: {}", i, said(found)));
        continue;
      }
      devices_.push_back(device);
      facts.gpus.push_back(gpu(device, i));
    }
    name_ends(facts.gpus);
    facts.peer_to_peer = peer_to_peer();
    if (!missing_.empty())
      remarks_.push_back(
          fmt::format("this driver's NVML lacks {}",
                      list_of(std::vector<std::string>(missing_.begin(), missing_.end()))));
    facts.remarks = std::move(remarks_);
    return facts;
  }

 private:
  template <class Function>
  Function needed(const char* name) {
    return reinterpret_cast<Function>(library_.function(name));
  }
  // Null where the driver has none, which is then noted.
  template <class Function>
  Function optional(const char* name) {
    void* found = library_.find(name);
    if (found == nullptr) missing_.insert(name);
    return reinterpret_cast<Function>(found);
  }

  [[nodiscard]] std::string said(nvml::Return code) const {
    const char* text = error_string_ == nullptr ? nullptr : error_string_(code);
    return text == nullptr ? fmt::format("error {}", code) : printable(text);
  }

  void check(nvml::Return code, const char* what, const char* hint) const {
    if (code != nvml::success)
      throw MeasurementError(fmt::format("NVML failed {}: {}", what, said(code)), hint);
  }

  std::int64_t number(const char* name, nvml::Device device) {
    unsigned int value = 0;
    const auto call = optional<nvml::Number>(name);
    return call != nullptr && call(device, &value) == nvml::success ? value : 0;
  }

  GpuFact gpu(nvml::Device device, unsigned int index) {
    GpuFact gpu;
    gpu.index = index;
    char name[96] = {};
    if (needed<nvml::Name>("nvmlDeviceGetName")(device, name, sizeof name) == nvml::success)
      gpu.name = text_of(name);
    nvml::PciInfo pci{};
    if (needed<nvml::DevicePci>("nvmlDeviceGetPciInfo_v3")(device, &pci) == nvml::success)
      gpu.bus_id = plain_bus_id(text_of(pci.bus_id));
    nvml::Memory memory{};
    if (needed<nvml::DeviceMemory>("nvmlDeviceGetMemoryInfo")(device, &memory) == nvml::success)
      gpu.memory_bytes = static_cast<std::int64_t>(memory.total);
    gpu.power_limit_w = static_cast<double>(number("nvmlDeviceGetEnforcedPowerLimit", device)) /
                        milliwatts_per_watt;
    gpu.cores = number("nvmlDeviceGetNumGpuCores", device);
    gpu.memory_bus_bits = number("nvmlDeviceGetMemoryBusWidth", device);
    gpu.pcie_generation = number("nvmlDeviceGetMaxPcieLinkGeneration", device);
    gpu.pcie_width = number("nvmlDeviceGetMaxPcieLinkWidth", device);
    unsigned int clock = 0;
    const auto max_clock = optional<nvml::MaxClock>("nvmlDeviceGetMaxClockInfo");
    if (max_clock != nullptr && max_clock(device, nvml::clock_memory, &clock) == nvml::success)
      gpu.memory_clock_mhz = clock;
    int major = 0;
    int minor = 0;
    const auto capability = optional<nvml::Capability>("nvmlDeviceGetCudaComputeCapability");
    if (capability != nullptr && capability(device, &major, &minor) == nvml::success)
      gpu.compute_capability = 10 * major + minor;
    nvlinks(device, gpu);
    return gpu;
  }

  void nvlinks(nvml::Device device, GpuFact& gpu) {
    const auto state_of = optional<nvml::LinkState>("nvmlDeviceGetNvLinkState");
    const auto version_of = optional<nvml::LinkVersion>("nvmlDeviceGetNvLinkVersion");
    const auto pci_of = optional<nvml::LinkPci>("nvmlDeviceGetNvLinkRemotePciInfo_v2");
    const auto kind_of = optional<nvml::LinkRemote>("nvmlDeviceGetNvLinkRemoteDeviceType");
    if (state_of == nullptr) return;
    for (unsigned int i = 0; i < nvml::most_links; ++i) {
      int state = 0;
      const nvml::Return found = state_of(device, i, &state);
      if (found == nvml::not_supported || found == nvml::invalid_argument)
        continue;  // no such link
      NvlinkFact link;
      link.link = i;
      link.active = found == nvml::success && state == nvml::enabled;
      if (link.active) describe(device, i, version_of, pci_of, kind_of, link);
      gpu.nvlinks.push_back(std::move(link));
    }
  }

  static void describe(nvml::Device device, unsigned int index, nvml::LinkVersion version_of,
                       nvml::LinkPci pci_of, nvml::LinkRemote kind_of, NvlinkFact& link) {
    unsigned int version = 0;
    if (version_of != nullptr && version_of(device, index, &version) == nvml::success)
      link.version = version;
    nvml::PciInfo pci{};
    if (pci_of != nullptr && pci_of(device, index, &pci) == nvml::success)
      link.remote_bus_id = plain_bus_id(text_of(pci.bus_id));
    int kind = nvml::remote_unknown;
    if (kind_of == nullptr || kind_of(device, index, &kind) != nvml::success) return;
    if (kind == nvml::remote_gpu) link.to = NvlinkEnd::gpu;
    if (kind == nvml::remote_switch) link.to = NvlinkEnd::nvswitch;
    if (kind == nvml::remote_npu) link.to = NvlinkEnd::cpu;
  }

  // Drivers before 510 do not say what a link leads to: a GPU where one has that bus id, else an
  // NVSwitch.
  static void name_ends(std::vector<GpuFact>& gpus) {
    for (GpuFact& gpu : gpus) {
      for (NvlinkFact& link : gpu.nvlinks) {
        if (link.to != NvlinkEnd::unknown || link.remote_bus_id.empty()) continue;
        const bool to_gpu = std::any_of(gpus.begin(), gpus.end(), [&](const GpuFact& other) {
          return other.bus_id == link.remote_bus_id;
        });
        link.to = to_gpu ? NvlinkEnd::gpu : NvlinkEnd::nvswitch;
      }
    }
  }

  std::optional<bool> peer_to_peer() {
    const auto status_of = optional<nvml::PeerStatus>("nvmlDeviceGetP2PStatus");
    if (status_of == nullptr || devices_.size() < 2) return std::nullopt;
    bool all = true;
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      for (std::size_t j = 0; j < devices_.size(); ++j) {
        if (i == j) continue;
        int status = 0;
        if (status_of(devices_[i], devices_[j], nvml::peer_read, &status) != nvml::success)
          return std::nullopt;
        all = all && status == nvml::peer_ok;
      }
    }
    return all;
  }

  SharedLibrary library_;
  nvml::ErrorString error_string_ = nullptr;
  std::vector<nvml::Device> devices_;
  std::set<std::string> missing_;
  std::vector<std::string> remarks_;
};

}  // namespace

NvmlFacts read_nvml(const std::string& folder, const std::string& date) {
  NvmlFacts facts = Reader(folder).read();
  facts.date = date;
  return facts;
}

}  // namespace lockstep
