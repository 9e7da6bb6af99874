// The reader of measurements ends every text with a measurement or an InputError, and what it reads is written and
// read again as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "scenarios/diagnostics.hpp"
#include "validate/measure/measurement.hpp"
#include "validate/measure/sweep.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const std::string text(data, data + size);
    (void)lockstep::looks_like_measurement(text);
    const lockstep::Measurement measurement = lockstep::parse_measurement(text, "fuzz.json");
    const std::string written = lockstep::measurement_json(measurement);
    if (lockstep::measurement_json(lockstep::parse_measurement(written, "again.json")) != written) std::abort();
    (void)lockstep::sweeps_text(measurement);
  } catch (const lockstep::InputError&) {
  }
  return 0;
}
