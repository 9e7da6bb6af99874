// What /sys and /proc say of NICs and CPUs, from a tree of such files in a temporary folder.
#include <filesystem>
#include <fstream>

#include "tests/catch.hpp"
#include "tests/cli/process.hpp"
#include "validate/discover/node_facts.hpp"
#include "validate/discover/system_files.hpp"

using namespace lockstep;
namespace fs = std::filesystem;

namespace {

class Root {
 public:
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((path() / name).parent_path());
    std::ofstream(path() / name) << text << '\n';
  }
  // A NIC at a PCI address with its class entry.
  void nic(const std::string& kind, const std::string& name, const std::string& bus_id) const {
    fs::create_directories(path() / "sys/devices/pci0000:00" / bus_id);
    write("sys/devices/pci0000:00/" + bus_id + "/vendor", "0x15b3");
    write("sys/devices/pci0000:00/" + bus_id + "/device", "0x1021");
    write("sys/devices/pci0000:00/" + bus_id + "/numa_node", "1");
    fs::create_directories(path() / "sys/class" / kind / name);
    fs::create_directory_symlink(path() / "sys/devices/pci0000:00" / bus_id,
                                 path() / "sys/class" / kind / name / "device");
  }
  [[nodiscard]] const fs::path& path() const { return folder_.path(); }

 private:
  test::TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("rates as /sys writes them", "[unit]") {
  CHECK(rate_of_text("200 Gb/sec (4X HDR)") == 25e9);
  CHECK(rate_of_text("2.5 Gb/sec (1X SDR)") == 312.5e6);
  CHECK(rate_of_text("") == 0);
  CHECK(rate_of_text("fast") == 0);
  CHECK(rate_of_text("200") == 0);
  CHECK(rate_of_text("-1 Gb/sec") == 0);
  CHECK(usual_rate(0x15b3, 0x1021) == 50e9);
  CHECK(usual_rate(0x8086, 0x1234) == 0);
}

TEST_CASE("NICs of /sys", "[unit]") {
  const Root root;
  root.nic("infiniband", "mlx5_0", "0000:18:00.0");
  const std::string port = "sys/class/infiniband/mlx5_0/ports/1/";
  root.write(port + "rate", "400 Gb/sec (4X NDR)");
  root.write(port + "link_layer", "InfiniBand");
  root.write(port + "state", "4: ACTIVE");
  root.nic("net", "eth0", "0000:19:00.0");
  root.write("sys/class/net/eth0/speed", "25000");
  root.write("sys/class/net/eth0/operstate", "down");
  root.write("sys/class/net/eth0/type", "1");
  root.write("sys/class/net/lo/speed", "1");  // no device
  const std::vector<SystemNic> nics = read_system_nics(root.path());
  REQUIRE(nics.size() == 2);
  CHECK(nics[0].name == "mlx5_0");
  CHECK(nics[0].bus_id == "0000:18:00.0");
  CHECK(nics[0].rdma);
  CHECK(nics[0].rate == 50e9);
  CHECK(nics[0].link_layer == "InfiniBand");
  CHECK(nics[0].state == LinkState::up);
  CHECK(nics[0].numa_node == 1);
  CHECK(nics[0].vendor_id == 0x15b3);
  CHECK(nics[0].device_id == 0x1021);
  CHECK(nics[1].name == "eth0");
  CHECK(nics[1].rate == 3.125e9);
  CHECK(nics[1].link_layer == "Ethernet");
  CHECK(nics[1].state == LinkState::down);
}

TEST_CASE("of two ports the one that is up counts", "[unit]") {
  const Root root;
  root.nic("infiniband", "mlx5_0", "0000:18:00.0");
  for (const auto& [port, rate, state] : {std::tuple{"1", "400 Gb/sec (4X NDR)", "1: DOWN"},
                                          std::tuple{"2", "200 Gb/sec (4X HDR)", "4: ACTIVE"}}) {
    const std::string folder = std::string("sys/class/infiniband/mlx5_0/ports/") + port + "/";
    root.write(folder + "rate", rate);
    root.write(folder + "state", state);
  }
  const std::vector<SystemNic> nics = read_system_nics(root.path());
  REQUIRE(nics.size() == 1);
  CHECK(nics[0].rate == 25e9);
  CHECK(nics[0].state == LinkState::up);
}

TEST_CASE("a host without hwloc", "[unit]") {
  const Root root;
  root.write(
      "proc/cpuinfo",
      "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC 7742\nphysical id\t: 0\n\n"
      "processor\t: 1\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC 7742\nphysical id\t: 1\n");
  root.write("proc/sys/kernel/hostname", "node7");
  root.write("sys/devices/system/node/node0/meminfo", "Node 0 MemTotal:       1024 kB");
  root.write("sys/devices/system/node/node1/meminfo", "Node 1 MemTotal:       2048 kB");
  root.nic("infiniband", "mlx5_0", "0000:18:00.0");
  root.nic("net", "ib0", "0000:18:00.0");
  const HostFacts facts = read_system_files(root.path());
  CHECK(facts.source == "/sys");
  CHECK(facts.host == "node7");
  REQUIRE(facts.sockets.size() == 2);
  CHECK(facts.sockets[1].model == "AMD EPYC 7742");
  REQUIRE(facts.numa_nodes.size() == 2);
  CHECK(facts.numa_nodes[1].memory_bytes == 2097152);
  REQUIRE(facts.nics.size() == 1);  // one device, two names
  CHECK(facts.nics[0].name == "mlx5_0");
  CHECK(facts.nics[0].interface == "ib0");
  CHECK_FALSE(facts.knows_pcie);
  CHECK(
      facts.remarks ==
      std::vector<std::string>{
          "built without hwloc: which GPUs and NICs share a PCIe switch or a socket is not known"});
}

TEST_CASE("an empty /sys is no error", "[unit]") {
  const Root root;
  CHECK(read_system_nics(root.path()).empty());
  CHECK(read_system_files(root.path()).sockets.empty());
}

TEST_CASE("bus ids as NVML and Linux write them", "[unit]") {
  CHECK(plain_bus_id("00000000:1B:00.0") == "0000:1b:00.0");
  CHECK(plain_bus_id("00010000:1B:00.0") == "00010000:1b:00.0");
  CHECK(plain_bus_id("0000:c3:00.0") == "0000:c3:00.0");
  CHECK(plain_bus_id("").empty());
}

TEST_CASE("lists of names in sentences", "[unit]") {
  CHECK(list_of({}).empty());
  CHECK(list_of({"a"}) == "a");
  CHECK(list_of({"a", "b"}) == "a and b");
  CHECK(list_of({"a", "b", "c", "d", "e"}) == "a, b, c, d and e");
  CHECK(list_of({"a", "b", "c", "d", "e", "f"}) == "a, b, c, d and 2 more");
}
