// What a search found as a scenario file: the file it searched, with the found plans in place of
// `plans:` and `search:`, so that `lockstep compare` and `simulate` take it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "scenarios/scenario.hpp"

namespace lockstep {

struct PlanToWrite {
  Plan plan;           // its data degree resolved; a name that another plan has gets a number
  Cluster cluster;     // the scenario's, or that with other nodes
  std::string remark;  // a comment beside its name, one line: "18.1 s, 71 GiB"; may be empty
};

// The text of the file. Everything but plans and search is kept as it is written, settings of the
// catalog's --set included; of a plan only what differs from the defaults and from the scenario.
// Loaded with the catalog alone it gives the same predictions to the last bit. Calibration files
// are no part of a scenario: give them again.
//
// `folder` is where the text will lie: relative paths are turned to it. Empty: beside the scenario.
// `command` is what the header says it came from: "lockstep search s.yaml". Throws InputError where
// the scenario does not load.
std::string found_scenario(const std::filesystem::path& scenario_file, const Catalog& catalog,
                           const std::vector<PlanToWrite>& plans, const std::string& command,
                           const std::filesystem::path& folder = {});

}  // namespace lockstep
