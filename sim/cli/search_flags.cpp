#include "sim/cli/search_flags.hpp"

#include <fmt/format.h>

#include "scenarios/search_text.hpp"

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

}  // namespace

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
