#include "sim/nearest.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/evidence_distance.hpp"

namespace lockstep {

namespace {

bool told_alike(const EvidenceRow& a, const EvidenceRow& b) {
  return a.source == b.source && a.model == b.model && a.software == b.software && a.gpu == b.gpu &&
         a.gpus == b.gpus;
}

}  // namespace

std::vector<NearestRun> nearest_runs(const std::vector<EvidenceRow>& rows,
                                     const EvidenceRow& plan) {
  std::vector<std::pair<double, std::size_t>> order;
  order.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].step_time_s > 0) order.emplace_back(distance(rows[i], plan), i);
  }
  std::sort(order.begin(), order.end());
  std::vector<NearestRun> nearest;
  for (const auto& [far, index] : order) {
    const EvidenceRow& row = rows[index];
    const bool told = std::any_of(nearest.begin(), nearest.end(), [&](const NearestRun& known) {
      return told_alike(known.run, row);
    });
    if (told) continue;
    nearest.push_back({row, far, std::expm1(-row.step_error)});
    if (nearest.size() == nearest_count) break;
  }
  return nearest;
}

}  // namespace lockstep
