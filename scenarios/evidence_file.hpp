// calibrations/evidence.yaml: the measured runs as a table of whole numbers, some 60 bytes a run,
// and the residual's laws.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "scenarios/diagnostics.hpp"
#include "scenarios/evidence.hpp"

namespace lockstep {

// The text of evidence.yaml: the same rows and laws read back, to the table's resolution (errors to
// 1e-4, measured times to a microsecond, memory to a MiB).
std::string evidence_text(const Evidence& evidence, const std::string& heading);

// Adds the rows and laws of the folder's evidence.yaml, if it's there. Appends what is wrong with
// the file to `problems`.
void load_evidence(const std::filesystem::path& folder, Evidence& evidence,
                   std::vector<Diagnostic>& problems);

}  // namespace lockstep
