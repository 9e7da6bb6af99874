#include "sim/report/search_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "scenarios/search_text.hpp"
#include "scenarios/utf8.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/text.hpp"
#include "sim/search/refusal.hpp"

namespace lockstep::search_words {

namespace {

constexpr std::string_view deadline = "deadline";  // the text of the limit that the objective is

std::string joined(const std::vector<std::string>& words, std::string_view between,
                   std::string_view last) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? last : between;
    text += words[i];
  }
  return text;
}

// In prose, where a number stays beside its unit.
std::string shown(std::uint64_t count) {
  return unbroken(compact(count));
}

std::string days(double count) {
  return unbroken(three_digits(count) + " days");
}

std::string range_text(const ValueRange& range, bool is_share) {
  const auto number = [&](double value) {
    return is_share ? fmt::format("{:g} %", 100 * value) : fmt::format("{:.0f}", value);
  };
  return range.low == range.high ? number(range.low)
                                 : number(range.low) + " to " + number(range.high);
}

// "tensor 2 to 8", "recompute selective or full".
std::string limit_text(const DimensionLimit& limit) {
  const SearchDimension* dimension = find_search_dimension(limit.dimension);
  const bool is_share = dimension != nullptr && dimension->kind == DimensionKind::share;
  std::vector<std::string> values;
  for (const ValueRange& range : limit.ranges) {
    if (range.low < 0) continue;  // of a name, which follows
    values.push_back(range_text(range, is_share));
  }
  for (const std::string& name : limit.names) values.push_back(printable(name));
  return limit.dimension + " " + joined(values, ", ", " or ");
}

// Three significant digits, rounded so that the limit that is named does let the plan in.
double outward(double value, double unit, bool up) {
  const double step = std::pow(10.0, -decimals_of(value / unit)) * unit;
  constexpr double exact = 1e-9;  // of a step: a value that is already round
  return (up ? std::ceil(value / step - exact) : std::floor(value / step + exact)) * step;
}

std::string bound_text(Measure measure, double bound, bool up, const Price& price) {
  switch (measure) {
    case Measure::peak_memory:
    case Measure::host_memory:
      return memory(outward(bound, memory_unit(bound).scale, up));
    case Measure::step_time:
      return duration(outward(bound, time_unit(bound).scale, up));
    case Measure::cost:
      return text::money(outward(bound, 1, up), price);
    case Measure::gpus:
      return fmt::format("{:.0f}", bound);
    case Measure::days:
    case Measure::fit_probability:
    case Measure::mfu:
    case Measure::tokens_per_s_per_gpu:
      break;
  }
  return three_digits(outward(bound, 1, up));
}

// "4.24 GiB", never less than what it takes.
std::string enough_memory(double bytes) {
  return unbroken(memory(outward(std::max(bytes, 0.0), memory_unit(bytes).scale, true)));
}

// "With 4.24 GiB more per GPU"
std::string relaxed_limit(const FoundRelaxation& relaxation, const SearchReport& report) {
  const Constraint& limit = relaxation.limit;
  if (limit.text == memory_of_the_gpu) {
    const double more = relaxation.needed - limit.bound;
    const bool kept_free = more <= report.request.memory_headroom_bytes;
    return fmt::format("With {} {}", enough_memory(more),
                       kept_free ? "less kept free" : "more per GPU");
  }
  if (limit.text == memory_of_the_host) {
    return fmt::format("With {} more host memory per node",
                       enough_memory(relaxation.needed - limit.bound));
  }
  const Price& price = report.report.scenario.price;
  const auto bound = [&](double value) {
    return unbroken(bound_text(limit.measure, value, limit.at_most, price));
  };
  if (limit.text == deadline) {
    return fmt::format("With a deadline of {} days in place of {}", bound(relaxation.needed),
                       bound(limit.bound));
  }
  return fmt::format("With {} {} {} in place of {}", to_string(limit.measure),
                     limit.at_most ? "<=" : ">=", bound(relaxation.needed), bound(limit.bound));
}

// "6.0 % faster"
std::string gain_text(const FoundRelaxation& relaxation, const SearchReport& report) {
  const PlanReport& best = report.report.plans.front();
  const PlanReport& plan = report.report.plans[relaxation.plan];
  const std::string share = unbroken(percent(relaxation.gain));
  switch (report.request.objective) {
    case Objective::step_time:
      return share + " faster";
    case Objective::throughput_per_gpu:
      return share + " less GPU time per token";
    case Objective::cost_per_token:
      return share + " cheaper";
    case Objective::memory:
      return share + " less memory";
    case Objective::gpus_for_deadline:
      break;
  }
  if (plan.cluster.gpus != best.cluster.gpus) {
    return fmt::format("{} GPUs in place of {}", plan.cluster.gpus, best.cluster.gpus);
  }
  return unbroken(percent(1 - plan.step_time_s.value / best.step_time_s.value)) + " faster";
}

std::string named(const PlanReport& plan) {
  return fmt::format("{} ({}, {})", unbroken(printable(plan.plan.name)),
                     unbroken(duration(plan.step_time_s.value)),
                     unbroken(memory(plan.peak_memory_bytes.value)));
}

}  // namespace

std::string compact(std::uint64_t count) {
  if (count < 1000) return std::to_string(count);
  if (count < 10'000) return fmt::format("{} {:03}", count / 1000, count % 1000);
  const auto value = static_cast<double>(count);
  struct Scale {
    double factor;
    const char* name;
  };
  for (const Scale scale :
       {Scale{1e12, "trillion"}, Scale{1e9, "billion"}, Scale{1e6, "million"}}) {
    if (value >= 0.9995 * scale.factor) {
      return three_digits(value / scale.factor) + " " + scale.name;
    }
  }
  return three_digits(value / 1000) + " thousand";
}

std::string objective(const SearchRequest& request) {
  switch (request.objective) {
    case Objective::step_time:
      return "the shortest step";
    case Objective::throughput_per_gpu:
      return "the most tokens per second and GPU";
    case Objective::cost_per_token:
      return "the lowest cost per token";
    case Objective::gpus_for_deadline:
      return fmt::format("the fewest GPUs for a run of at most {}", days(request.deadline_days));
    case Objective::memory:
      break;
  }
  return "the least memory";
}

std::vector<std::string> limits(const SearchRequest& request) {
  std::vector<std::string> words;
  if (request.memory_headroom_bytes > 0) {
    words.push_back(unbroken(memory(request.memory_headroom_bytes)) + " of each GPU kept free");
  }
  for (const Constraint& constraint : request.constraints) {
    words.push_back(unbroken(printable(constraint.text)));
  }
  for (const DimensionLimit& limit : request.limits) words.push_back(unbroken(limit_text(limit)));
  if (!request.forbidden.empty())
    words.push_back("without " + joined(request.forbidden, ", ", " or "));
  return words;
}

std::string verdict(const SearchReport& report) {
  const SearchCounts& counts = report.counts;
  std::string words;
  if (report.found()) {
    words = report.complete() ? fmt::format("The best plan is the one with {}, of {} legal plans.",
                                            objective(report.request), shown(counts.legal))
                              : fmt::format("The best plan so far is the one with {}.",
                                            objective(report.request));
  } else if (!report.complete()) {
    words = "No plan that fits was found so far.";
  } else if (counts.legal == 0) {
    words = fmt::format("No plan is legal: each of {} combinations breaks a rule.",
                        shown(counts.enumerated));
  } else {
    words = fmt::format("No plan fits: of {} combinations {} are legal, and each breaks a limit.",
                        shown(counts.enumerated), shown(counts.legal));
  }
  const std::vector<std::string> limited = limits(report.request);
  if (!limited.empty()) words += fmt::format(" Limits: {}.", joined(limited, "; ", "; "));
  return words;
}

std::string counts(const SearchReport& report) {
  const SearchCounts& counts = report.counts;
  const auto found = counts.illegal.find(same_as_another);
  const std::uint64_t doubles = found == counts.illegal.end() ? 0 : found->second;
  // Plans are kept as they are found, and counts as parts of the space are through.
  if (!report.complete() && counts.legal == 0) {
    return "Nothing is counted: no part of the combinations with a legal plan was searched to its "
           "end.";
  }
  std::string words =
      fmt::format("{}{} combinations: ", report.complete() ? "" : "Counted before the end: ",
                  shown(counts.enumerated));
  if (doubles > 0) words += fmt::format("{} are the same plan as another, ", shown(doubles));
  words += fmt::format("{} are illegal, {} are legal plans. ",
                       shown(counts.enumerated - counts.legal - doubles), shown(counts.legal));
  const std::uint64_t too_big = counts.legal - counts.too_slow - counts.feasible;
  words += fmt::format("Of these {} fit and {} do not", shown(counts.feasible), shown(too_big));
  if (counts.too_slow > 0) {
    words +=
        fmt::format("; of {} it was not asked, whose layout takes more than twice the best step",
                    shown(counts.too_slow));
  }
  return words + '.';
}

std::string tie(const TieGroup& group, Objective objective) {
  if (group.probabilities.empty()) return {};
  const bool two = group.last == group.first + 1;
  std::string words =
      fmt::format("Plans {} {} {}", group.first + 1, two ? "and" : "to", group.last + 1);
  if (objective == Objective::memory) {
    words += " need the same memory";
  } else {
    const auto [low, high] =
        std::minmax_element(group.probabilities.begin(), group.probabilities.end());
    std::string p = probability(*low);
    if (probability(*high) != p) p += fmt::format(" to {:.2f}", *high);
    words += fmt::format(" are a tie ({} for the first)", unbroken(p));
  }
  if (group.differ_in.empty()) return words + ".";
  return fmt::format("{}; they differ in {}.", words, joined(group.differ_in, ", ", " and "));
}

std::string alike(const SearchReport& report) {
  const bool any = std::any_of(report.alike.begin(), report.alike.end(),
                               [](std::size_t count) { return count > 0; });
  if (!any) return {};
  return "Of plans that differ in the placement of ranks or the overlap of tensor collectives "
         "alone "
         "the best is shown; alike are the others that take as long, to " +
         unbroken("0.1 %") + '.';
}

std::string relaxation(const FoundRelaxation& relaxation, const SearchReport& report) {
  const std::string name = named(report.report.plans[relaxation.plan]);
  const std::string limit = relaxed_limit(relaxation, report);
  return report.found() ? fmt::format("{}: {}, {}.", limit, gain_text(relaxation, report), name)
                        : fmt::format("{}: {}.", limit, name);
}

std::string nearest(const SearchReport& report) {
  const PlanReport& plan = report.report.plans[*report.nearest];
  const double usable = plan.usable_memory_bytes - report.request.memory_headroom_bytes;
  const double more = plan.peak_memory_bytes.value - usable;
  if (more <= 0) return fmt::format("The least memory: {}.", named(plan));
  return fmt::format("The least memory: {}, {} more than the {} that a GPU has for it.",
                     named(plan), enough_memory(more), unbroken(memory(usable)));
}

}  // namespace lockstep::search_words
