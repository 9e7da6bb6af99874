// The link loads of a plan, as the JSON of several commands has them.
#pragma once

#include <nlohmann/json.hpp>

#include "topology/link_load.hpp"

namespace lockstep {

nlohmann::ordered_json link_loads_json(const LinkLoads& loads);

}  // namespace lockstep
