// The flags of `lockstep search` that say what the `search:` section of a scenario says.
#pragma once

#include "scenarios/diagnostics.hpp"
#include "scenarios/scenario.hpp"
#include "sim/cli/options.hpp"

namespace lockstep::cli {

// --objective, --deadline, --headroom, --top, --constraint, --fix, --forbid.
std::vector<Option> search_options();

// Changes the scenario's search. Throws UsageError for a flag that cannot be read, and where the
// request asks for what the scenario does not state or contradicts itself.
void apply_search_flags(const Arguments& arguments, Scenario& scenario);

// Throws the error of a search as a UsageError where a flag is what it complains about.
void blame_search_flags(const Arguments& arguments, const InputError& error);

}  // namespace lockstep::cli
