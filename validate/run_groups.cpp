// What groups of measured runs tell beyond their errors: how far repeats disagree, how runs are
// ordered, which configurations fit.
#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "validate/runs.hpp"

namespace lockstep {
namespace {

constexpr std::array<double, 5> shown_quantiles{0.10, 0.25, 0.50, 0.75, 0.90};
constexpr std::size_t enough_repeats = 5;
constexpr double noisy_difference = 0.25;

// The entry of a source, made at its first mention.
template <typename Entry>
Entry& of_source(std::vector<Entry>& entries, const std::string& source) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const Entry& one) { return one.source == source; });
  if (found != entries.end()) return *found;
  entries.emplace_back().source = source;
  return entries.back();
}

// max(a, b)/min(a, b) - 1 of every pair, their median.
double median_pair_difference(const std::vector<double>& values) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = i + 1; j < values.size(); ++j) {
      differences.push_back(std::max(values[i], values[j]) / std::min(values[i], values[j]) - 1.0);
    }
  }
  return median(std::move(differences));
}

}  // namespace

std::vector<NoiseFloor> noise_floor(const std::vector<RunResult>& rows) {
  std::vector<NoiseFloor> out;
  std::map<std::string, std::vector<double>> times;  // by what the tool takes for one configuration
  std::map<std::string, std::vector<double>> differences;
  for (const RunResult& row : rows) {
    if (row.compared())
      times[row.facts.choice + '\n' + row.facts.plan].push_back(row.step_time.measured);
  }
  for (const RunResult& row : rows) {
    if (!row.compared()) continue;
    std::vector<double>& repeats = times[row.facts.choice + '\n' + row.facts.plan];
    if (repeats.size() >= 2) {
      NoiseFloor& source = of_source(out, row.source);
      ++source.configurations;
      source.rows += repeats.size();
      differences[row.source].push_back(median_pair_difference(repeats));
    }
    repeats.clear();  // counted once
  }
  for (NoiseFloor& source : out) source.median_difference = median(differences[source.source]);
  return out;
}

std::vector<std::string> noisy_sources(const std::vector<NoiseFloor>& noise) {
  std::vector<std::string> out;
  for (const NoiseFloor& source : noise) {
    const bool enough = source.configurations >= enough_repeats;
    if (enough && source.median_difference > noisy_difference) out.push_back(source.source);
  }
  return out;
}

std::vector<RankSummary> rank_sources(const std::vector<RunResult>& rows) {
  struct Times {
    std::vector<double> predicted, measured, ratios;
  };
  std::vector<RankSummary> out;
  std::map<std::string, Times> times;
  for (const RunResult& row : rows) {
    if (!row.compared()) continue;
    ++of_source(out, row.source).n;
    Times& one = times[row.source];
    one.predicted.push_back(row.step_time.predicted.value);
    one.measured.push_back(row.step_time.measured);
    one.ratios.push_back(row.step_time.measured / row.step_time.predicted.value);
  }
  for (RankSummary& source : out) {
    const Times& one = times[source.source];
    source.spearman = rank_correlation(one.predicted, one.measured);
    for (const double share : shown_quantiles)
      source.quantiles.push_back(quantile(one.ratios, share));
  }
  return out;
}

std::vector<OutOfMemorySummary> count_out_of_memory(const std::vector<RunResult>& rows) {
  std::vector<OutOfMemorySummary> out;
  for (const RunResult& row : rows) {
    if (!row.simulated()) continue;
    const bool ran = row.step_time.measured_too() || row.peak_memory.measured_too();
    if (!row.ran_out_of_memory && !ran) continue;
    OutOfMemorySummary& source = of_source(out, row.source);
    if (row.ran_out_of_memory) {
      ++source.n;
      if (!row.predicted_to_fit) ++source.predicted;
    } else {
      ++source.fitted;
      if (row.predicted_to_fit) ++source.fitted_predicted;
    }
  }
  const auto none = [](const OutOfMemorySummary& source) { return source.n == 0; };
  out.erase(std::remove_if(out.begin(), out.end(), none), out.end());
  return out;
}

}  // namespace lockstep
