// The loader ends every input with a scenario or an InputError; anything else is a mistake.
#include <cstddef>
#include <cstdint>
#include <string>

#include "scenarios/diagnostics.hpp"
#include "scenarios/scenario.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const lockstep::Catalog catalog(LOCKSTEP_SOURCE_CATALOG);
  try {
    (void)lockstep::parse_scenario(std::string(data, data + size), "fuzz.yaml", catalog);
  } catch (const lockstep::InputError&) {
  }
  return 0;
}
