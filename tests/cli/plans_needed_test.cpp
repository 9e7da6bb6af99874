// Commands that predict a scenario's own plans, on one that only has a search for them.
#include <sstream>

#include "sim/cli/commands.hpp"
#include "tests/catch.hpp"
#include "tests/support/test_catalog.hpp"

using lockstep::testing::TemporaryFolder;

namespace {

constexpr const char* without_plans =
    "lockstep: 1\n"
    "model: llama3-8b\n"
    "cluster: {system: dgx-h100}\n"
    "training: {sequence_length: 8192, global_batch: 64}\n"
    "software: megatron-core\n"
    "search: {tensor: 8}\n";

}  // namespace

TEST_CASE("plans needed: simulate, compare and topology --plan say how to find some") {
  const TemporaryFolder folder;
  const std::string file = folder.write("s.yaml", without_plans).string();
  const std::string catalog = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios";
  const std::vector<std::vector<std::string>> commands{
      {"simulate", file, "--catalog", catalog},
      {"compare", file, "--catalog", catalog},
      {"sweep", file, "--over", "cluster.nodes=1,2", "--catalog", catalog},
      {"topology", file, "--plan", "x", "--catalog", catalog}};
  for (const std::vector<std::string>& command : commands) {
    CAPTURE(command.front());
    std::ostringstream out;
    std::ostringstream err;
    CHECK(lockstep::cli::run(command, out, err, {}) == lockstep::cli::exit_invalid_input);
    CHECK(out.str().empty());
    // The hint is broken where the path makes it longer than a line.
    const std::string text = err.str();
    CHECK(text.rfind(file + ": error[E451]: the scenario has no plans, only a search for them\n",
                     0) == 0);
    CHECK(text.find("= hint: find some: lockstep search") != std::string::npos);
  }
}
