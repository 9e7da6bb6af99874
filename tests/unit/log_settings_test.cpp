#include "validate/log_settings.hpp"

#include "tests/catch.hpp"

using namespace lockstep;

namespace {

struct Applied {
  System system;
  std::vector<std::string> said;
};

Applied applied(const std::string& notes) {
  LogMetadata metadata;
  metadata.text["notes"] = notes;
  Applied result;
  result.said = apply_log_settings(metadata, result.system);
  return result;
}

using Said = std::vector<std::string>;

}  // namespace

TEST_CASE("log settings: what NCCL was told counts") {
  const Applied both = applied("run with NCCL_ALGO=NVLSTree, NCCL_PROTO=Simple.");
  CHECK(both.system.nccl_algorithm == NcclAlgorithmSetting::nvls_tree);
  CHECK(both.system.nccl_protocol == NcclProtocolSetting::simple);
  CHECK(both.said ==
        Said{"NCCL_ALGO=nvlstree, as the notes say", "NCCL_PROTO=simple, as the notes say"});
  // NCCL 2.4 used rings only where trees were allowed up to size 0.
  CHECK(applied("NCCL_TREE_THRESHOLD=0 (ring only)").system.nccl_algorithm ==
        NcclAlgorithmSetting::ring);
}

TEST_CASE("log settings: what is not understood is said, and nothing is set") {
  for (const char* notes :
       {"NCCL_ALGO=^Tree", "NCCL_ALGO=Ring,Tree", "NCCL_ALGO=Fast", "NCCL_ALGO="}) {
    const Applied result = applied(notes);
    CHECK(result.system.nccl_algorithm == NcclAlgorithmSetting::automatic);
    REQUIRE(result.said.size() == 1);
  }
  CHECK(applied("NCCL_ALGO=^Tree").said ==
        Said{"NCCL_ALGO=^tree of the notes is not understood and not applied"});
  CHECK(applied("NCCL_TREE_THRESHOLD=4096").said ==
        Said{"NCCL_TREE_THRESHOLD=4096 of the notes is not understood and not applied"});
  CHECK(applied("NCCL_NET=Socket, no algorithm").said.empty());
}
