// The collectives of a step as a table.
#include <fmt/format.h>

#include <algorithm>

#include "scenarios/utf8.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/text.hpp"

namespace lockstep::text {

namespace {

constexpr std::size_t longest_collective_list = 10;

std::string group_text(const GroupShape& shape, const System& system) {
  const char* domain = system.gpus_per_nvlink_domain == system.gpus_per_node ? "node" : "domain";
  if (shape.domains <= 1) return fmt::format("{} GPUs in a {}", shape.ranks, domain);
  if (shape.ranks_per_domain <= 1) return fmt::format("{} GPUs, a {} each", shape.ranks, domain);
  return fmt::format("{} GPUs, {} a {}", shape.ranks, shape.ranks_per_domain, domain);
}

// Calls of one kind, group and size are one row, whichever part of the model they belong to.
std::vector<CollectiveUse> merged(const std::vector<CollectiveUse>& uses) {
  std::vector<CollectiveUse> rows;
  for (const CollectiveUse& use : uses) {
    const auto same = std::find_if(rows.begin(), rows.end(), [&](const CollectiveUse& row) {
      return row.name == use.name && row.bytes == use.bytes && row.shape.ranks == use.shape.ranks &&
             row.shape.domains == use.shape.domains && row.algorithm == use.algorithm;
    });
    if (same == rows.end()) {
      rows.push_back(use);
    } else {
      same->calls += use.calls;
      same->time += use.time;
      same->exposed += use.exposed;
    }
  }
  return rows;
}

}  // namespace

std::string collectives(const PlanReport& plan, const TextOptions& options) {
  std::vector<CollectiveUse> uses = merged(plan.step.collectives);
  if (uses.empty()) return {};
  std::stable_sort(uses.begin(), uses.end(),
                   [](const CollectiveUse& a, const CollectiveUse& b) { return a.exposed > b.exposed; });
  Table table({{"communication", Align::left, 20, 0},
               {"group", Align::left, 14, 2},
               {"size", Align::right, 0, 2},
               {"calls", Align::right, 0, 2},
               {"in all", Align::right, 0, 2},
               {"exposed", Align::right, 0, 2},
               {"over", Align::left, 5, 2}});
  const std::size_t shown = std::min(uses.size(), longest_collective_list);
  for (std::size_t i = 0; i < shown; ++i) {
    const CollectiveUse& use = uses[i];
    std::string over = printable(use.bottleneck);
    if (!use.algorithm.empty()) over += (over.empty() ? "" : ", ") + printable(use.algorithm);
    // The protocol of large calls goes without saying.
    if (!use.protocol.empty() && use.protocol != "simple") over += " " + printable(use.protocol);
    table.add({{printable(use.name), Tone::plain},
               {group_text(use.shape, plan.cluster.system), Tone::plain},
               {memory(use.bytes.value()), Tone::plain},
               {scaled(use.calls), Tone::plain},
               {duration(use.time.value()), Tone::plain},
               {duration(use.exposed.value()), Tone::plain},
               {over, Tone::plain}});
  }
  std::string out = "\n" + table.render(static_cast<std::size_t>(options.width), "  ", options.color);
  if (uses.size() > shown) out += paragraph(fmt::format("{} more, less exposed", uses.size() - shown), options);
  return out;
}

}  // namespace lockstep::text
