#include "sim/cli/search_flags.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/search_text.hpp"
#include "scenarios/utf8.hpp"

namespace lockstep::cli {

namespace {

std::vector<std::string> names(std::span<const RequestName> table) {
  std::vector<std::string> list;
  for (const RequestName& one : table) list.emplace_back(one.name);
  return list;
}

// What a text about the search says; the command line is wrong where it says nothing.
template <class Read>
void read(const std::string& flag, const std::string& text, const Read& reader) {
  try {
    reader(text);
  } catch (const RequestError& error) {
    throw UsageError(fmt::format("--{}: {}", flag, error.what()), error.hint());
  }
}

// A flag overrides what the file says of a dimension, and would as silently override a flag.
void check_fixed_once(const std::vector<std::string>& limits) {
  std::vector<std::string> keys;
  for (const std::string& text : limits) {
    std::string key = text.substr(0, text.find('='));
    key.erase(std::remove(key.begin(), key.end(), ' '), key.end());
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) {
      throw UsageError(fmt::format("--fix says twice what {} may be", printable(key)),
                       "list the values in one, as in --fix tensor=4,8");
    }
    keys.push_back(std::move(key));
  }
}

// Whether the command line says what the search cannot do.
bool is_of_a_flag(const Arguments& arguments, const Diagnostic& problem) {
  if (problem.path == "search.memory_headroom") return arguments.has("headroom");
  const std::vector<std::string> limits = arguments.values("fix");
  return std::any_of(limits.begin(), limits.end(), [&](const std::string& text) {
    return problem.path == "search." + text.substr(0, text.find('='));
  });
}

}  // namespace

void blame_search_flags(const Arguments& arguments, const InputError& error) {
  if (error.diagnostics().empty()) return;
  const Diagnostic& problem = error.diagnostics().front();
  if (is_of_a_flag(arguments, problem)) throw UsageError(problem.message, problem.hint);
}

std::vector<Option> search_options() {
  return {{"objective", "WHAT", "what the best plan has the best of (default: step_time)",
           names(search_objectives()), false},
          {"deadline", "TIME", "of gpus_for_deadline: 30 d", {}, false},
          {"top", "N", "so many plans are listed (default: 10)", {}, false},
          {"constraint",
           "TEXT",
           "what every plan must keep: \"peak_memory <= 70 GiB\", \"P(fits) >= 0.9\"",
           {},
           true},
          {"fix",
           "KEY=VALUES",
           "only these values: tensor=8, stages=2..8, recompute=none,full",
           {},
           true},
          {"forbid",
           "FEATURE",
           "no plan with it: offload, context, interleave, zero-bubble …",
           {},
           true},
          {"headroom", "SIZE", "memory of each GPU that stays free: \"4 GiB\"", {}, false}};
}

void apply_search_flags(const Arguments& arguments, Scenario& scenario) {
  SearchRequest& request = scenario.search;
  const auto each = [&](const std::string& flag, auto reader) {
    for (const std::string& text : arguments.values(flag)) {
      read(flag, text, [&](const std::string& one) { reader(request, one); });
    }
  };
  check_fixed_once(arguments.values("fix"));
  each("objective", [](SearchRequest& r, const std::string& t) { set_objective(r, t); });
  each("deadline", [](SearchRequest& r, const std::string& t) { set_deadline(r, t); });
  each("top", [](SearchRequest& r, const std::string& t) { set_top(r, t); });
  each("constraint", [](SearchRequest& r, const std::string& t) { add_constraint(r, t); });
  each("fix", [](SearchRequest& r, const std::string& t) { set_limit(r, t); });
  each("forbid", [](SearchRequest& r, const std::string& t) { add_forbidden(r, t); });
  each("headroom", [](SearchRequest& r, const std::string& t) { set_headroom(r, t); });
  const std::vector<RequestProblem> problems = request_problems(scenario);
  if (!problems.empty()) throw UsageError(problems.front().message, problems.front().hint);
}

}  // namespace lockstep::cli
