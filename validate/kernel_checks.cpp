#include "validate/kernel_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "validate/statistics.hpp"

namespace lockstep {
namespace {

constexpr double same_rate = 0.01;     // a rate is work over time, to the printed digits
constexpr double smallest_step = 0.6;  // a time of which more work takes less than this share
constexpr double twice = 2.0;

std::string rate_text(double rate, const std::string& unit) {
  const char* prefix = rate >= 1e12 ? "T" : "G";
  return fmt::format("{:.4g} {}{}", rate / (rate >= 1e12 ? 1e12 : 1e9), prefix, unit);
}

std::string contradiction(const CheckedTime& time, const std::string& unit) {
  if (time.stated_rate <= 0) return {};
  const double rate = time.work / time.seconds;
  if (std::fabs(time.stated_rate / rate - 1) <= same_rate) return {};
  return fmt::format(
      "{}: {} is not {} in {:.4g} us, which is {}", time.shape, rate_text(time.stated_rate, unit),
      unit == "B/s" ? fmt::format("{:.4g} B", time.work) : fmt::format("{:.4g} FLOP", time.work),
      time.seconds * 1e6, rate_text(rate, unit));
}

std::string above(const CheckedTime& time, const std::string& unit, const Limit& limit) {
  const double rate = time.work / time.seconds;
  if (limit.rate <= 0 || time.cached || rate <= most_above_limit * limit.rate) return {};
  return fmt::format("{}: {} is more than {}, {}: not all of the work was timed", time.shape,
                     rate_text(rate, unit), limit.name, rate_text(limit.rate, unit));
}

std::string slow_sibling(const std::vector<CheckedTime>& times) {
  std::map<std::string, double> fastest;
  for (const CheckedTime& time : times) {
    const auto [found, fresh] = fastest.try_emplace(time.shape, time.seconds);
    if (!fresh) found->second = std::min(found->second, time.seconds);
  }
  std::map<std::int64_t, std::vector<double>> slowness;
  for (const CheckedTime& time : times)
    slowness[time.device].push_back(time.seconds / fastest[time.shape]);
  if (slowness.size() < 2) return {};
  for (auto& [device, ratios] : slowness) {
    const double ratio = median(ratios);
    if (ratio > most_slower) {
      return fmt::format(
          "GPU {} takes {:.2f} times as long as its fastest sibling: a power cap, "
          "heat, or another program on it",
          device, ratio);
    }
  }
  return {};
}

bool larger(const CheckedTime& a, const CheckedTime& b) {
  return a.sides.size() == b.sides.size() && a.work >= twice * b.work &&
         std::equal(a.sides.begin(), a.sides.end(), b.sides.begin(),
                    [](double x, double y) { return x >= y; });
}

std::string backwards(const std::vector<CheckedTime>& times) {
  for (const CheckedTime& small : times) {
    for (const CheckedTime& large : times) {
      if (small.device == large.device && larger(large, small) &&
          large.seconds < smallest_step * small.seconds) {
        return fmt::format(
            "{} took {:.4g} us and the larger {} only {:.4g} us: something "
            "disturbed the run",
            small.shape, small.seconds * 1e6, large.shape, large.seconds * 1e6);
      }
    }
  }
  return {};
}

}  // namespace

bool disagrees(const CheckedTime& time) {
  return time.second_path_s && *time.second_path_s > 0 &&
         std::fabs(*time.second_path_s / time.seconds - 1) > most_between_paths;
}

std::string refusal_of(const std::vector<CheckedTime>& times, const std::string& unit,
                       const Limit& limit) {
  for (const CheckedTime& time : times) {
    if (!(time.seconds > 0) || !(time.work > 0))
      return fmt::format("{}: no time above 0", time.shape);
  }
  for (const CheckedTime& time : times) {
    std::string why = contradiction(time, unit);
    if (why.empty()) why = above(time, unit, limit);
    if (!why.empty()) return why;
  }
  const auto apart = static_cast<std::size_t>(std::count_if(times.begin(), times.end(), disagrees));
  if (static_cast<double>(apart) > most_disagreeing * static_cast<double>(times.size())) {
    const auto first = std::find_if(times.begin(), times.end(), disagrees);
    return fmt::format(
        "{} of {} times differ by more than 5 % from a second way of timing; {}: "
        "{:.4g} and {:.4g} us",
        apart, times.size(), first->shape, first->seconds * 1e6, *first->second_path_s * 1e6);
  }
  std::string why = slow_sibling(times);
  if (why.empty()) why = backwards(times);
  return why;
}

}  // namespace lockstep
