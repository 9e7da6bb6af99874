// The reader of measured runs ends every file with records or an InputError.
#include <cstddef>
#include <cstdint>
#include <string>

#include "scenarios/diagnostics.hpp"
#include "validate/csv.hpp"
#include "validate/run_record.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const std::string text(data, data + size);
    (void)lockstep::read_run_records(lockstep::parse_csv(text, "fuzz.csv"));
  } catch (const lockstep::InputError&) {
  }
  return 0;
}
