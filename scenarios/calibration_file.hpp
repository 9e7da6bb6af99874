// Files of calibrations: what `lockstep calibrate` writes and --calibration reads.
//
//   calibration: 1
//   collectives:
//     - system: dgx-h100
//       collective: all_reduce
//       ranks: 8
//       nodes: 1
//       spread: 0.02
//       pieces:
//         - {from: 8 B, latency: 13.1 us, bandwidth: 12 GB/s}
#pragma once

#include <string>
#include <vector>

#include "scenarios/scenario.hpp"
#include "topology/collectives/calibration.hpp"

namespace lockstep {

// Throws InputError with every error of the file: those of any YAML (E1xx, E2xx), E601 no piece or
// too many, E602 pieces that do not rise, E603 a group that occurs twice, E604 GPUs that the nodes
// cannot share, E605 no such system.
std::vector<CollectiveCalibration> load_calibrations(const std::string& file,
                                                     const Catalog& catalog);
std::vector<CollectiveCalibration> parse_calibrations(const std::string& yaml_text,
                                                      const std::string& file_name,
                                                      const Catalog& catalog);

// Reads the files and gives every cluster what they hold of its system; where two hold the same
// group, the later file counts. Scenario changes of a system scale what was measured on the
// catalog's. Throws InputError: every error of the files, and E606 for a file of whose systems no
// cluster is.
void apply_calibrations(const std::vector<std::string>& files, const Catalog& catalog,
                        const std::vector<Cluster*>& clusters);

// Those of a scenario: its own and every plan's.
std::vector<Cluster*> clusters_of(Scenario& scenario);

// The same entries read back; the same text for the same entries.
std::string calibration_file_text(const std::vector<CollectiveCalibration>& entries);

}  // namespace lockstep
