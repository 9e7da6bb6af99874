#include "validate/suspicion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace lockstep {
namespace {

constexpr double memory_limit = 0.95;    // of what the device has to give
constexpr double repeats_differ = 1.05;  // beyond the 3 % that is usual
constexpr double host_share = 0.10;
constexpr std::int64_t long_sequence = 32768;
constexpr std::size_t worst_listed = 20;
constexpr std::size_t worst_of_source = 3;  // so that one noisy source does not fill the list

std::string text(bool holds, std::string what) {
  return holds ? what : std::string{};
}

constexpr std::array<SuspicionRule, 11> rules{{
    {"memory limit",
     "near the capacity the allocator frees and retries; the study of the corpus found 20 to 40 % "
     "lost",
     [](const RunResult& row, const Repeats&) {
       const double share = row.facts.memory_share;
       return text(share >= memory_limit, fmt::format("needs {:.0f} % of the device", 100 * share));
     },
     true},
    {"repeats disagree",
     "one configuration to the tool, measured at different times: versions or the cluster decide",
     [](const RunResult&, const Repeats& repeats) {
       return text(repeats.spread > repeats_differ,
                   fmt::format("{} equal runs differ by {:.0f} %", repeats.rows,
                               100 * (repeats.spread - 1)));
     }},
    {"power limit", "clocks fall under a limit that the catalog's GPU does not have",
     [](const RunResult& row, const Repeats&) {
       return text(!row.facts.power_words.empty(),
                   fmt::format("the row says '{}'", row.facts.power_words));
     }},
    {"shared network",
     "on EFA clusters runs with a pipeline lost up to 1.6 s in every micro-batch, whatever its "
     "size",
     [](const RunResult& row, const Repeats&) {
       return text(row.facts.efa && row.facts.nodes > 1 && row.facts.stages > 1,
                   fmt::format("EFA, {} micro-batches on {} stages", row.facts.micro_batches,
                               row.facts.stages));
     }},
    {"experts",
     "dispatchers, grouped GEMMs and the router's host time follow the container's release",
     [](const RunResult& row, const Repeats&) {
       return text(row.facts.experts, "mixture of experts");
     }},
    {"schedule assumed",
     "how many chunks a stage interleaves is not stated, and decides the bubble",
     [](const RunResult& row, const Repeats&) {
       return text(row.facts.schedule_assumed, fmt::format("{} stages", row.facts.stages));
     }},
    {"network not stated", "the bandwidth between nodes is a guess",
     [](const RunResult& row, const Repeats&) {
       return text(row.facts.network_assumed, fmt::format("{} nodes", row.facts.nodes));
     }},
    {"software not known", "no profile of its own: fusion, kernels and overlap are another stack's",
     [](const RunResult& row, const Repeats&) {
       return text(row.facts.software_assumed, fmt::format("profile {}", row.software));
     }},
    {"launch bound",
     "the host's time per kernel depends on CPU and version, which no column states",
     [](const RunResult& row, const Repeats&) {
       return text(
           row.facts.host_share >= host_share,
           fmt::format("waits {:.0f} % of the step for the host", 100 * row.facts.host_share));
     }},
    {"long context", "attention at this length sustains less than its kernel benchmarks",
     [](const RunResult& row, const Repeats&) {
       return text(row.facts.sequence >= long_sequence,
                   fmt::format("{} tokens", row.facts.sequence));
     }},
    {"8 or 4 bits", "recipes differ in scaling, casts and which linears take part",
     [](const RunResult& row, const Repeats&) {
       return text(row.facts.low_precision, "low precision");
     }},
}};

// A tenth and ten times are equally wrong.
double badness(const RunResult& row) {
  return std::fabs(std::log1p(row.step_time.error()));
}

std::string configuration(const RunResult& row) {
  return row.facts.choice + '\n' + row.facts.plan;
}

}  // namespace

std::span<const SuspicionRule> suspicion_rules() {
  return rules;
}

std::vector<std::string> suspicions(const RunResult& row, const Repeats& repeats) {
  std::vector<std::string> out;
  if (!row.simulated()) return out;
  for (const SuspicionRule& rule : rules) {
    if (rule.slows && row.step_time.error() >= 0) continue;
    const std::string what = rule.holds(row, repeats);
    if (!what.empty()) out.push_back(fmt::format("{}: {}", rule.name, what));
  }
  return out;
}

std::vector<Repeats> repeats_of(const std::vector<RunResult>& rows) {
  struct Range {
    std::size_t rows = 0;
    double low = 0, high = 0;
  };
  std::map<std::string, Range> ranges;
  for (const RunResult& row : rows) {
    if (!row.compared()) continue;
    Range& range = ranges[configuration(row)];
    const double time = row.step_time.measured;
    range.low = range.rows == 0 ? time : std::min(range.low, time);
    range.high = std::max(range.high, time);
    ++range.rows;
  }
  std::vector<Repeats> out(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].compared()) continue;
    const Range& range = ranges.at(configuration(rows[i]));
    out[i] = {range.rows, range.high / range.low};
  }
  return out;
}

std::vector<SuspicionSummary> summarize_suspicions(const std::vector<RunResult>& rows,
                                                   const std::vector<std::string>& apart) {
  const std::vector<Repeats> repeats = repeats_of(rows);
  std::vector<SuspicionSummary> out;
  for (const SuspicionRule& rule : rules) {
    std::vector<double> with;
    std::vector<double> without;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const RunResult& row = rows[i];
      if (!row.compared() || std::find(apart.begin(), apart.end(), row.source) != apart.end())
        continue;
      (rule.holds(row, repeats[i]).empty() ? without : with)
          .push_back(std::fabs(row.step_time.error()));
    }
    if (!with.empty())
      out.push_back({rule.name, rule.evidence, with.size(), median(with), median(without)});
  }
  return out;
}

std::vector<WorstRow> worst_rows(const std::vector<RunResult>& rows) {
  const std::vector<Repeats> repeats = repeats_of(rows);
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].compared()) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return badness(rows[a]) > badness(rows[b]);
  });
  std::map<std::string, std::size_t> taken;
  std::vector<WorstRow> out;
  for (const std::size_t i : order) {
    if (out.size() >= worst_listed) break;
    if (++taken[rows[i].source] <= worst_of_source)
      out.push_back({i, suspicions(rows[i], repeats[i])});
  }
  return out;
}

}  // namespace lockstep
