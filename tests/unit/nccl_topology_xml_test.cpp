// What does a dump of NCCL_TOPO_DUMP_FILE say of a node, and how is a wrong one refused?
#include "tests/support/nccl_dump.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

std::string complaints(const std::string& xml) {
  try {
    (void)parse_nccl_topology(xml, "t.xml");
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

std::string system_of(const std::string& inside) {
  return "<system version=\"1\">\n<cpu numaid=\"0\" arch=\"x86_64\" vendor=\"GenuineIntel\">\n" +
         inside + "</cpu>\n</system>\n";
}

}  // namespace

TEST_CASE("topology dump: a DGX H100") {
  const nccl::ImportedTopology dump = topology_of("dgx_h100.topology.xml");
  CHECK(dump.gpus == 8);
  CHECK(dump.hosts == 1);
  CHECK(dump.sockets == 2);
  CHECK(dump.compute_capability == 90);
  CHECK(dump.nvlinks == 18);  // 5 + 4 + 4 + 5 to the four NVSwitches
  CHECK(dump.nvswitch);
  CHECK(dump.pcie_generation == 5);
  CHECK(dump.pcie_width == 16);
  CHECK(dump.slot == 48.0);  // 16 * 240 / 80
  CHECK(dump.pcie_switches == 8);
  CHECK(dump.nics == 8);
  CHECK(dump.nic_rate == 50.0);  // 400,000 Mb/s
  CHECK(dump.rails == 8);
  CHECK(dump.planes == 1);
  CHECK(dump.notes == std::vector<std::string>{"1 slower NIC is left out"});
  // 18 links of 20.6 GB/s; each GPU has its own NIC behind the same switch, 48 of its 50 GB/s.
  const nccl::ImportedLinks& all = dump.first.at(7);
  CHECK(all.link == Approx(370.8));
  CHECK(all.path_inside == nccl::PathType::nvlink);
  CHECK(all.nics == 8);
  CHECK(all.nic == 48.0);
  CHECK(all.path_across == nccl::PathType::pcie_switch);
  CHECK(dump.first.at(0).nics == 1);
  CHECK(dump.first.at(0).link == 0.0);
}

TEST_CASE("topology dump: an A100 node of the cloud, as NCCL sees it") {
  const nccl::ImportedTopology dump = topology_of("a100_ndv4.topology.xml");
  CHECK(dump.sockets == 4);
  CHECK(dump.nvlinks == 12);
  CHECK(dump.slot == 24.0);
  CHECK(dump.nic_rate == 25.0);
  CHECK(dump.first.at(7).link == Approx(240.0));
  // Two GPUs and two NICs share a switch: one GPU has both of them as near.
  CHECK(dump.first.at(0).nics == 2);
  CHECK(dump.first.at(1).nics == 2);
  CHECK(dump.first.at(2).nics == 4);
  CHECK(dump.first.at(7).nics == 8);
}

TEST_CASE("topology dump: a hybrid cube mesh counts the links inside the group") {
  const nccl::ImportedTopology dump = topology_of("dgx_1v.topology.xml");
  CHECK_FALSE(dump.nvswitch);
  CHECK(dump.nvlinks == 6);
  // GPUs 0 and 1 share one link; 0 to 3 have 1+1+2, 1+2+1, 1+2+2, 2+1+2: the fewest is 4; all
  // have 6.
  CHECK(dump.first.at(1).link == Approx(20.0));
  CHECK(dump.first.at(3).link == Approx(80.0));
  CHECK(dump.first.at(7).link == Approx(120.0));
  CHECK(dump.first.at(7).nvlink);
  CHECK_FALSE(dump.first.at(7).nvswitch);
}

TEST_CASE("topology dump: two GeForce cards under one Intel CPU") {
  const nccl::ImportedTopology dump = topology_of("rtx2080ti_pair.topology.xml");
  CHECK(dump.nvlinks == 0);
  CHECK(dump.nics == 0);
  const nccl::ImportedLinks& pair = dump.first.at(1);
  CHECK_FALSE(pair.nvlink);
  CHECK(pair.path_inside == nccl::PathType::host_bridge);
  CHECK(pair.link == 12.0);  // PCIe 3 x16
  CHECK(pair.peer_share == Approx(5.0 / 6.0));
  CHECK(dump.notes == std::vector<std::string>{"it names no NIC: the network is the system's"});
}

TEST_CASE("topology dump: NVLink over two hosts") {
  const nccl::ImportedTopology dump = topology_of("gb200_two_trays.topology.xml");
  CHECK(dump.gpus == 8);
  CHECK(dump.hosts == 2);
  CHECK(dump.nics == 4);  // of one host
  CHECK(dump.cpu_arch == "arm64");
  CHECK(dump.chip_to_chip == Approx(447.12));  // 10 links of 44,712 MB/s
  CHECK(dump.first.at(7).link == Approx(721.8));
  CHECK(dump.first.at(7).nics == 8);
  // The NIC hangs on the CPU, which the GPU reaches over NVLink-C2C: P2C.
  CHECK(dump.first.at(7).path_across == nccl::PathType::peer_nic);
  CHECK(dump.first.at(7).nic == 48.0);
}

TEST_CASE("topology dump: slots alone say nothing of links") {
  const nccl::ImportedTopology dump = topology_of("cloud_slots_only.topology.xml");
  CHECK(dump.gpus == 0);
  CHECK(dump.nics == 0);
  CHECK(dump.first.empty());
  CHECK(dump.cpu_vendor == "AuthenticAMD");
  CHECK(dump.notes ==
        std::vector<std::string>{"it names no GPU and no NIC, as files of cloud machines do: "
                                 "NVLinks and NICs are the system's"});
}

TEST_CASE("topology dump: a NIC without GPUDirect, across the sockets, over a peer") {
  const auto card = [](int dev, const std::string& more) {
    return "<pci busid=\"" + std::to_string(dev) +
           "\" link_speed=\"16.0 GT/s PCIe\" link_width=\"16\"><gpu dev=\"" + std::to_string(dev) +
           "\" sm=\"80\" gdr=\"1\">" + more + "</gpu></pci>";
  };
  const auto nic = [](const std::string& gdr) {
    return "<nic><net name=\"mlx5_0\" dev=\"0\" speed=\"100000\" gdr=\"" + gdr + "\"/></nic>";
  };
  const auto two_sockets = [](const std::string& first, const std::string& second) {
    return "<system version=\"1\"><cpu arch=\"x86_64\" vendor=\"AuthenticAMD\">" + first +
           "</cpu><cpu arch=\"x86_64\" vendor=\"AuthenticAMD\">" + second + "</cpu></system>";
  };
  const std::string behind_switch =
      "<pci busid=\"s\" link_speed=\"16.0 GT/s PCIe\" link_width=\"16\">" + card(0, "") + nic("0") +
      "</pci>";
  // A switch between them, but no GPUDirect: through the CPU.
  CHECK(parse_nccl_topology(system_of(behind_switch), "t.xml").first.at(0).path_across ==
        nccl::PathType::host_bridge);
  // The other socket: AMD passes 16 GB/s, the NIC has 12.5.
  const nccl::ImportedTopology far =
      parse_nccl_topology(two_sockets(card(0, ""), nic("1")), "t.xml");
  CHECK(far.first.at(0).path_across == nccl::PathType::socket);
  CHECK(far.first.at(0).nic == 12.5);
  // PXN: GPU 1 on the other socket reaches the NIC over its NVLink peer, GPU 0 beside the NIC.
  const std::string link = "<nvlink target=\"x\" count=\"4\" tclass=\"0x068000\"/>";
  const std::string near = "<pci busid=\"s\" link_speed=\"16.0 GT/s PCIe\" link_width=\"16\">" +
                           card(0, link) + nic("1") + "</pci>";
  const nccl::ImportedTopology peer =
      parse_nccl_topology(two_sockets(near, card(1, link)), "t.xml");
  CHECK(peer.first.at(0).path_across == nccl::PathType::pcie_switch);
  CHECK(peer.first.at(1).path_across == nccl::PathType::peer_nic);
  CHECK(peer.first.at(1).nics == 1);
}

TEST_CASE("topology dump: what is not known passes, and is listed") {
  const nccl::ImportedTopology dump = parse_nccl_topology(
      system_of(
          "<pci busid=\"1\" new=\"x\" link_speed=\"\" link_width=\"0\"><gpu dev=\"0\" sm=\"80\" "
          "later=\"1\"><warp count=\"1\"/><nvlink target=\"a\" count=\"1\" "
          "tclass=\"0x999\"/></gpu></pci>"
          "<numa/>"),
      "t.xml");
  CHECK(dump.slot == 12.0);  // NCCL's defaults: 8 GT/s, 16 lanes
  CHECK(dump.notes ==
        std::vector<std::string>{
            "1 PCIe node has no link_speed that NCCL knows: taken as 8 GT/s, as NCCL does",
            "it names no NIC: the network is the system's", "ignored: 1 x <numa>",
            "ignored: 1 x <nvlink to class 0x999>", "ignored: 1 x <warp>"});
}

TEST_CASE("topology dump: what is no such file") {
  const std::string give =
      "      = hint: give a file that NCCL_TOPO_DUMP_FILE or NCCL_GRAPH_DUMP_FILE wrote\n";
  CHECK(complaints("") ==
        "t.xml:1:1: error[E120]: this is not XML: no document element found\n" + give);
  CHECK(complaints("# nccl-tests\n") ==
        "t.xml:1:1: error[E120]: this is not XML: no document element found\n    1 | # "
        "nccl-tests\n      | ^\n" +
            give);
  CHECK(complaints("<a>\n<b></a>") ==
        "t.xml:2:6: error[E120]: this is not XML: start-end tags mismatch\n    2 | <b></a>\n      "
        "|      ^\n" +
            give);
  CHECK(complaints("<html/>") ==
        "t.xml:1:2: error[E220]: an NCCL topology file begins with <system>, not with <html>\n    "
        "1 | <html/>\n"
        "      |  ^~~~\n" +
            give);
  CHECK(complaints("<graphs version=\"1\"/>") ==
        "t.xml:1:2: error[E220]: an NCCL topology file begins with <system>, not with <graphs>\n"
        "    1 | <graphs version=\"1\"/>\n      |  ^~~~~~\n"
        "      = hint: this is a graph file: give it as --nccl-graph, or the key nccl_graph of a "
        "cluster\n");
  CHECK(complaints("<system/>") ==
        "t.xml:1:2: error[E221]: <system> lacks the attribute 'version'\n    1 | <system/>\n      "
        "|  ^~~~~~\n"
        "      = hint: NCCL needs it; is the file as NCCL wrote it?\n");
  CHECK(complaints("<system version=\"2\"/>") ==
        "t.xml:1:18: error[E222]: version 2 of an NCCL topology file is not known\n    1 | <system "
        "version=\"2\"/>\n"
        "      |                  ^\n"
        "      = hint: NCCL writes version 1 since 2.5; a newer one may mean other things\n");
  CHECK(complaints("<system version=\"1\"/>") ==
        "t.xml:1:2: error[E221]: <system> has no <cpu>\n    1 | <system version=\"1\"/>\n      |  "
        "^~~~~~\n"
        "      = hint: NCCL puts every device below the CPU that it hangs on\n");
  CHECK(complaints("<system version=\"1\"/><system version=\"1\"/>") ==
        "t.xml:1:23: error[E121]: the file has a second root element\n"
        "    1 | <system version=\"1\"/><system version=\"1\"/>\n      |                       ^\n"
        "      = hint: one file holds one dump: split it\n");
  CHECK(complaints(std::string("<system\0/>", 10)) ==
        "t.xml:1:8: error[E103]: the byte 0x00 does not belong into a UTF-8 text\n"
        "    1 | <system\xEF\xBF\xBD/>\n      |        ^\n" +
            give);
}

TEST_CASE("topology dump: entities are not expanded, nesting has an end") {
  const std::string bomb =
      "<!DOCTYPE s [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>\n<system "
      "version=\"1\">&b;</system>\n";
  CHECK(complaints(bomb) ==
        "t.xml:1:11: error[E121]: a document type is not accepted\n"
        "    1 | <!DOCTYPE s [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>\n      |           ^\n"
        "      = hint: NCCL writes none: remove the <!DOCTYPE …>\n");
  std::string deep = "<system version=\"1\">";
  for (int i = 0; i < 100'000; ++i) deep += "\n<x>";
  for (int i = 0; i < 100'000; ++i) deep += "</x>";
  CHECK(complaints(deep + "</system>") ==
        "t.xml:65:2: error[E106]: elements are nested more than 64 deep\n   65 | <x>\n      |  ^\n"
        "      = hint: NCCL's files nest ten deep at most; is this the right file?\n");
  std::string slots;
  for (int i = 0; i < 17; ++i) slots += "<pci busid=\"a\">\n";
  for (int i = 0; i < 17; ++i) slots += "</pci>";
  CHECK(complaints(system_of(slots)) ==
        "t.xml:19:2: error[E223]: <pci> is nested more than 16 deep\n   19 | <pci busid=\"a\">\n   "
        "   |  ^~~\n"
        "      = hint: PCIe trees have three or four levels\n");
}

TEST_CASE("topology dump: every wrong attribute in one run") {
  CHECK(
      complaints(system_of(
          "<pci busid=\"1\" link_width=\"9999\">\n<gpu dev=\"-1\">\n"
          "<nvlink count=\"70\" tclass=\"0x068000\"/>\n<c2c bw=\"fast\" count=\"2\"/></gpu></pci>\n"
          "<nic><net dev=\"0\" speed=\"\"/></nic>\n")) ==
      "t.xml:3:28: error[E222]: 'link_width' cannot be '9999'\n"
      "    3 | <pci busid=\"1\" link_width=\"9999\">\n      |                            ^~~~\n"
      "      = hint: a whole number from 0 to 64\n"
      "t.xml:4:11: error[E222]: 'dev' cannot be '-1'\n    4 | <gpu dev=\"-1\">\n      |           "
      "^~\n"
      "      = hint: a whole number from 0 to 4096\n"
      "t.xml:4:2: error[E221]: <gpu> lacks the attribute 'sm'\n    4 | <gpu dev=\"-1\">\n      |  "
      "^~~\n"
      "      = hint: NCCL needs it; is the file as NCCL wrote it?\n"
      "t.xml:5:16: error[E222]: 'count' cannot be '70'\n"
      "    5 | <nvlink count=\"70\" tclass=\"0x068000\"/>\n      |                ^~\n"
      "      = hint: a whole number from 0 to 64\n"
      "t.xml:6:10: error[E222]: 'bw' cannot be 'fast'\n"
      "    6 | <c2c bw=\"fast\" count=\"2\"/></gpu></pci>\n      |          ^~~~\n"
      "      = hint: a number from 0 to 10000000\n"
      "t.xml:7:26: error[E222]: 'speed' cannot be ''\n"
      "    7 | <nic><net dev=\"0\" speed=\"\"/></nic>\n      |                          ^\n"
      "      = hint: a whole number from -1 to 100000000\n");
}

TEST_CASE("topology dump: more GPUs than a domain has") {
  std::string many;
  for (int i = 0; i < 1025; ++i) many += "<pci busid=\"1\"><gpu dev=\"0\" sm=\"90\"/></pci>\n";
  CHECK(complaints(system_of(many)) ==
        "t.xml:1:2: error[E223]: 1025 GPUs, more than 1024\n    1 | <system version=\"1\">\n      "
        "|  ^~~~~~\n"
        "      = hint: one file is one node, or one NVLink domain\n");
}

TEST_CASE("topology dump: the system of the catalog that it is laid over") {
  CHECK(base_system(topology_of("dgx_h100.topology.xml")) == "generic-h100-sxm-80gb");
  CHECK(base_system(topology_of("a100_ndv4.topology.xml")) == "generic-a100-sxm-80gb");
  CHECK(base_system(topology_of("dgx_1v.topology.xml")) == "generic-v100-sxm-32gb");
  CHECK(base_system(topology_of("gb200_two_trays.topology.xml")) == "generic-gb200");
  CHECK(base_system(topology_of("rtx2080ti_pair.topology.xml")) == "generic-rtx-2080-ti");
  const std::string unknown =
      replaced(dump_text("rtx2080ti_pair.topology.xml"), "sm=\"75\"", "sm=\"61\"");
  try {
    (void)base_system(parse_nccl_topology(replaced(unknown, "sm=\"75\"", "sm=\"61\""), "t.xml"));
    FAIL("no error");
  } catch (const InputError& error) {
    CHECK(std::string(error.what()) ==
          "t.xml: error[E305]: the catalog has no GPU of compute capability 61\n"
          "      = hint: name the system that is nearest, one of `lockstep list systems`, before "
          "the options\n");
  }
}

TEST_CASE("topology dump: as a system it says the same again") {
  const nccl::ImportedTopology dump = topology_of("dgx_h100.topology.xml");
  CHECK(
      system_yaml(dump, "generic-h100-sxm-80gb") ==
      "# From the NCCL topology file dgx_h100.topology.xml.\n"
      "based_on: generic-h100-sxm-80gb\n"
      "description: 8 GPUs of compute capability 90 per node\n"
      "gpus_per_node: 8\n"
      "gpus_per_nvlink_domain: 8\n"
      "intra_node: nvswitch\n"
      "link_bandwidth: {value: 450 GB/s, kind: measured, spread: 0%, source: \"NCCL topology file "
      "dgx_h100.topology.xml: 18 NVLinks\"}\n"
      "pcie_generation: 5\n"
      "nics_per_node: 8\n"
      "nic_bandwidth: {value: 400 Gb/s, kind: measured, spread: 0%, source: \"NCCL topology file "
      "dgx_h100.topology.xml: speed of its NICs\"}\n"
      "cpu_vendor: intel\n");
}
