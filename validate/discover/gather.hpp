// Brings the facts of a node together: of this machine, or of a folder that `discover --record`
// left.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "validate/discover/node_facts.hpp"

namespace lockstep {

struct Gathered {
  NodeFacts facts;
  std::string no_gpus;    // why there are none; "" where there are some
  std::string hwloc_xml;  // "" without hwloc
  bool nvml_read = false;
};

inline constexpr const char* nvml_file = "nvml.json";
inline constexpr const char* hwloc_file = "hwloc.xml";

// `libraries` is searched first for NVML; `date` is noted. Throws MeasurementError where driver or
// hwloc fail.
Gathered gather_here(const std::string& libraries, const std::string& date);

// Reads nvml.json and hwloc.xml of a folder, either may be missing. Throws InputError: E656 where
// both are, else every error of the files.
Gathered gather_recorded(const std::filesystem::path& folder);

// Adds NCCL's topology where `nccl_topology` names a file, then what GPUs and host contradict each
// other in. Throws InputError.
void complete(Gathered& gathered, const std::string& nccl_topology);

// Writes what gather_recorded() reads; returns the names of the files. Throws InputError (E657)
// where it cannot.
std::vector<std::string> record(const Gathered& gathered, const std::filesystem::path& folder);

}  // namespace lockstep
