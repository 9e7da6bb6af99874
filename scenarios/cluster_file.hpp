// A cluster without a scenario around it: the name of a catalog system, or a file that describes one.
#pragma once

#include <string>

#include "scenarios/scenario.hpp"

namespace lockstep {

// `name_or_file` is a system of the catalog ("dgx-h100": one node of it), or a YAML file with
//   the keys of a cluster       {system: dgx-h100, nodes: 4, fabric: {…}}
//   or a scenario               whose `cluster` counts, the rest is not looked at
//   or the keys of a system     {based_on: dgx-h100, nic_bandwidth: 200 Gb/s}
// Throws InputError: E301 where it is neither a system nor a file, else every error of the file.
Cluster load_cluster(const std::string& name_or_file, const Catalog& catalog);
Cluster parse_cluster(const std::string& yaml_text, const std::string& file_name, const Catalog& catalog);

}  // namespace lockstep
