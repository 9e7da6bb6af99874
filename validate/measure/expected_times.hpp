// What Lockstep predicts for measured collectives, uncalibrated.
#pragma once

#include <string>
#include <vector>

#include "scenarios/aliases.hpp"
#include "scenarios/scenario.hpp"
#include "validate/log_cluster.hpp"
#include "validate/measure/measurement.hpp"
#include "validate/measure/rank_groups.hpp"

namespace lockstep {

// Fills in predicted_s of every point. The cluster is `choice`'s, else what the catalog has for the
// name of the first GPU. `groups`: of each sweep. Returns what was assumed, or why there is no
// prediction; "" where there is nothing to say.
std::string add_predictions(Measurement& measurement, const std::vector<RankGroups>& groups,
                            std::int64_t ranks_per_node, const Catalog& catalog,
                            const Aliases& aliases, const ClusterChoice& choice);

}  // namespace lockstep
