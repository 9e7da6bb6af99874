#include "validate/hwloc/host_topology.hpp"

#include <fmt/format.h>
#include <hwloc.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "scenarios/diagnostics.hpp"
#include "scenarios/utf8.hpp"
#include "validate/measure/failures.hpp"
#include "sim/leaks.hpp"

namespace lockstep {
namespace {

using PciAttributes = hwloc_obj_attr_u::hwloc_pcidev_attr_s;

constexpr const char* rate_info = "LinkRate";
constexpr const char* layer_info = "LinkLayer";
constexpr const char* state_info = "LinkState";
constexpr double bits_per_gigabit_byte = 8e-9;
constexpr unsigned nvidia = 0x10de;
constexpr unsigned display_class = 0x03;
constexpr unsigned ethernet_class = 0x0200;
constexpr unsigned infiniband_class = 0x0207;

std::string info(hwloc_obj_t object, const char* name) {
  const char* text = hwloc_obj_get_info_by_name(object, name);
  return text == nullptr ? std::string{} : printable(text);
}

std::string bus_id(const PciAttributes& pci) {
  return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", pci.domain, pci.bus, pci.dev, pci.func);
}

const char* to_text(LinkState state) {
  return state == LinkState::up ? "up" : "down";
}

// A name before its last number, and that number: mlx5_2 comes before mlx5_10.
std::pair<std::string, std::size_t> numbered(const std::string& name) {
  std::size_t end = name.size();
  std::size_t number = 0;
  for (std::size_t scale = 1;
       end > 0 && scale < 1'000'000 && name[end - 1] >= '0' && name[end - 1] <= '9'; scale *= 10)
    number += scale * static_cast<std::size_t>(name[--end] - '0');
  return {name.substr(0, end), number};
}

// Of bridges from the CPU down to a device, root port, switch's upstream port, its downstream port,
// the next switch's upstream port and so on: every second one stands for a switch.
std::vector<std::string> switches_above(hwloc_obj_t device) {
  std::vector<std::string> bridges;
  for (hwloc_obj_t above = device->parent; above != nullptr && above->type == HWLOC_OBJ_BRIDGE;
       above = above->parent) {
    if (above->attr->bridge.upstream_type == HWLOC_OBJ_BRIDGE_PCI)
      bridges.push_back(bus_id(above->attr->bridge.upstream.pci));
  }
  std::reverse(bridges.begin(), bridges.end());
  std::vector<std::string> switches;
  for (std::size_t i = 1; i < bridges.size(); i += 2) switches.push_back(bridges[i]);
  return switches;
}

class Walk {
 public:
  explicit Walk(hwloc_topology_t topology) : topology_(topology) {}

  HostFacts facts() {
    HostFacts facts;
    hwloc_obj_t machine = hwloc_get_root_obj(topology_);
    const std::string version = info(machine, "hwlocVersion");  // that wrote the topology
    facts.source = version.empty() ? "hwloc" : "hwloc " + version;
    facts.host = info(machine, "HostName");
    facts.architecture = info(machine, "Architecture");
    facts.vendor = info(machine, "DMISysVendor");
    facts.product = info(machine, "DMIProductName");
    sockets(facts);
    numa_nodes(facts);
    devices(facts);
    return facts;
  }

 private:
  void sockets(HostFacts& facts) {
    hwloc_obj_t package = nullptr;
    while ((package = hwloc_get_next_obj_by_type(topology_, HWLOC_OBJ_PACKAGE, package)) !=
           nullptr) {
      SocketFact socket;
      socket.vendor = info(package, "CPUVendor");
      if (socket.vendor.empty() && !info(package, "CPUImplementer").empty()) socket.vendor = "ARM";
      socket.model = info(package, "CPUModel");
      facts.sockets.push_back(std::move(socket));
    }
  }

  void numa_nodes(HostFacts& facts) {
    hwloc_obj_t node = nullptr;
    while ((node = hwloc_get_next_obj_by_type(topology_, HWLOC_OBJ_NUMANODE, node)) != nullptr) {
      if (hwloc_bitmap_iszero(node->cpuset) != 0) continue;  // memory of a GPU or on the CXL bus
      NumaFact fact;
      fact.index = node->os_index;
      fact.socket = socket_of(node->cpuset);
      fact.memory_bytes = static_cast<std::int64_t>(node->attr->numanode.local_memory);
      facts.numa_nodes.push_back(fact);
    }
  }

  // The package that holds all of the CPUs; -1: none, or they are of several.
  std::int64_t socket_of(hwloc_const_cpuset_t cpus) {
    hwloc_obj_t package = nullptr;
    while ((package = hwloc_get_next_obj_by_type(topology_, HWLOC_OBJ_PACKAGE, package)) !=
           nullptr) {
      if (hwloc_bitmap_isincluded(cpus, package->cpuset) != 0) return package->logical_index;
    }
    return -1;
  }

  void devices(HostFacts& facts) {
    hwloc_obj_t device = nullptr;
    while ((device = hwloc_get_next_pcidev(topology_, device)) != nullptr) {
      const PciAttributes& pci = device->attr->pcidev;
      facts.knows_pcie = true;
      if (pci.vendor_id == nvidia && (pci.class_id >> 8U) == display_class)
        facts.nvidia_gpus.push_back(place(device));
      nic(device, facts);
    }
    std::sort(facts.nics.begin(), facts.nics.end(), [](const NicFact& a, const NicFact& b) {
      return std::make_tuple(numbered(a.name), a.place.bus_id) <
             std::make_tuple(numbered(b.name), b.place.bus_id);
    });
    if (!facts.knows_pcie)
      facts.remarks.emplace_back(
          "hwloc sees no PCI devices: in a container /sys may be hidden, else its PCI plugin is "
          "missing");
  }

  PciePlace place(hwloc_obj_t device) {
    PciePlace place;
    place.bus_id = bus_id(device->attr->pcidev);
    place.switches = switches_above(device);
    hwloc_obj_t host = hwloc_get_non_io_ancestor_obj(topology_, device);
    if (host == nullptr) return place;
    if (hwloc_bitmap_weight(host->nodeset) == 1)
      place.numa_node = hwloc_bitmap_first(host->nodeset);
    place.socket = socket_of(host->cpuset);
    return place;
  }

  void nic(hwloc_obj_t device, HostFacts& facts) {
    NicFact nic;
    for (hwloc_obj_t os = device->io_first_child; os != nullptr; os = os->next_sibling) {
      if (os->type != HWLOC_OBJ_OS_DEVICE || os->name == nullptr) continue;
      const bool rdma = os->attr->osdev.type == HWLOC_OBJ_OSDEV_OPENFABRICS;
      if (!rdma && os->attr->osdev.type != HWLOC_OBJ_OSDEV_NETWORK) continue;
      if (!rdma) nic.interface = printable(os->name);
      if (rdma || nic.name.empty()) nic.name = printable(os->name);
      nic.rdma = nic.rdma || rdma;
      link(os, rdma, nic);
    }
    if (nic.name.empty()) return;
    const PciAttributes& pci = device->attr->pcidev;
    nic.place = place(device);
    nic.vendor_id = pci.vendor_id;
    nic.device_id = pci.device_id;
    if (nic.link_layer.empty() && pci.class_id == infiniband_class) nic.link_layer = "InfiniBand";
    if (nic.link_layer.empty() && pci.class_id == ethernet_class) nic.link_layer = "Ethernet";
    if (nic.rate <= 0.0) {
      nic.rate = usual_rate(nic.vendor_id, nic.device_id);
      nic.rate_assumed = nic.rate > 0.0;
    }
    facts.nics.push_back(std::move(nic));
  }

  // The RDMA device knows better than its interface.
  static void link(hwloc_obj_t os, bool rdma, NicFact& nic) {
    const double rate = rate_of_text(info(os, rate_info));
    if (rate > 0.0 && (rdma || nic.rate <= 0.0)) nic.rate = rate;
    const std::string layer = info(os, layer_info);
    if (!layer.empty() && (rdma || nic.link_layer.empty())) nic.link_layer = layer;
    std::string state = info(os, state_info);
    constexpr const char* active = "4";  // of InfiniBand's port states
    if (state.empty() && rdma && !info(os, "Port1State").empty())
      state = info(os, "Port1State") == active ? "up" : "down";
    if (!state.empty() && (rdma || nic.state == LinkState::unknown))
      nic.state = state == "up" ? LinkState::up : LinkState::down;
  }

  hwloc_topology_t topology_;
};

}  // namespace

class HostTopology::Handle {
 public:
  Handle() {
    if (hwloc_topology_init(&topology) != 0) throw MeasurementError("hwloc cannot be started");
    hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    // These start drivers, and know nothing that is asked for here.
    for (const char* component : {"cuda", "nvml", "opencl", "gl", "rsmi", "levelzero"})
      hwloc_topology_set_components(topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, component);
  }
  ~Handle() { hwloc_topology_destroy(topology); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  hwloc_topology_t topology = nullptr;
};

HostTopology::HostTopology(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
HostTopology::~HostTopology() = default;
HostTopology::HostTopology(HostTopology&&) noexcept = default;

HostTopology HostTopology::of_this_machine(const std::vector<SystemNic>& nics) {
  auto handle = std::make_unique<Handle>();
  const NotOurLeaks of_its_plugins;  // which hwloc unloads
  if (hwloc_topology_load(handle->topology) != 0)
    throw MeasurementError("hwloc cannot read this machine's topology", "does `lstopo` work here?");
  hwloc_obj_t os = nullptr;
  while ((os = hwloc_get_next_osdev(handle->topology, os)) != nullptr) {
    if (os->name == nullptr) continue;
    const auto nic = std::find_if(nics.begin(), nics.end(),
                                  [&](const SystemNic& n) { return n.name == os->name; });
    if (nic == nics.end()) continue;
    if (nic->rate > 0.0)
      hwloc_obj_add_info(os, rate_info,
                         fmt::format("{:g} Gb/sec", nic->rate * bits_per_gigabit_byte).c_str());
    if (!nic->link_layer.empty()) hwloc_obj_add_info(os, layer_info, nic->link_layer.c_str());
    if (nic->state != LinkState::unknown) hwloc_obj_add_info(os, state_info, to_text(nic->state));
  }
  return HostTopology(std::move(handle));
}

HostTopology HostTopology::of_xml(const std::string& text, const std::string& file_name) {
  auto handle = std::make_unique<Handle>();
  const bool read = hwloc_topology_set_xmlbuffer(handle->topology, text.c_str(),
                                                 static_cast<int>(text.size() + 1)) == 0 &&
                    hwloc_topology_load(handle->topology) == 0;
  if (read) return HostTopology(std::move(handle));
  Diagnostic diagnostic;
  diagnostic.code = "E655";
  diagnostic.file = file_name;
  diagnostic.message = "hwloc cannot read this file as a topology";
  diagnostic.hint =
      "was it cut off? `lstopo --of xml FILE` and `lockstep-validate discover --record DIR` write "
      "such files";
  throw InputError({std::move(diagnostic)});
}

HostFacts HostTopology::facts() const {
  return Walk(handle_->topology).facts();
}

std::string HostTopology::xml() const {
  char* buffer = nullptr;
  int length = 0;
  if (hwloc_topology_export_xmlbuffer(handle_->topology, &buffer, &length, 0) != 0)
    throw MeasurementError("hwloc cannot write this machine's topology");
  const std::string text(buffer, static_cast<std::size_t>(std::max(0, length - 1)));
  hwloc_free_xmlbuffer(handle_->topology, buffer);
  return text;
}

}  // namespace lockstep
