// Outputs of the program that were reviewed once and are compared byte for byte since;
// LOCKSTEP_UPDATE_GOLDEN=1 writes them anew.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "sim/cli/commands.hpp"
#include "tests/catch.hpp"

namespace lockstep::testing {

struct Golden {
  const char* file;
  std::vector<std::string> arguments;
};

inline std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void check_goldens(const std::filesystem::path& folder, const std::vector<Golden>& goldens) {
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

}  // namespace lockstep::testing
