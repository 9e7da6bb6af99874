// The reader of nccl-tests logs ends every text with a log or an InputError, and so does what is concluded from it.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "scenarios/diagnostics.hpp"
#include "validate/nccl_subject.hpp"
#include "validate/nccl_tests_log.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const lockstep::NcclLog log = lockstep::parse_nccl_log(std::string(data, data + size), "fuzz_alltoall.txt");
    for (const lockstep::NcclTable& table : log.tables) {
      (void)lockstep::identify(log, table, std::nullopt);
    }
  } catch (const lockstep::InputError&) {
  }
  return 0;
}
