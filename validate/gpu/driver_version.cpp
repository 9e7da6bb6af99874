#include "validate/gpu/driver_version.hpp"

#include <fstream>
#include <iterator>
#include <regex>

namespace lockstep {

// NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.82.07  Wed Aug 27 …
std::string driver_version(const std::string& file) {
  std::ifstream in(file);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  static const std::regex pattern(R"(NVRM version:[^\n]*?\s(\d+\.\d+(\.\d+)?)\s)");
  std::smatch match;
  return std::regex_search(text, match, pattern) ? match[1].str() : std::string{};
}

}  // namespace lockstep
