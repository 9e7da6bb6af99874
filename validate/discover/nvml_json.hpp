// What NVML said as a file, nvml.json, which `discover --record` writes and `discover --from`
// reads.
#pragma once

#include <string>

#include "validate/discover/node_facts.hpp"

namespace lockstep {

inline constexpr int nvml_record_version = 1;

// JSON with `"lockstep_nvml": 1`; the same text for the same facts.
std::string nvml_json(const NvmlFacts& facts);

// Throws InputError with every error: E650 no JSON or another version, E651 a key that is missing,
// unknown or of another kind, E652 a value that cannot be.
NvmlFacts parse_nvml_json(const std::string& text, const std::string& file_name);

}  // namespace lockstep
