// From the elements of a topology dump to its devices.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "scenarios/nccl_topology.hpp"

namespace lockstep {
namespace {

constexpr std::size_t most_gpus = 1024;
constexpr std::size_t most_nics = 2048;
constexpr std::size_t deepest_slot = 16;
constexpr double megabits_per_gigabyte = 8000.0;
constexpr double megabytes_per_gigabyte = 1000.0;
constexpr double slot_divisor = 80.0;  // GB/s = width * speed / 80. Source: topo.cc:545-657
constexpr std::int64_t default_speed = 60;
constexpr std::int64_t default_width = 16;
constexpr std::int64_t default_nic_megabits = 10'000;

struct SlotSpeed {
  int gigatransfers;  // of "32.0 GT/s PCIe"; the fraction of 2.5 is left out
  std::int64_t speed;
};
constexpr std::array<SlotSpeed, 6> slot_speeds = {
    {{2, 15}, {5, 30}, {8, 60}, {16, 120}, {32, 240}, {64, 480}}};

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// Index into slot_speeds of "16.0 GT/s PCIe", "8 GT/s"; nothing for other texts.
std::optional<std::size_t> speed_index(const std::string& text) {
  int number = 0;
  std::size_t i = 0;
  for (; i < text.size() && i < 3 && text[i] >= '0' && text[i] <= '9'; ++i)
    number = number * 10 + (text[i] - '0');
  if (i == 0 || text.find("GT/s") == std::string::npos) return std::nullopt;
  const auto* const found =
      std::find_if(slot_speeds.begin(), slot_speeds.end(),
                   [&](const SlotSpeed& s) { return s.gigatransfers == number; });
  if (found == slot_speeds.end()) return std::nullopt;
  return static_cast<std::size_t>(found - slot_speeds.begin());
}

class Reader {
 public:
  explicit Reader(std::vector<Diagnostic>& problems) : problems_(problems) {}

  TopologyDump read(const XmlElement& system) {
    for (const XmlElement& child : system.children) {
      if (child.name == "cpu") {
        cpu(child);
      } else {
        ++dump_.ignored[child.name];
      }
    }
    limit(dump_.gpus.size(), most_gpus, "GPUs", system);
    limit(dump_.nics.size(), most_nics, "NICs", system);
    std::stable_sort(dump_.gpus.begin(), dump_.gpus.end(),
                     [this](const DumpGpu& a, const DumpGpu& b) {
                       const std::string& host_a = host(a);
                       const std::string& host_b = host(b);
                       return host_a != host_b ? host_a < host_b : a.device < b.device;
                     });
    if (defaults_ > 0)
      dump_.notes.push_back(
          fmt::format("{} PCIe node{} no link_speed that NCCL knows: taken as 8 GT/s, as NCCL does",
                      defaults_, defaults_ == 1 ? " has" : "s have"));
    return std::move(dump_);
  }

 private:
  const std::string& host(const DumpGpu& gpu) const {
    return dump_.cpus[dump_.slots[gpu.slot].cpu].host;
  }

  void limit(std::size_t count, std::size_t most, const char* what, const XmlElement& system) {
    if (count <= most) return;
    problems_.push_back(diagnose(system.where, "E223",
                                 fmt::format("{} {}, more than {}", count, what, most),
                                 "one file is one node, or one NVLink domain"));
  }

  void cpu(const XmlElement& element) {
    XmlAttributes attributes(element, problems_);
    DumpCpu cpu;
    cpu.host = attributes.text("host_hash", "");
    cpu.arch = attributes.text("arch", "");
    cpu.vendor = attributes.text("vendor", "");
    cpu.family = attributes.whole("familyid", -1, 1'000'000, 0);
    cpu.model = attributes.whole("modelid", -1, 1'000'000, 0);
    dump_.cpus.push_back(std::move(cpu));
    const std::size_t index = dump_.cpus.size() - 1;
    for (const XmlElement& child : element.children) below_cpu(child, index);
  }

  void below_cpu(const XmlElement& element, std::size_t cpu) {
    if (element.name == "pci") {
      slot(element, cpu, no_parent);
    } else if (element.name == "nic") {
      nic(element, cpu, no_parent);
    } else {
      ++dump_.ignored[element.name];
    }
  }

  void slot(const XmlElement& element, std::size_t cpu, std::size_t parent, std::size_t depth = 1) {
    if (depth > deepest_slot) {
      problems_.push_back(diagnose(element.where, "E223",
                                   fmt::format("<pci> is nested more than {} deep", deepest_slot),
                                   "PCIe trees have three or four levels"));
      return;
    }
    XmlAttributes attributes(element, problems_);
    const std::string bus_id = lower(attributes.text("busid"));
    DumpSlot slot;
    slot.parent = parent;
    slot.cpu = cpu;
    slot.width = attributes.whole("link_width", 0, 64, 0);
    if (slot.width == 0) slot.width = default_width;
    std::int64_t speed = default_speed;
    if (const std::optional<std::size_t> known = speed_index(attributes.text("link_speed", ""))) {
      speed = slot_speeds[*known].speed;
      slot.generation = static_cast<std::int64_t>(*known) + 1;
    } else {
      ++defaults_;
      slot.generation = 3;
    }
    slot.bandwidth = static_cast<double>(slot.width * speed) / slot_divisor;
    const std::size_t index = dump_.slots.size();
    dump_.slots.push_back(slot);
    for (const XmlElement& child : element.children) {
      if (child.name == "pci") {
        dump_.slots[index].is_switch = true;
        this->slot(child, cpu, index, depth + 1);
      } else if (child.name == "gpu") {
        gpu(child, index, bus_id);
      } else if (child.name == "nic") {
        nic(child, cpu, index);
      } else if (child.name != "pcilink") {
        ++dump_.ignored[child.name];
      }
    }
  }

  void gpu(const XmlElement& element, std::size_t slot, const std::string& bus_id) {
    XmlAttributes attributes(element, problems_);
    DumpGpu gpu;
    gpu.bus_id = bus_id;
    gpu.slot = slot;
    gpu.device = static_cast<int>(attributes.whole("dev", 0, 4096));
    gpu.compute_capability = static_cast<int>(attributes.whole("sm", 30, 200));
    gpu.gpudirect = attributes.whole("gdr", -1, 1, 1) != 0;
    for (const XmlElement& child : element.children) {
      XmlAttributes link(child, problems_);
      if (child.name == "nvlink") {
        nvlink(link, gpu);
      } else if (child.name == "c2c") {
        gpu.chip_to_chip += link.number("bw", 0.0, 1e7) *
                            static_cast<double>(link.whole("count", 0, 64)) /
                            megabytes_per_gigabyte;
      } else {
        ++dump_.ignored[child.name];
      }
    }
    dump_.gpus.push_back(std::move(gpu));
  }

  // tclass is the PCI class of the other end. Source: topo.cc, xml.cc.
  void nvlink(XmlAttributes& link, DumpGpu& gpu) {
    const std::int64_t count = link.whole("count", 0, 64);
    const std::string target = lower(link.text("target", ""));
    const std::string target_class = lower(link.text("tclass"));
    if (target_class.rfind("0x068000", 0) == 0) {
      gpu.switch_links += count;
    } else if (target_class.rfind("0x03", 0) == 0) {
      gpu.peer_links.push_back({target, count});
    } else if (target_class.rfind("0x068001", 0) != 0) {
      ++dump_.ignored[fmt::format("nvlink to class {}", target_class.substr(0, 16))];
    }
  }

  void nic(const XmlElement& element, std::size_t cpu, std::size_t slot) {
    for (const XmlElement& child : element.children) {
      if (child.name != "net") {
        ++dump_.ignored[child.name];
        continue;
      }
      XmlAttributes attributes(child, problems_);
      DumpNic nic;
      nic.cpu = cpu;
      nic.slot = slot;
      nic.name = attributes.text("name", "");
      (void)attributes.whole("dev", 0, 100'000);
      std::int64_t megabits = attributes.whole("speed", -1, 100'000'000, default_nic_megabits);
      if (megabits <= 0) megabits = default_nic_megabits;
      nic.rate = static_cast<double>(megabits) / megabits_per_gigabyte;
      nic.gpudirect = attributes.whole("gdr", 0, 1, 0) == 1;
      remember(dump_.rails, attributes.text("rail", ""));
      remember(dump_.planes, attributes.text("plane", ""));
      dump_.nics.push_back(std::move(nic));
    }
  }

  static void remember(std::vector<std::string>& values, const std::string& value) {
    if (!value.empty() && value != "-1" && values.size() < 1000 &&
        std::find(values.begin(), values.end(), value) == values.end())
      values.push_back(value);
  }

  std::vector<Diagnostic>& problems_;
  TopologyDump dump_;
  std::int64_t defaults_ = 0;
};

}  // namespace

TopologyDump read_devices(const XmlElement& system, std::vector<Diagnostic>& problems) {
  return Reader(problems).read(system);
}

}  // namespace lockstep
