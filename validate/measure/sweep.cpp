#include "validate/measure/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "validate/measure/failures.hpp"
#include "validate/statistics.hpp"

namespace lockstep {
namespace {

constexpr double confidence = 0.90;
constexpr std::int64_t most_iterations = 1000;

// How many values from each end of n sorted ones may be left out so that what is left still holds
// the median with the confidence:
//   P(x[k] <= median <= x[n-1-k]) = 1 - 2 P(B <= k),  B of the binomial distribution (n, 1/2)
// Source: H. A. David, H. N. Nagaraja, Order Statistics, section 7.1. Holds for independent values
// of any distribution; 0 where even all values do not reach the confidence (n < 5).
std::size_t left_out(std::size_t n) {
  double probability = std::pow(0.5, static_cast<double>(n));  // of B = k
  double below = probability;                                  // of B <= k
  std::size_t k = 0;
  while (true) {
    probability *= static_cast<double>(n - k) / static_cast<double>(k + 1);
    below += probability;
    if (1.0 - 2.0 * below < confidence) return k;
    ++k;
  }
}

bool narrow(const RepeatedTime& time, double interval) {
  const double allowed = interval * time.median_s;
  return time.high_s - time.median_s <= allowed && time.median_s - time.low_s <= allowed;
}

// Calls that fill a repeat.
std::int64_t calls_of(double repeat_seconds, double call_seconds) {
  if (!(call_seconds * static_cast<double>(most_iterations) > repeat_seconds))
    return most_iterations;
  return std::max<std::int64_t>(1, std::llround(repeat_seconds / call_seconds));
}

bool reduces(Collective collective) {
  return collective == Collective::all_reduce || collective == Collective::reduce_scatter ||
         collective == Collective::reduce;
}

// nccl-tests leaves out the same: in place, what a rank sends is what it receives into.
bool checkable(Collective collective, bool in_place) {
  return !in_place || (collective != Collective::all_to_all && collective != Collective::send_recv);
}

std::int64_t nodes_of(const std::vector<std::int64_t>& ranks, std::int64_t ranks_per_node) {
  std::set<std::int64_t> nodes;
  for (const std::int64_t rank : ranks) nodes.insert(rank / ranks_per_node);
  return static_cast<std::int64_t>(nodes.size());
}

// Numbers as text that gives the same numbers again.
std::string joined(const std::vector<double>& values) {
  return fmt::format("{}", fmt::join(values, " "));
}

std::vector<double> split(const std::string& text) {
  std::vector<double> values;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at < end) {
    double value = 0;
    const auto [stop, error] = std::from_chars(at, end, value);
    if (error != std::errc{}) throw std::logic_error("a process gave no numbers: " + text);
    values.push_back(value);
    at = stop == end ? end : stop + 1;
  }
  return values;
}

// Times of the local ranks, summed over repeats; of all ranks against the fastest one.
class RankTimes {
 public:
  void restart() { sums_.clear(); }
  void add(const std::vector<double>& seconds) {
    sums_.resize(std::max(sums_.size(), seconds.size()), 0.0);
    for (std::size_t i = 0; i < seconds.size(); ++i) sums_[i] += seconds[i];
  }
  [[nodiscard]] std::vector<double> slowness(Processes& processes) const {
    std::vector<double> all;
    for (const std::string& text : processes.gather(joined(sums_))) {
      const std::vector<double> some = split(text);
      all.insert(all.end(), some.begin(), some.end());
    }
    const auto fastest = std::min_element(all.begin(), all.end());
    if (all.empty() || !(*fastest > 0.0)) return {};
    const double least = *fastest;
    for (double& value : all) value /= least;
    return all;
  }

 private:
  std::vector<double> sums_;
};

// One collective on one set of groups: what each of its sizes needs.
struct Running {
  CollectiveBackend& backend;
  Processes& processes;
  const SweepOptions& options;
  RankTimes rank_times;
};

// The slowest rank's seconds per call, on every process.
double agreed_time(Running& running, std::int64_t iterations) {
  const std::vector<double> local = running.backend.run(iterations);
  running.rank_times.add(local);
  const double slowest = local.empty() ? 0.0 : *std::max_element(local.begin(), local.end());
  return running.processes.max(slowest);
}

std::int64_t wrong_of_all(Running& running) {
  const auto local = static_cast<double>(running.backend.count_wrong());
  const std::vector<double> all = running.processes.gather(local);
  return std::llround(std::accumulate(all.begin(), all.end(), 0.0));
}

CollectiveSide measure_side(Running& running, const TimedCall& call) {
  running.backend.prepare(call);
  running.rank_times.restart();
  CollectiveSide side;
  side.time = measure_repeats(
      running.options, [&](std::int64_t iterations) { return agreed_time(running, iterations); });
  if (running.options.check && checkable(call.collective, call.in_place))
    side.wrong = wrong_of_all(running);
  return side;
}

// In place first, so that the ranks' own times are those of the out-of-place call where both run.
CollectivePoint measure_point(Running& running, Collective collective, std::int64_t size,
                              std::int64_t count) {
  CollectivePoint point;
  point.size_bytes = size;
  point.count = count;
  if (running.options.in_place) point.in_place = measure_side(running, {collective, size, true});
  if (running.options.out_of_place)
    point.out_of_place = measure_side(running, {collective, size, false});
  point.nccl_estimate_s = running.backend.estimate();
  return point;
}

}  // namespace

std::vector<std::int64_t> sweep_sizes(Collective collective, const SweepOptions& options,
                                      std::int64_t ranks, std::int64_t element_bytes) {
  if (!(options.factor > 1.0)) throw std::logic_error("a sweep's factor is not above 1");
  std::vector<std::int64_t> sizes;
  const auto largest = static_cast<double>(options.largest_bytes);
  for (auto wanted = static_cast<double>(options.smallest_bytes); wanted <= largest;
       wanted *= options.factor) {
    const std::int64_t size = call_size(collective, std::llround(wanted), ranks, element_bytes);
    if (size > 0 && (sizes.empty() || sizes.back() < size)) sizes.push_back(size);
  }
  return sizes;
}

RepeatedTime repeated_time(std::vector<double> seconds, std::int64_t iterations) {
  constexpr double quartiles_of_normal = 1.349;  // between them, in standard deviations
  std::sort(seconds.begin(), seconds.end());
  const std::size_t out = left_out(seconds.size());
  RepeatedTime time;
  time.median_s = median(seconds);
  time.low_s = seconds[out];
  time.high_s = seconds[seconds.size() - 1 - out];
  const double between = quantile(seconds, 0.75) - quantile(seconds, 0.25);
  time.spread = time.median_s > 0.0 ? between / quartiles_of_normal / time.median_s : 0.0;
  time.repeats = static_cast<std::int64_t>(seconds.size());
  time.iterations = iterations;
  return time;
}

RepeatedTime measure_repeats(const SweepOptions& options,
                             const std::function<double(std::int64_t iterations)>& repeat) {
  const std::int64_t warm_up = std::max<std::int64_t>(1, options.warm_up);
  double call = repeat(warm_up);
  // The first calls set connections up; how long a call takes shows when that is done.
  if (call < options.repeat_seconds) call = repeat(warm_up);
  const std::int64_t iterations = calls_of(options.repeat_seconds, call);
  std::vector<double> seconds;
  double used = 0;
  while (true) {
    seconds.push_back(repeat(iterations));
    used += seconds.back() * static_cast<double>(iterations);
    const RepeatedTime time = repeated_time(seconds, iterations);
    if (time.repeats >= options.most_repeats || used >= options.most_seconds) return time;
    if (time.repeats >= options.fewest_repeats && narrow(time, options.interval)) return time;
  }
}

CollectiveSweep measure_collective(CollectiveBackend& backend, Processes& processes,
                                   Collective collective, const RankGroups& groups,
                                   const SweepOptions& options,
                                   const std::function<void(std::size_t, std::size_t)>& progress) {
  CollectiveSweep sweep;
  sweep.collective = collective;
  sweep.backend = backend.name();
  sweep.type = backend.element_type();
  sweep.redop = reduces(collective) ? "sum" : "none";
  sweep.group = groups.name;
  sweep.ranks = groups.size();
  sweep.nodes =
      nodes_of(groups.groups.front(), std::max<std::int64_t>(1, backend.ranks() / backend.nodes()));
  sweep.groups = groups.at_once ? static_cast<std::int64_t>(groups.groups.size()) : 1;
  backend.select(groups);
  Running running{backend, processes, options, {}};
  const std::int64_t element = backend.element_bytes();
  const std::vector<std::int64_t> sizes = sweep_sizes(collective, options, sweep.ranks, element);
  for (const std::int64_t size : sizes) {
    sweep.points.push_back(measure_point(running, collective, size,
                                         call_count(collective, size, sweep.ranks, element)));
    if (progress) progress(sweep.points.size(), sizes.size());
  }
  if (!sizes.empty()) sweep.rank_slowness = running.rank_times.slowness(processes);
  return sweep;
}

}  // namespace lockstep
