// Are the predicted nccl-tests tables those that were reviewed? LOCKSTEP_UPDATE_GOLDEN=1 writes the
// files anew.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sim/cli/commands.hpp"
#include "tests/catch.hpp"

namespace {

const std::filesystem::path folder =
    std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/tests/scenario/golden_collectives";

struct Golden {
  const char* file;
  std::vector<std::string> arguments;
};

const std::vector<Golden> goldens = {
    {"dgx-h100-8.txt", {"collectives", "dgx-h100", "--explain"}},
    {"dgx-h100-16.txt", {"collectives", "dgx-h100", "-g", "16", "--explain"}},
    {"dgx-a100-80gb-16-all_gather.txt",
     {"collectives", "dgx-a100-80gb", "-g", "16", "-c", "all_gather"}},
    {"gb200-nvl72-144.txt", {"collectives", "gb200-nvl72", "-g", "144"}},
    {"alps-gh200-128-all_to_all.txt",
     {"collectives", "alps-gh200", "-g", "128", "-c", "all_to_all"}},
};

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("collectives: the tables are the golden ones", "[scenario]") {
  const char* update = std::getenv("LOCKSTEP_UPDATE_GOLDEN");
  for (const Golden& golden : goldens) {
    std::ostringstream out;
    std::ostringstream err;
    CHECK(lockstep::cli::run(golden.arguments, out, err, {}) == lockstep::cli::exit_ok);
    CHECK(err.str().empty());
    if (update != nullptr && std::string(update) == "1") {
      std::filesystem::create_directories(folder);
      std::ofstream(folder / golden.file, std::ios::binary) << out.str();
    }
    INFO(golden.file
         << " differs; LOCKSTEP_UPDATE_GOLDEN=1 writes it anew, to be reviewed as a diff");
    CHECK(out.str() == read(folder / golden.file));
  }
}
