// Constraints: "peak_memory <= 70 GiB", "P(fits) >= 0.9".
#include <algorithm>

#include <fmt/format.h>

#include <utility>

#include "scenarios/fields/limits.hpp"
#include "scenarios/search_words.hpp"
#include "scenarios/utf8.hpp"

namespace lockstep {

namespace {

using namespace words;

constexpr Range money{0.0, 1e18, true};

constexpr RequestName measures[] = {
    {"peak_memory", "what must fit on a GPU, with a unit: peak_memory <= 70 GiB"},
    {"P(fits)", "probability that it does: P(fits) >= 0.9"},
    {"step_time", "time of a step, with a unit: step_time <= 12 s"},
    {"tokens_per_s_per_gpu", "throughput: tokens_per_s_per_gpu >= 800"},
    {"mfu", "share of the matrix peak: mfu >= 40 %"},
    {"gpus", "GPUs of the plan: gpus <= 128"},
    {"days", "length of the whole run: days <= 30; needs training.total_tokens"},
    {"cost", "price of the whole run: cost <= 2e6; needs price and training.total_tokens"},
    {"host_memory", "what offload takes of a node's memory, with a unit: host_memory <= 1 TiB"},
};

struct Comparison {
  std::string_view left;
  std::string_view right;
  bool at_most = true;
  bool strict = false;
};

Comparison split_comparison(std::string_view text) {
  const std::size_t at = text.find_first_of("<>=\xE2");  // \xE2: the first byte of ≤ and ≥
  const auto refuse = [&](const char* code, const std::string& what) {
    throw RequestError(code, fmt::format("the constraint '{}' {}", shortened(text), what),
                       "write it like peak_memory <= 70 GiB, or P(fits) >= 0.9");
  };
  if (at == std::string_view::npos || text[at] == '\xE2')
    refuse("E206", "compares nothing by <= or >=");
  Comparison comparison;
  comparison.at_most = text[at] == '<';
  const bool equal = at + 1 < text.size() && text[at + 1] == '=';
  if (text[at] == '=') refuse("E206", "asks for one exact value, which no prediction meets");
  comparison.strict = !equal;
  comparison.left = trimmed(text.substr(0, at));
  comparison.right = trimmed(text.substr(at + (equal ? 2 : 1)));
  if (comparison.right.find_first_of("<>=") != std::string_view::npos) {
    refuse("E206", "compares twice");
  }
  if (comparison.left.empty()) refuse("E206", "does not say what it is about");
  if (comparison.right.empty()) refuse("E206", "has no bound");
  return comparison;
}

Measure measure_of(const Comparison& comparison) {
  if (const auto index = index_of(comparison.left, measures)) return static_cast<Measure>(*index);
  if (index_of(comparison.right, measures)) {
    throw RequestError("E206",
                       fmt::format("a constraint begins with what it is about, not with '{}'",
                                   shortened(comparison.left)),
                       fmt::format("write {} {} {}", comparison.right,
                                   comparison.at_most ? ">=" : "<=", comparison.left));
  }
  throw RequestError("E207",
                     fmt::format("a constraint can't be about '{}'", shortened(comparison.left)),
                     choose(comparison.left, names_of(measures)));
}

// "30" or "30 d", "720 h".
double days_of(std::string_view text) {
  const NumberText plain = parse_number(scalar(text), Dimension::none, positive);
  if (plain.value) return *plain.value;
  const NumberText time = parse_number(scalar(text), Dimension::seconds, positive);
  if (time.value) return *time.value / seconds_per_day;
  if (time.code == "E205") return number(text, "days", Dimension::seconds, positive);
  throw RequestError(plain.code, fmt::format("'days' {}", plain.message),
                     "write it like 30 or 30 d");
}

// A count below 128 is at most 127.
double gpus_of(const Comparison& comparison) {
  const bool below = comparison.strict && comparison.at_most;
  const bool above = comparison.strict && !comparison.at_most;
  const auto gpus =
      static_cast<double>(count(comparison.right, "gpus", below ? 2 : 1, limits::most_gpus));
  return gpus + (above ? 1 : below ? -1 : 0);
}

double bound_of(Measure measure, const Comparison& comparison) {
  const std::string_view text = comparison.right;
  switch (measure) {
    case Measure::peak_memory:
      return number(text, "peak_memory", Dimension::bytes, positive);
    case Measure::fit_probability:
      return number(text, "P(fits)", Dimension::none, unit_share);
    case Measure::step_time:
      return number(text, "step_time", Dimension::seconds, positive);
    case Measure::tokens_per_s_per_gpu:
      return number(text, "tokens_per_s_per_gpu", Dimension::none, positive);
    case Measure::mfu:
      return number(text, "mfu", Dimension::none, unit_share);
    case Measure::gpus:
      return gpus_of(comparison);
    case Measure::days:
      return days_of(text);
    case Measure::cost:
      return number(text, "cost", Dimension::none, money);
    case Measure::host_memory:
      return number(text, "host_memory", Dimension::bytes, positive);
  }
  return 0;
}

}  // namespace

std::span<const RequestName> search_measures() {
  return measures;
}

const char* to_string(Measure measure) {
  return measures[static_cast<std::size_t>(measure)].name;
}

Constraint parse_constraint(std::string_view text) {
  const Comparison comparison = split_comparison(trimmed(text));
  Constraint constraint;
  constraint.text = std::string(trimmed(text));
  constraint.at_most = comparison.at_most;
  constraint.measure = measure_of(comparison);
  if (constraint.measure == Measure::fit_probability && constraint.at_most) {
    throw RequestError("E206",
                       fmt::format("the constraint '{}' asks for plans that are likely not to fit",
                                   shortened(constraint.text)),
                       "write it like P(fits) >= 0.9");
  }
  constraint.bound = bound_of(constraint.measure, comparison);
  return constraint;
}

void add_constraint(SearchRequest& request, std::string_view text) {
  const Constraint constraint = parse_constraint(text);
  const auto same = [&](const Constraint& one) { return one.text == constraint.text; };
  std::vector<Constraint>& all = request.constraints;
  if (std::none_of(all.begin(), all.end(), same)) all.push_back(constraint);
}

}  // namespace lockstep
