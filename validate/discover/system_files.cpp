#include "validate/discover/system_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>

#include "scenarios/utf8.hpp"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr double bits_per_byte = 8.0;
constexpr double megabit = 1e6;
constexpr double gigabit = 1e9;
constexpr std::int64_t bytes_per_kib = 1024;
constexpr unsigned mellanox = 0x15b3;
constexpr unsigned amazon = 0x1d0f;
constexpr unsigned cray = 0x17db;

struct NicKind {
  unsigned vendor, device;
  double gigabits;
};
constexpr std::array<NicKind, 15> nic_kinds = {{{mellanox, 0x1013, 100},  // ConnectX-4
                                                {mellanox, 0x1015, 25},   // ConnectX-4 Lx
                                                {mellanox, 0x1017, 100},  // ConnectX-5
                                                {mellanox, 0x1019, 100},  // ConnectX-5 Ex
                                                {mellanox, 0x101b, 200},  // ConnectX-6
                                                {mellanox, 0x101d, 100},  // ConnectX-6 Dx
                                                {mellanox, 0x101f, 25},   // ConnectX-6 Lx
                                                {mellanox, 0x1021, 400},  // ConnectX-7
                                                {mellanox, 0x1023, 800},  // ConnectX-8
                                                {mellanox, 0xa2d6, 200},  // BlueField-2
                                                {mellanox, 0xa2dc, 400},  // BlueField-3
                                                {amazon, 0xefa0, 100},    // EFA of p4
                                                {amazon, 0xefa1, 100},
                                                {amazon, 0xefa2, 100},  // EFA of p5: 32 x 100 Gb/s
                                                {cray, 0x0501, 200}}};  // Cassini, Slingshot 11

// First line of a file without its end; "" where it cannot be read.
std::string line_of(const fs::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r' || line.back() == ' '))
    line.pop_back();
  return printable(line);
}

std::optional<std::int64_t> number_of(const std::string& text, int base = 10) {
  const std::size_t skip = base == 16 && text.compare(0, 2, "0x") == 0 ? 2 : 0;
  std::int64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data() + skip, text.data() + text.size(), value, base);
  if (error != std::errc{} || end == text.data() + skip) return std::nullopt;
  return value;
}

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  fs::directory_iterator files(folder, error);
  for (; !error && files != fs::directory_iterator{}; files.increment(error))
    entries.push_back(files->path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

// "0000:0c:00.0", as folders of PCI devices are called.
bool is_bus_id(const std::string& name) {
  return name.size() == 12 && name[4] == ':' && name[7] == ':' && name[10] == '.';
}

// The PCI device that a device's folder is, or lies in (virtio's does).
void find_place(const fs::path& device, SystemNic& nic) {
  std::error_code error;
  const fs::path real = fs::canonical(device, error);
  for (fs::path folder = real; !error && folder.has_relative_path();
       folder = folder.parent_path()) {
    if (!is_bus_id(folder.filename().string())) continue;
    nic.bus_id = folder.filename().string();
    nic.numa_node = number_of(line_of(folder / "numa_node")).value_or(-1);
    nic.vendor_id = static_cast<unsigned>(number_of(line_of(folder / "vendor"), 16).value_or(0));
    nic.device_id = static_cast<unsigned>(number_of(line_of(folder / "device"), 16).value_or(0));
    return;
  }
}

// The fastest of its ports that is up, else of all.
SystemNic rdma_device(const fs::path& folder) {
  SystemNic nic;
  nic.name = printable(folder.filename().string());
  nic.rdma = true;
  find_place(folder / "device", nic);
  for (const fs::path& port : sorted_entries(folder / "ports")) {
    const std::string state = line_of(port / "state");
    const double rate = rate_of_text(line_of(port / "rate"));
    const bool up = state.find("ACTIVE") != std::string::npos;
    if (nic.state != LinkState::unknown && (nic.state == LinkState::up || !up) && rate <= nic.rate)
      continue;
    nic.state = up ? LinkState::up : state.empty() ? LinkState::unknown : LinkState::down;
    nic.rate = rate;
    nic.link_layer = line_of(port / "link_layer");
  }
  return nic;
}

SystemNic interface_of(const fs::path& folder) {
  SystemNic nic;
  nic.name = printable(folder.filename().string());
  find_place(folder / "device", nic);
  constexpr const char* infiniband_type = "32";  // ARPHRD_INFINIBAND
  nic.link_layer = line_of(folder / "type") == infiniband_type ? "InfiniBand" : "Ethernet";
  const std::string state = line_of(folder / "operstate");
  if (state == "up") nic.state = LinkState::up;
  if (state == "down" || state == "lowerlayerdown") nic.state = LinkState::down;
  const std::int64_t megabits = number_of(line_of(folder / "speed")).value_or(0);
  if (megabits > 0) nic.rate = static_cast<double>(megabits) * megabit / bits_per_byte;
  return nic;
}

// Rows "key : value" of a CPU each.
void read_sockets(const fs::path& cpuinfo, std::vector<SocketFact>& sockets) {
  std::ifstream stream(cpuinfo);
  std::map<std::string, SocketFact> by_id;
  SocketFact cpu;
  std::string id = "0";
  for (std::string line; std::getline(stream, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string key = line.substr(0, colon);
    while (!key.empty() && (key.back() == '\t' || key.back() == ' ')) key.pop_back();
    const std::string value = printable(colon + 2 <= line.size() ? line.substr(colon + 2) : "");
    if (key == "processor") id = "0";
    if (key == "vendor_id") cpu.vendor = value;
    if (key == "CPU implementer") cpu.vendor = "ARM";
    if (key == "model name") cpu.model = value;
    if (key == "physical id") id = value;
    if (!cpu.vendor.empty()) by_id[id] = cpu;
  }
  for (const auto& [number, socket] : by_id) sockets.push_back(socket);
}

void read_numa_nodes(const fs::path& folder, std::vector<NumaFact>& nodes) {
  for (const fs::path& entry : sorted_entries(folder)) {
    const std::string name = entry.filename().string();
    const std::optional<std::int64_t> index =
        name.compare(0, 4, "node") == 0 ? number_of(name.substr(4)) : std::nullopt;
    if (!index) continue;
    NumaFact node;
    node.index = *index;
    std::ifstream meminfo(entry / "meminfo");
    for (std::string line; std::getline(meminfo, line);) {
      const std::size_t at = line.find("MemTotal:");
      if (at == std::string::npos) continue;
      const std::size_t digit = line.find_first_of("0123456789", at);
      if (digit != std::string::npos)
        node.memory_bytes = number_of(line.substr(digit)).value_or(0) * bytes_per_kib;
    }
    nodes.push_back(node);
  }
  std::sort(nodes.begin(), nodes.end(),
            [](const NumaFact& a, const NumaFact& b) { return a.index < b.index; });
}

}  // namespace

double rate_of_text(const std::string& text) {
  double gigabits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), gigabits);
  if (error != std::errc{} || !(gigabits > 0) || gigabits > 1e6) return 0;
  return std::string_view(end, static_cast<std::size_t>(text.data() + text.size() - end))
                     .find("Gb/sec") == std::string_view::npos
             ? 0
             : gigabits * gigabit / bits_per_byte;
}

double usual_rate(unsigned vendor_id, unsigned device_id) {
  const auto* const found = std::find_if(
      nic_kinds.begin(), nic_kinds.end(),
      [&](const NicKind& kind) { return kind.vendor == vendor_id && kind.device == device_id; });
  return found == nic_kinds.end() ? 0 : found->gigabits * gigabit / bits_per_byte;
}

std::vector<SystemNic> read_system_nics(const fs::path& root) {
  std::vector<SystemNic> nics;
  for (const fs::path& entry : sorted_entries(root / "sys/class/infiniband"))
    nics.push_back(rdma_device(entry));
  for (const fs::path& entry : sorted_entries(root / "sys/class/net")) {
    std::error_code error;
    if (!fs::exists(entry / "device", error)) continue;  // lo, bridges, tunnels
    nics.push_back(interface_of(entry));
  }
  return nics;
}

HostFacts read_system_files(const fs::path& root) {
  HostFacts facts;
  facts.source = "/sys";
  facts.host = line_of(root / "proc/sys/kernel/hostname");
  facts.architecture = line_of(root / "proc/sys/kernel/arch");
  facts.vendor = line_of(root / "sys/class/dmi/id/sys_vendor");
  facts.product = line_of(root / "sys/class/dmi/id/product_name");
  read_sockets(root / "proc/cpuinfo", facts.sockets);
  read_numa_nodes(root / "sys/devices/system/node", facts.numa_nodes);
  std::map<std::string, std::size_t> by_bus_id;
  for (const SystemNic& nic : read_system_nics(root)) {
    if (const auto known = by_bus_id.find(nic.bus_id);
        !nic.bus_id.empty() && known != by_bus_id.end()) {
      facts.nics[known->second].interface = nic.name;  // of an RDMA device that came first
      continue;
    }
    by_bus_id[nic.bus_id] = facts.nics.size();
    NicFact fact;
    fact.place.bus_id = nic.bus_id;
    fact.place.numa_node = nic.numa_node;
    fact.name = nic.name;
    fact.rdma = nic.rdma;
    fact.interface = nic.rdma ? "" : nic.name;
    fact.link_layer = nic.link_layer;
    fact.rate = nic.rate;
    fact.state = nic.state;
    fact.vendor_id = nic.vendor_id;
    fact.device_id = nic.device_id;
    facts.nics.push_back(std::move(fact));
  }
  facts.remarks.push_back(
      "built without hwloc: which GPUs and NICs share a PCIe switch or a socket is not known");
  return facts;
}

}  // namespace lockstep
