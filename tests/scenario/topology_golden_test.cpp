// Are the shown clusters those that were reviewed? LOCKSTEP_UPDATE_GOLDEN=1 writes the files anew.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sim/cli/commands.hpp"
#include "tests/catch.hpp"

namespace {

const std::string source = LOCKSTEP_TEST_SOURCE_DIR;
const std::filesystem::path folder = source + "/tests/scenario/golden_topology";

struct Golden {
  const char* file;
  std::vector<std::string> arguments;
};

const std::vector<Golden> goldens = {
    {"dgx-h100-64.txt", {"topology", "dgx-h100", "--nodes", "64"}},
    {"dgx-1v-4-dead-nic.txt", {"topology", "dgx-1v", "--nodes", "4", "--fail", "node0.nic1"}},
    {"gb200-nvl72-36.txt", {"topology", "gb200-nvl72", "--nodes", "36"}},
    {"llama3-70b-64xh100-tp8-pp2.txt",
     {"topology", source + "/scenarios/llama3-70b-64xh100.yaml", "--plan", "tp8-pp2"}},
    {"dgx-h100-4.dot",
     {"topology", "dgx-h100", "--nodes", "4", "--format", "dot", "--fail", "node0.nic3"}},
};

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("topology: the clusters are the golden ones", "[scenario]") {
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
