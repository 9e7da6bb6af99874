// Does a recorded node become the system that its data sheets describe, key by key?
#include "scenarios/cluster_file.hpp"
#include "tests/catch.hpp"
#include "tests/support/discover_fixture.hpp"
#include "validate/discover/system_yaml.hpp"

using namespace lockstep;
using namespace lockstep::test;

#if LOCKSTEP_HAS_HWLOC

namespace {

constexpr double rounding = 1e-9;

// The YAML as `--cluster` reads it.
System loaded(const NodeFacts& facts, const NodeSystem& node) {
  return parse_cluster(system_yaml(facts, node, "node"), "node.yaml", bundled_catalog()).system;
}

void check_same_hardware(const System& a, const System& b) {
  CHECK(a.gpu_name == b.gpu_name);
  CHECK(a.gpus_per_node == b.gpus_per_node);
  CHECK(a.gpus_per_nvlink_domain == b.gpus_per_nvlink_domain);
  CHECK(a.intra_node == b.intra_node);
  CHECK(a.link_bandwidth.value == Approx(b.link_bandwidth.value).epsilon(rounding));
  CHECK(a.nics_per_node == b.nics_per_node);
  CHECK(a.nic_bandwidth.value == Approx(b.nic_bandwidth.value).epsilon(rounding));
  CHECK(a.pcie_bandwidth.value == Approx(b.pcie_bandwidth.value).epsilon(rounding));
  CHECK(a.network == b.network);
  CHECK(a.cpu_vendor == b.cpu_vendor);
  CHECK(a.peer_to_peer == b.peer_to_peer);
}

}  // namespace

// 12 NVLinks x 25 GB/s, 2 of them to each of 6 NVSwitches; 4 switches for 8 GPUs; 8 NICs of 200
// Gb/s = 25 GB/s beside GPUs; 2 sockets x 8 channels x 25.6 GB/s x 0.75 = 307.2 GB/s.
TEST_CASE("discover: a DGX A100 is the catalog's dgx-a100-80gb", "[model]") {
  const Gathered recorded = gathered(discover_fixture("dgx-a100"));
  const NodeSystem node = read_node(recorded.facts);
  CHECK(node.base == "dgx-a100-80gb");
  CHECK(node.differences.empty());
  CHECK(node.remarks.empty());
  CHECK(node.inherited.empty());
  const System system = loaded(recorded.facts, node);
  CHECK(system.gpu_name == "a100-sxm-80gb");
  CHECK(system.gpus_per_node == 8);
  CHECK(system.gpus_per_nvlink_domain == 8);
  CHECK(system.intra_node == IntraNode::nvswitch);
  CHECK(system.nvswitch_planes == 6);
  CHECK(system.gpus_per_pcie_switch == 2);
  CHECK(system.sockets == 2);
  CHECK(system.link_bandwidth.value == Approx(300e9));
  CHECK(system.nics_per_node == 8);
  CHECK(system.nic_bandwidth.value == Approx(25e9));
  CHECK(system.nic_bandwidth.kind == Provenance::measured);
  CHECK(system.nic_bandwidth.source ==
        "hwloc on 2026-11-23: rate of mlx5_0, mlx5_1, mlx5_2, mlx5_3 and 4 more");
  CHECK(system.host_memory_bandwidth.value == Approx(307.2e9));
  CHECK(system.host_memory_bandwidth.kind == Provenance::assumed);
  CHECK(system.network == Network::infiniband);
  CHECK(system.cpu_vendor == CpuVendor::amd);
  CHECK(system.pcie_generation == 4);
  CHECK(system.peer_to_peer);
  check_same_hardware(system, bundled_catalog().system("dgx-a100-80gb"));
}

TEST_CASE("discover: storage and management NICs of a DGX A100 are told apart", "[model]") {
  const ComputeNics nics = compute_nics(gathered(discover_fixture("dgx-a100")).facts);
  CHECK(nics.names == std::vector<std::string>{"mlx5_0", "mlx5_1", "mlx5_2", "mlx5_3", "mlx5_6",
                                               "mlx5_7", "mlx5_8", "mlx5_9"});
  CHECK(nics.why == "the fastest NICs that share a PCIe switch with a GPU");
  CHECK(nics.others == std::vector<std::string>{
                           "enp37s0: 1.00 Gb/s, too slow beside 200 Gb/s; management or storage",
                           "mlx5_4: 200 Gb/s, but it shares no PCIe switch with a GPU; storage",
                           "mlx5_10: 200 Gb/s, but it shares no PCIe switch with a GPU; storage"});
  CHECK(nics.network == Network::infiniband);
}

// 18 NVLinks x 25 GB/s to 4 NVSwitches, one GPU below each PCIe switch; 2 x 8 channels x 38.4 GB/s
// x 0.75 = 460.8 GB/s.
TEST_CASE("discover: a DGX H100 is the catalog's dgx-h100 with one GPU below each PCIe switch",
          "[model]") {
  const Gathered recorded = gathered(discover_fixture("dgx-h100"));
  const NodeSystem node = read_node(recorded.facts);
  CHECK(node.base == "dgx-h100");
  CHECK(node.differences == std::vector<std::string>{"gpus_per_pcie_switch: 1 (dgx-h100: 2)"});
  CHECK(node.remarks.empty());
  const System system = loaded(recorded.facts, node);
  CHECK(system.nvswitch_planes == 4);
  CHECK(system.gpus_per_pcie_switch == 1);
  CHECK(system.sockets == 2);
  CHECK(system.link_bandwidth.value == Approx(450e9));
  CHECK(system.nics_per_node == 8);
  CHECK(system.nic_bandwidth.value == Approx(50e9));
  CHECK(system.host_memory_bandwidth.value == Approx(460.8e9));
  CHECK(system.pcie_generation == 5);
  check_same_hardware(system, bundled_catalog().system("dgx-h100"));
  CHECK(node.found.nics.others ==
        std::vector<std::string>{
            "mlx5_7: down", "eno3: 10.0 Gb/s, too slow beside 400 Gb/s; management or storage",
            "mlx5_1: 200 Gb/s, but it shares no PCIe switch with a GPU; storage"});
}

// 16 lanes x 1.96875 GB/s = 31.5 GB/s; GeForce cards do not reach each other; slots are the CPU's.
TEST_CASE("discover: a box of RTX 4090 is the catalog's rtx4090-pcie with its slots at the CPUs",
          "[model]") {
  const Gathered recorded = gathered(discover_fixture("pcie-box"));
  const NodeSystem node = read_node(recorded.facts);
  CHECK(node.base == "rtx4090-pcie");
  CHECK(node.differences == std::vector<std::string>{"gpus_per_pcie_switch: 0 (rtx4090-pcie: 2)"});
  const System system = loaded(recorded.facts, node);
  CHECK(system.intra_node == IntraNode::pcie);
  CHECK(system.gpus_per_pcie_switch == 0);
  CHECK(system.link_bandwidth.value == Approx(31.5e9));
  CHECK(system.nics_per_node == 1);
  CHECK(system.nic_bandwidth.value == Approx(12.5e9));
  CHECK(system.network == Network::ethernet);
  CHECK_FALSE(system.peer_to_peer);
  check_same_hardware(system, bundled_catalog().system("rtx4090-pcie"));
}

// Nine of 18 links: 225 GB/s, and one sentence for each GPU.
TEST_CASE("discover: half of the NVLinks down is half of the bandwidth, and said", "[model]") {
  const ChangedFixture fixture("dgx-h100");
  fixture.edit_nvml([](auto& json) {
    for (std::size_t link = 9; link < 18; ++link) json["gpus"][5]["nvlinks"][link]["active"] = false;
  });
  const NodeSystem node = read_node(gathered(fixture.path()).facts);
  CHECK(node.system.link_bandwidth.value == Approx(225e9));
  // Links 9 to 17 lead to the last two switches: 5 + 4 to the first two stay.
  CHECK(node.remarks == std::vector<std::string>{"9 of 18 NVLinks of GPU 5 (0000:c3:00.0) are down",
                                                 "GPU 5 (0000:c3:00.0) reaches 2 of 4 NVSwitches"});
  CHECK(node.differences ==
        std::vector<std::string>{"gpus_per_pcie_switch: 1 (dgx-h100: 2)",
                                 "link_bandwidth: 225 GB/s (dgx-h100: 450 GB/s)"});
}

TEST_CASE("discover: a GPU that PCIe shows and NVML does not is said", "[model]") {
  const ChangedFixture fixture("dgx-h100");
  fixture.edit_nvml([](auto& json) { json["gpus"].erase(2); });
  const NodeSystem node = read_node(gathered(fixture.path()).facts);
  CHECK(node.system.gpus_per_node == 7);
  CHECK(node.remarks == std::vector<std::string>{"PCIe shows an NVIDIA GPU at 0000:52:00.0 that "
                                                 "NVML does not list: it is lost, or kept from "
                                                 "this process; the system is made of the others"});
  CHECK(node.base == "dgx-h100");
}

TEST_CASE("discover: files of two machines contradict each other", "[model]") {
  const ChangedFixture fixture("dgx-a100");
  fixture.write(hwloc_file, read_file(discover_fixture("pcie-box") + "/hwloc.xml"));
  const Gathered recorded = gathered(fixture.path());
  REQUIRE(recorded.facts.remarks.size() == 16);
  CHECK(recorded.facts.remarks.back() ==
        "NVML has GPU 7 at 0000:bd:00.0, where hwloc shows none: are they of one machine?");
}

TEST_CASE("discover: a lower power limit makes a GPU of its own", "[model]") {
  const ChangedFixture fixture("dgx-h100");
  fixture.edit_nvml([](auto& json) {
    for (auto& gpu : json["gpus"]) gpu["power_limit_w"] = 500.0;
  });
  const Gathered recorded = gathered(fixture.path());
  const NodeSystem node = read_node(recorded.facts);
  CHECK(node.gpu.known);
  REQUIRE(node.gpu.changes.size() == 1);
  CHECK(node.gpu.changes[0].first == "power_limit");
  const System system = loaded(recorded.facts, node);
  CHECK(system.gpu.power_limit.value == Approx(500.0));
  CHECK(system.gpu.power_limit.source == "NVML on 2026-11-23: the limit that is enforced");
  CHECK(system.gpu.peak_bf16.value == Approx(989.4e12));
}

// 6144 cores / 128 = 48 SMs of an RTX 4090's 128: 165.2 x 48/128 TFLOP/s; 2 x 9001 MHz x 160 bits /
// 8 = 360.04 GB/s.
TEST_CASE("discover: a GPU that the catalog lacks becomes a map based on the nearest", "[model]") {
  const ChangedFixture fixture("pcie-box");
  fixture.edit_nvml([](auto& json) {
    for (auto& gpu : json["gpus"]) {
      gpu["name"] = "NVIDIA RTX 4000 Ada Generation";
      gpu["memory_bytes"] = 20LL << 30;
      gpu["power_limit_w"] = 130.0;
      gpu["cores"] = 6144;
      gpu["memory_bus_bits"] = 160;
      gpu["memory_clock_mhz"] = 9001;
    }
  });
  const Gathered recorded = gathered(fixture.path());
  const NodeSystem node = read_node(recorded.facts);
  CHECK_FALSE(node.gpu.known);
  CHECK(node.gpu.name == "rtx-4090");
  const System system = loaded(recorded.facts, node);
  const Gpu base = bundled_catalog().gpu("rtx-4090");
  CHECK(system.gpu.description == "NVIDIA RTX 4000 Ada Generation, not in the catalog");
  CHECK(system.gpu.sm_count == 48);
  CHECK(system.gpu.peak_bf16.value == Approx(base.peak_bf16.value * 48 / 128).epsilon(1e-3));
  CHECK(system.gpu.peak_bf16.kind == Provenance::assumed);
  CHECK(system.gpu.peak_bf16.spread == Approx(0.2));
  CHECK(system.gpu.memory_capacity.value == Approx(20.0 * 1073741824.0));
  CHECK(system.gpu.memory_bandwidth.value == Approx(360.04e9).epsilon(1e-3));
  CHECK(system.gpu.power_limit.value == Approx(130.0));
  CHECK(node.assumed.front() ==
        "GPU: the catalog has no 'NVIDIA RTX 4000 Ada Generation'; what NVML does not say (peaks, "
        "shares of the peak, "
        "attention, L2) is that of rtx-4090; `lockstep-validate kernels` measures it");
}

// Four links of 14.0625 GB/s between two cards of a pair.
TEST_CASE("discover: cards in pairs under NVLink bridges", "[model]") {
  const ChangedFixture fixture("pcie-box");
  const auto bridge = [](nlohmann::ordered_json& json, std::size_t a, std::size_t b) {
    for (int link = 0; link < 4; ++link)
      json["gpus"][a]["nvlinks"].push_back({{"link", link},
                                            {"active", true},
                                            {"version", 3},
                                            {"to", "gpu"},
                                            {"remote_bus_id", json["gpus"][b]["bus_id"]}});
  };
  fixture.edit_nvml([&](auto& json) {
    for (auto& gpu : json["gpus"]) {
      gpu["name"] = "NVIDIA RTX A6000";
      gpu["memory_bytes"] = 49140LL << 20;
      gpu["power_limit_w"] = 300.0;
      gpu["compute_capability"] = 86;
      gpu["cores"] = 10752;
      gpu["memory_clock_mhz"] = 8001;
    }
    json["peer_to_peer"] = nullptr;
    for (const auto& [a, b] :
         {std::pair{0U, 1U}, std::pair{2U, 3U}, std::pair{4U, 6U}, std::pair{5U, 7U}}) {
      bridge(json, a, b);
      bridge(json, b, a);
    }
  });
  const NodeSystem node = read_node(gathered(fixture.path()).facts);
  CHECK(node.gpu.changes.empty());
  CHECK(node.gpu.name == "rtx-a6000");
  CHECK(node.system.intra_node == IntraNode::nvlink_bridge);
  CHECK(node.system.link_bandwidth.value == Approx(56.25e9));
  CHECK(node.system.peer_to_peer);
  REQUIRE(node.remarks.size() == 2);
  CHECK(node.remarks[0] ==
        "no NVLink bridge joins GPU 4 and GPU 5: the model takes bridges between 0 and 1, 2 and 3 "
        "and so "
        "on; order them so by CUDA_VISIBLE_DEVICES");
  CHECK(node.assumed[0] ==
        "peer_to_peer: true, as for data-centre and workstation GPUs; the driver does not say");
}

TEST_CASE("discover: rates that nothing states are those of the kind of NIC", "[model]") {
  const ChangedFixture fixture("dgx-h100");
  std::string xml = fixture.text(hwloc_file);
  for (std::size_t at = xml.find("LinkRate"); at != std::string::npos;
       at = xml.find("LinkRate", at))
    xml.replace(at, 8, "Other");
  fixture.write(hwloc_file, xml);
  const Gathered recorded = gathered(fixture.path());
  const NodeSystem node = read_node(recorded.facts);
  // ConnectX-7: 400 Gb/s; the spread says that it is a guess.
  CHECK(node.system.nic_bandwidth.value == Approx(50e9));
  CHECK(node.system.nic_bandwidth.kind == Provenance::assumed);
  CHECK(node.system.nic_bandwidth.spread == Approx(0.2));
  CHECK(node.system.nics_per_node == 8);
  CHECK(std::find(node.assumed.begin(), node.assumed.end(),
                  "nic_bandwidth: 400 Gb/s, usual for NICs of the kind of mlx5_0") !=
        node.assumed.end());
}

#else

TEST_CASE("discover: fixtures need hwloc", "[model]") {
  LOCKSTEP_SKIP("built without hwloc");
}

#endif
