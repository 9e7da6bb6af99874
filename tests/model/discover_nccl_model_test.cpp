// Does NCCL's own picture of a node fill what is not known, and is it told where it contradicts the
// rest?
#include <fmt/format.h>

#include "scenarios/cluster_file.hpp"
#include "tests/catch.hpp"
#include "tests/support/discover_fixture.hpp"
#include "validate/discover/nccl_facts.hpp"
#include "validate/discover/system_yaml.hpp"

using namespace lockstep;
using namespace lockstep::test;

namespace {

struct DumpedGpu {
  std::string bus_id;
  int links;
};

const std::vector<DumpedGpu> dgx_h100 = {
    {"0000:1b:00.0", 18}, {"0000:43:00.0", 18}, {"0000:52:00.0", 18}, {"0000:61:00.0", 18},
    {"0000:9d:00.0", 18}, {"0000:c3:00.0", 18}, {"0000:d1:00.0", 18}, {"0000:df:00.0", 18}};

// As NCCL_TOPO_DUMP_FILE writes it: each GPU with a NIC below a switch.
std::string dump(const std::vector<DumpedGpu>& gpus, int speed_of_second_nic = 400000) {
  const std::vector<int> nics = {0, 3, 4, 5, 6, 9, 10, 11};
  std::string xml =
      "<system version=\"1\">\n<cpu host_hash=\"0x1\" numaid=\"0\" affinity=\"1\" arch=\"x86_64\" "
      "vendor=\"GenuineIntel\" familyid=\"6\" modelid=\"143\">\n";
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    xml += fmt::format(
        "<pci busid=\"0000:{:02x}:00.0\" class=\"0x060400\" link_speed=\"32.0 GT/s PCIe\" "
        "link_width=\"16\">\n"
        "<pci busid=\"{}\" class=\"0x030200\" link_speed=\"32.0 GT/s PCIe\" link_width=\"16\">\n"
        "<gpu dev=\"{}\" sm=\"90\" rank=\"{}\" gdr=\"1\">\n"
        "<nvlink target=\"0000:07:00.0\" count=\"{}\" tclass=\"0x068000\"/>\n</gpu>\n</pci>\n",
        16 + i, gpus[i].bus_id, i, i, gpus[i].links);
    xml += fmt::format(
        "<pci busid=\"0000:f{}:00.0\" class=\"0x020700\" link_speed=\"32.0 GT/s PCIe\" "
        "link_width=\"16\">\n"
        "<nic>\n<net name=\"mlx5_{}\" dev=\"{}\" speed=\"{}\" port=\"1\" guid=\"0x1\" "
        "gdr=\"1\"/>\n</nic>\n"
        "</pci>\n</pci>\n",
        i, nics[i], i, i == 1 ? speed_of_second_nic : 400000);
  }
  return xml + "</cpu>\n</system>\n";
}

std::string bytes_of(const std::string& yaml, const std::string& key) {
  const std::size_t at = yaml.find('\n' + key + ": ");
  return at == std::string::npos ? "" : yaml.substr(at + 1, yaml.find('\n', at + 1) - at - 1);
}

}  // namespace

#if LOCKSTEP_HAS_HWLOC

TEST_CASE("discover: NCCL's topology that agrees adds nothing", "[model]") {
  const TemporaryFolder folder;
  const Gathered with =
      gathered(discover_fixture("dgx-h100"), folder.file("topo.xml", dump(dgx_h100)));
  CHECK(with.facts.remarks.empty());
  CHECK(with.facts.gpu_source == "NVML");
}

TEST_CASE("discover: contradictions between NCCL's topology and the rest", "[model]") {
  std::vector<DumpedGpu> gpus = dgx_h100;
  gpus[2].links = 12;
  gpus.pop_back();
  const TemporaryFolder folder;
  const Gathered with =
      gathered(discover_fixture("dgx-h100"), folder.file("topo.xml", dump(gpus, 200000)));
  CHECK(with.facts.remarks ==
        std::vector<std::string>{
            "8 GPUs by NVML and 7 in NCCL's topology",
            "GPU 2 (0000:52:00.0) has 18 active NVLinks by NVML and 12 in NCCL's topology: a link "
            "went up or down between the "
            "two, or the file is of another node",
            "NCCL's topology has no GPU at 0000:df:00.0, where NVML has GPU 7",
            "mlx5_3 runs at 400 Gb/s by hwloc and at 200 Gb/s in NCCL's topology"});
  // What NVML and hwloc say counts.
  CHECK(read_node(with.facts).system.gpus_per_node == 8);
}

// Without NVML: 18 NVLinks of compute capability 9.0 at 25 GB/s; one GPU below each switch.
TEST_CASE("discover: NCCL's topology stands in for NVML", "[model]") {
  const ChangedFixture fixture("dgx-h100");
  fixture.remove(nvml_file);
  const TemporaryFolder folder;
  const Gathered with = gathered(fixture.path(), folder.file("topo.xml", dump(dgx_h100)));
  CHECK(with.no_gpus.empty());
  CHECK(with.facts.gpu_source == "NCCL's topology");
  const NodeSystem node = read_node(with.facts);
  CHECK(node.base == "dgx-h100");
  CHECK(node.gpu.name == "h100-sxm-80gb");
  CHECK(node.gpu.assumed ==
        std::vector<std::string>{
            "GPU: h100-sxm-80gb, by compute capability 9.0; nothing says its name"});
  const std::string yaml = system_yaml(with.facts, node, "node");
  CHECK(bytes_of(yaml, "gpus_per_node") == "gpus_per_node: 8  # NCCL's topology");
  CHECK(bytes_of(yaml, "link_bandwidth") ==
        "link_bandwidth: {value: 450 GB/s, kind: datasheet, spread: 0%, source: \"NCCL's topology: "
        "18 active NVLinks a GPU; "
        "25 GB/s of one per direction by NVIDIA's data sheets\"}");
  CHECK(bytes_of(yaml, "nvswitch_planes").empty());
  CHECK(std::find(node.inherited.begin(), node.inherited.end(), "nvswitch_planes") !=
        node.inherited.end());
  CHECK(parse_cluster(yaml, "node.yaml", bundled_catalog()).system.nvswitch_planes == 4);
}

#endif

// Nothing but NCCL's file: its switches and NICs are the node's.
TEST_CASE("discover: NCCL's topology alone", "[model]") {
  NodeFacts facts;
  add_nccl_topology(dump(dgx_h100), "topo.xml", facts);
  CHECK(facts.remarks.empty());
  CHECK(facts.host.source == "NCCL's topology");
  const NodeSystem node = read_node(facts);
  CHECK(node.system.gpus_per_pcie_switch == 1);
  CHECK(node.system.nics_per_node == 8);
  CHECK(node.system.nic_bandwidth.value == Approx(50e9));
  CHECK(node.found.nics.why == "the fastest NICs that share a PCIe switch with a GPU");
  CHECK(node.base == "dgx-h100");
  CHECK(node.inherited == std::vector<std::string>{"nvswitch_planes", "sockets", "cpu_vendor",
                                                   "peer_to_peer", "host_memory_bandwidth"});
}

TEST_CASE("discover: NCCL's topology that is none", "[model]") {
  NodeFacts facts;
  try {
    add_nccl_topology("<graphs version=\"1\"/>", "topo.xml", facts);
    FAIL("no error");
  } catch (const InputError& error) {
    CHECK(
        std::string(error.what()) ==
        "topo.xml:1:2: error[E220]: an NCCL topology file begins with <system>, not with <graphs>\n"
        "    1 | <graphs version=\"1\"/>\n      |  ^~~~~~\n"
        "      = hint: this is a graph file: give it as --nccl-graph, or the key nccl_graph of a "
        "cluster\n");
  }
}
