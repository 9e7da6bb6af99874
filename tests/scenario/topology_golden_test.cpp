// Are the shown clusters those that were reviewed? LOCKSTEP_UPDATE_GOLDEN=1 writes the files anew.
#include "tests/scenario/golden_commands.hpp"

using lockstep::testing::Golden;

namespace {

const std::string source = LOCKSTEP_TEST_SOURCE_DIR;
const std::filesystem::path folder = source + "/tests/scenario/golden_topology";

const std::vector<Golden> goldens = {
    {"dgx-h100-64.txt", {"topology", "dgx-h100", "--nodes", "64"}},
    {"dgx-1v-4-dead-nic.txt", {"topology", "dgx-1v", "--nodes", "4", "--fail", "node0.nic1"}},
    {"gb200-nvl72-36.txt", {"topology", "gb200-nvl72", "--nodes", "36"}},
    {"llama3-70b-64xh100-tp8-pp2.txt",
     {"topology", source + "/scenarios/llama3-70b-64xh100.yaml", "--plan", "tp8-pp2"}},
    {"dgx-h100-4.dot",
     {"topology", "dgx-h100", "--nodes", "4", "--format", "dot", "--fail", "node0.nic3"}},
};

}  // namespace

TEST_CASE("topology: the clusters are the golden ones", "[scenario]") {
  lockstep::testing::check_goldens(folder, goldens);
}
