// `lockstep-validate discover`: arguments to exit code, standard output and standard error.
#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/report/display.hpp"
#include "tests/catch.hpp"
#include "tests/support/discover_fixture.hpp"
#include "validate/command_line.hpp"

using namespace lockstep;
using namespace lockstep::test;

namespace {

struct Result {
  int code = 0;
  std::string out;
  std::string err;
};

Result discover(std::vector<std::string> words) {
  words.insert(words.begin(), "discover");
  std::ostringstream out, err;
  Result result;
  result.code = lockstep::validation::run(words, out, err, {});
  result.out = out.str();
  result.err = err.str();
  return result;
}

void check_columns(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    CHECK(display_width(line) <= 100);
  }
}

}  // namespace

TEST_CASE("discover: this machine, whatever it has", "[cli]") {
  const Result text = discover({});
  CHECK(text.code == 0);
  CHECK(text.err.empty());
  CHECK(text.out.find("socket 0") != std::string::npos);
  check_columns(text.out);
  const Result json = discover({"--format", "json"});
  CHECK(json.code == 0);
  const auto parsed = nlohmann::json::parse(json.out);
  CHECK(parsed["schema_version"] == 1);
  CHECK_FALSE(parsed["host"]["sockets"].empty());
}

TEST_CASE("discover: what cannot be asked for", "[cli]") {
  const std::string help = "  = help: lockstep-validate --help\n";
  Result result = discover({"node.xml"});
  CHECK(result.code == 2);
  CHECK(result.err ==
        "lockstep-validate: discover takes no file: 'node.xml'\n"
        "  = hint: --from DIR looks at a recorded node, --nccl-topology FILE at NCCL's dump\n" +
            help);
  result = discover({"--from", "a", "--record", "b"});
  CHECK(result.code == 2);
  CHECK(result.err ==
        "lockstep-validate: --from and --record exclude each other\n"
        "  = hint: --record looks at this machine, --from at a recorded one\n" +
            help);
  result = discover({"--name", "my node"});
  CHECK(result.code == 2);
  CHECK(result.err ==
        "lockstep-validate: --name is 'my node'\n"
        "  = hint: letters, digits, '-', '_' and '.', such as my-node\n" +
            help);
}

TEST_CASE("discover: help", "[cli]") {
  const Result result = discover({"--help"});
  CHECK(result.code == 0);
  CHECK(std::count(result.out.begin(), result.out.end(), '\n') <= 40);
  check_columns(result.out);
}

TEST_CASE("discover: a folder without a record", "[cli]") {
  const TemporaryFolder folder;
  const Result result = discover({"--from", folder.path().string()});
  CHECK(result.code == 3);
  CHECK(result.err ==
        folder.path().string() +
            ": error[E656]: this folder has neither nvml.json nor hwloc.xml\n"
            "      = hint: `lockstep-validate discover --record DIR` writes both on the node\n");
}

#if LOCKSTEP_HAS_HWLOC

TEST_CASE("discover: the picture of a PCIe box", "[cli]") {
  const Result result = discover({"--from", discover_fixture("pcie-box")});
  CHECK(result.code == 0);
  CHECK(result.err.empty());
  CHECK(
      result.out ==
      "node pcie-box, Supermicro AS -4124GS-TNR; from NVML, driver 550.90.07 and hwloc\n"
      "8 x NVIDIA GeForce RTX 4090, 24.0 GiB, 450 W, PCIe 4.0 x16\n"
      "\n"
      "socket 0 AMD EPYC 7763 64-Core Processor, NUMA node 0, 252 GiB\n"
      "  GPU 0 0000:01:00.0\n"
      "  GPU 1 0000:25:00.0\n"
      "  GPU 2 0000:41:00.0\n"
      "  GPU 3 0000:61:00.0\n"
      "  NIC enp69s0f0 0000:45:00.0 Ethernet 100 Gb/s\n"
      "socket 1 AMD EPYC 7763 64-Core Processor, NUMA node 1, 252 GiB\n"
      "  GPU 4 0000:81:00.0\n"
      "  GPU 5 0000:a1:00.0\n"
      "  GPU 6 0000:c1:00.0\n"
      "  GPU 7 0000:e1:00.0\n"
      "  NIC eno1 0000:c5:00.0 Ethernet 10.0 Gb/s\n"
      "  NIC eno2 0000:c7:00.0 Ethernet rate not stated, down\n"
      "\n"
      "system: 8 x NVIDIA GeForce RTX 4090, PCIe, 1 x Ethernet 100 Gb/s\n"
      "this looks like rtx4090-pcie: 8 RTX 4090 on PCIe 4.0, no peer access, one 100 Gb/s NIC\n"
      "  - gpus_per_pcie_switch: 0 (rtx4090-pcie: 2)\n"
      "\n"
      "NICs for training: enp69s0f0; the fastest NIC\n"
      "\n"
      "other NICs\n"
      "  - eno2: down\n"
      "  - eno1: 10.0 Gb/s, too slow beside 100 Gb/s; management or storage\n"
      "\n"
      "assumed\n"
      "  - host_memory_bandwidth: every memory channel of the CPUs in use, 75 % of the datasheet\n"
      "  - pcie_bandwidth: 25.0 GB/s, as in rtx4090-pcie with its slot, PCIe 4.0 x16; "
      "`lockstep-validate\n"
      "    kernels` measures it\n"
      "\n"
      "write it with: lockstep-validate discover -o my-node.yaml\n");
}

TEST_CASE("discover: the pictures of DGX nodes show switches and NVLinks in 100 columns", "[cli]") {
  for (const char* name : {"dgx-a100", "dgx-h100"}) {
    const Result result = discover({"--from", discover_fixture(name)});
    CHECK(result.code == 0);
    check_columns(result.out);
  }
  const std::string text = discover({"--from", discover_fixture("dgx-h100")}).out;
  CHECK(text.find("  PCIe switch 0000:16:00.0\n    GPU 0 0000:1b:00.0, 18 NVLinks to 4 NVSwitches\n"
                  "    NIC mlx5_0 (ibp24s0) 0000:18:00.0 InfiniBand 400 Gb/s\n") !=
        std::string::npos);
}

TEST_CASE("discover: the YAML of a DGX A100, whole", "[cli]") {
  const Result result = discover(
      {"--from", discover_fixture("dgx-a100"), "--format", "yaml", "--name", "selene-node"});
  CHECK(result.code == 0);
  CHECK(
      result.out ==
      "# selene-node: this node on 2026-11-23 by `lockstep-validate discover`, from NVML (driver\n"
      "# 535.129.03) and hwloc, host dgx-a100.\n"
      "# It looks like dgx-a100-80gb in every key of the hardware.\n"
      "# Assumed:\n"
      "#   - host_memory_bandwidth: every memory channel of the CPUs in use, 75 % of the "
      "datasheet\n"
      "#   - pcie_bandwidth: 25.0 GB/s, as in dgx-a100-80gb with its slot, PCIe 4.0 x16; "
      "`lockstep-validate\n"
      "#     kernels` measures it\n"
      "# Of dgx-a100-80gb too: what a training step leaves of nccl-tests' rates (link_share, "
      "network_share\n"
      "# …) and the NCCL version; `lockstep calibrate` replaces the first.\n"
      "based_on: dgx-a100-80gb\n"
      "description: \"8 x NVIDIA A100-SXM4-80GB, NVSwitch, 8 x InfiniBand 200 Gb/s\"\n"
      "gpu: a100-sxm-80gb\n"
      "gpus_per_node: 8  # NVML on 2026-11-23\n"
      "gpus_per_nvlink_domain: 8  # NVML on 2026-11-23\n"
      "intra_node: nvswitch  # NVML on 2026-11-23\n"
      "nvswitch_planes: 6  # NVML on 2026-11-23: NVSwitches that a GPU's NVLinks lead to\n"
      "gpus_per_pcie_switch: 2  # hwloc on 2026-11-23\n"
      "sockets: 2  # hwloc on 2026-11-23\n"
      "link_bandwidth: {value: 300 GB/s, kind: datasheet, spread: 0%, source: \"NVML on "
      "2026-11-23: 12 active NVLinks a "
      "GPU; 25 GB/s of one per direction by NVIDIA's data sheets\"}\n"
      "nics_per_node: 8  # the fastest NICs that share a PCIe switch with a GPU\n"
      "nic_bandwidth: {value: 200 Gb/s, kind: measured, spread: 0%, source: \"hwloc on 2026-11-23: "
      "rate of mlx5_0, "
      "mlx5_1, mlx5_2, mlx5_3 and 4 more\"}\n"
      "host_memory_bandwidth: {value: 307.2 GB/s, kind: assumed, spread: 25%, source: \"2 x AMD "
      "EPYC 7742 64-Core "
      "Processor: 409.6 GB/s by datasheet with every channel in use, 75 % of it\"}\n"
      "network: infiniband  # hwloc on 2026-11-23\n"
      "cpu_vendor: amd  # hwloc on 2026-11-23\n"
      "pcie_generation: 4  # NVML on 2026-11-23\n"
      "peer_to_peer: true  # NVML on 2026-11-23\n");
}

TEST_CASE("discover: the YAML serves topology, collectives and scenarios", "[cli]") {
  const TemporaryFolder folder;
  for (const char* name : {"dgx-a100", "dgx-h100", "pcie-box"}) {
    const std::string file = (folder.path() / (std::string(name) + "-node.yaml")).string();
    const Result written = discover({"--from", discover_fixture(name), "-o", file});
    CHECK(written.code == 0);
    CHECK(written.out.empty());
    CHECK(written.err == "written: " + file + "\n");
    CHECK(run_lockstep({"topology", file}).code == 0);
    CHECK(run_lockstep({"collectives", file, "-c", "all_gather"}).code == 0);
  }
  // What is the same in every key predicts the same.
  const std::string file = (folder.path() / "dgx-a100-node.yaml").string();
  Finished own = run_lockstep({"collectives", file, "-c", "all_reduce", "--format", "csv"});
  CHECK(own.code == 0);
  const std::string name = "\ndgx-a100-node,";
  const std::string catalogs = "\ndgx-a100-80gb,";
  for (std::size_t at = 0; (at = own.out.find(name, at)) != std::string::npos; ++at)
    own.out.replace(at, name.size(), catalogs);
  CHECK(
      (own.out ==
       run_lockstep({"collectives", "dgx-a100-80gb", "-c", "all_reduce", "--format", "csv"}).out));
  const Finished step = run_lockstep(
      {"simulate", bundled("llama3-70b-64xh100.yaml"), "--plan", "tp8-pp2", "--format", "json",
       "--set", "cluster.system=" + (folder.path() / "dgx-h100-node.yaml").string()});
  CHECK(step.code == 0);
  const auto json = nlohmann::json::parse(step.out);
  CHECK(json["scenario"]["cluster"] ==
        "64 × H100 SXM5 80 GB (8 nodes, 8 × 400 Gb/s, rail-optimised)");
}

TEST_CASE("discover: JSON has facts, system and YAML, and says the same twice", "[cli]") {
  const std::vector<std::string> words{"--from", discover_fixture("dgx-h100"), "--format", "json"};
  const Result result = discover(words);
  CHECK(result.code == 0);
  CHECK(result.out == discover(words).out);
  const auto json = nlohmann::json::parse(result.out);
  CHECK(json["gpu_source"] == "NVML");
  CHECK(json["nvml"]["gpus"].size() == 8);
  CHECK(json["host"]["gpu_places"][0]["pcie_switches"][0] == "0000:16:00.0");
  const auto& system = json["system"];
  CHECK(system["looks_like"] == "dgx-h100");
  CHECK(system["gpu"] == "h100-sxm-80gb");
  CHECK(system["gpu_in_catalog"] == true);
  CHECK(system["link_bandwidth_bytes_per_s"] == 450e9);
  CHECK(system["training_nics"].size() == 8);
  CHECK(system["differences"].size() == 1);
  CHECK(system["yaml"].get<std::string>().find("based_on: dgx-h100\n") != std::string::npos);
}

TEST_CASE("discover: a record of no GPUs shows the host and has no YAML", "[cli]") {
  const ChangedFixture fixture("pcie-box");
  fixture.edit_nvml([](auto& json) { json["gpus"] = nlohmann::ordered_json::array(); });
  const Result text = discover({"--from", fixture.path()});
  CHECK(text.code == 0);
  CHECK(text.out.find("\nno GPUs: nvml.json lists none\n"
                      "A system of the catalog is made of GPUs, so that there is no YAML of this "
                      "node. `lockstep-validate\n"
                      "    mpi` measures its CPUs and network.\n"
                      "\nto look at\n"
                      "  - PCIe shows 8 NVIDIA GPUs that no driver tells about: is the driver "
                      "installed and loaded, and may\n"
                      "    this process use it?\n") != std::string::npos);
  const Result yaml = discover({"--from", fixture.path(), "--format", "yaml"});
  CHECK(yaml.code == 77);
  CHECK(yaml.out.empty());
  CHECK(yaml.err ==
        "lockstep-validate: skipped: a system of the catalog is made of GPUs, and here are none: "
        "nvml.json lists "
        "none; --format text shows what is here\n");
}

TEST_CASE("discover: a topology that was cut off", "[cli]") {
  const ChangedFixture fixture("dgx-h100");
  const std::string xml = fixture.text(hwloc_file);
  fixture.write(hwloc_file, xml.substr(0, xml.size() / 2));
  const Result result = discover({"--from", fixture.path()});
  CHECK(result.code == 3);
  CHECK(result.err ==
        fixture.path() +
            "/hwloc.xml: error[E655]: hwloc cannot read this file as a topology\n"
            "      = hint: was it cut off? `lstopo --of xml FILE` and `lockstep-validate discover "
            "--record DIR`\n              write such files\n");
}

TEST_CASE("discover: this machine's record is read back", "[cli]") {
  const TemporaryFolder folder;
  const std::string record = (folder.path() / "record").string();
  const Result here = discover({"--record", record});
  CHECK(here.code == 0);
  CHECK(here.err.find("recorded in " + record + ": ") == 0);
  const Result again = discover({"--from", record});
  CHECK(again.code == 0);
  CHECK(again.out.find("socket 0") != std::string::npos);
}

#endif
