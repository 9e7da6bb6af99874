// The tree of a scenario file with the settings of the command line in it: what is read into a
// Scenario, and what a scenario with found plans is written from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/node.hpp"
#include "scenarios/scenario.hpp"

namespace lockstep {

// Nothing where the text is no map or a setting is wrong in itself; `problems` says why, and may
// hold more problems beside a tree. Plans are as they are written, without the scenario's cluster
// and software below their own.
std::optional<Node> scenario_tree(const std::shared_ptr<const SourceText>& source,
                                  const Catalog& catalog, std::vector<Diagnostic>& problems);

}  // namespace lockstep
