// The readers of NCCL's dumps end every text with a result or an InputError, and what they read can
// be costed.
#include <cstddef>
#include <cstdint>
#include <string>

#include "scenarios/diagnostics.hpp"
#include "scenarios/nccl_xml.hpp"
#include "tests/support/nccl_cluster.hpp"

namespace {

void cost(const lockstep::nccl::ImportedFiles& imported) {
  lockstep::Cluster cluster = lockstep::testing::h100(4);
  cluster.imported = imported;
  for (const std::int64_t nodes : {1, 4}) {
    const lockstep::nccl::NcclGroup group = lockstep::testing::group_of(cluster, 8 * nodes, nodes);
    for (const lockstep::Collective collective : lockstep::all_collectives)
      (void)lockstep::nccl::choose(group, collective, lockstep::Bytes{1e6});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  lockstep::nccl::ImportedFiles imported;
  try {
    imported.topology = lockstep::parse_nccl_topology(text, "fuzz.xml");
    (void)lockstep::system_yaml(*imported.topology, "generic-h100-sxm-80gb");
    cost(imported);
    (void)lockstep::base_system(*imported.topology);
  } catch (const lockstep::InputError&) {
  }
  imported.topology.reset();
  try {
    imported.graphs = lockstep::parse_nccl_graphs(text, "fuzz.xml");
    cost(imported);
  } catch (const lockstep::InputError&) {
  }
  return 0;
}
