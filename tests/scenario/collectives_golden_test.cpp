// Are the predicted nccl-tests tables those that were reviewed? LOCKSTEP_UPDATE_GOLDEN=1 writes the
// files anew.
#include "tests/scenario/golden_commands.hpp"

using lockstep::testing::Golden;

namespace {

const std::filesystem::path folder =
    std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/tests/scenario/golden_collectives";

const std::vector<Golden> goldens = {
    {"dgx-h100-8.txt", {"collectives", "dgx-h100", "--explain"}},
    {"dgx-h100-16.txt", {"collectives", "dgx-h100", "-g", "16", "--explain"}},
    {"dgx-a100-80gb-16-all_gather.txt",
     {"collectives", "dgx-a100-80gb", "-g", "16", "-c", "all_gather"}},
    {"gb200-nvl72-144.txt", {"collectives", "gb200-nvl72", "-g", "144"}},
    {"alps-gh200-128-all_to_all.txt",
     {"collectives", "alps-gh200", "-g", "128", "-c", "all_to_all"}},
};

}  // namespace

TEST_CASE("collectives: the tables are the golden ones", "[scenario]") {
  lockstep::testing::check_goldens(folder, goldens);
}
