// What people write about a search, into a SearchRequest: keys of `search:` in a scenario and flags
// of `lockstep search` share these, so that both take the same words and answer with the same ones.
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scenarios/scenario.hpp"

namespace lockstep {

// Why a text says nothing about a search. what() is a whole sentence without a full stop, hint()
// says what to write instead. The YAML reader puts file, line and caret to it (E206 to E209); a
// command line shows it as a wrong usage.
class RequestError : public std::runtime_error {
 public:
  RequestError(std::string code, const std::string& message, std::string hint)
      : std::runtime_error(message), code_(std::move(code)), hint_(std::move(hint)) {}
  [[nodiscard]] const std::string& code() const { return code_; }
  [[nodiscard]] const std::string& hint() const { return hint_; }

 private:
  std::string code_;
  std::string hint_;
};

// A name that files and flags may use, and what it means.
struct RequestName {
  const char* name;
  const char* doc;
};
std::span<const RequestName> search_objectives();  // in the order of Objective
std::span<const RequestName> search_measures();    // in the order of Measure
std::span<const RequestName> search_features();    // what `forbid` takes

const char* to_string(Objective objective);
const char* to_string(Measure measure);

// Each throws RequestError and then leaves the request as it was.

// "step_time", "gpus_for_deadline". Another objective than the last one has no use for a deadline
// and drops it: read the objective before the deadline.
void set_objective(SearchRequest& request, std::string_view text);
// "30 d", "12 h": a positive time with its unit.
void set_deadline(SearchRequest& request, std::string_view text);
// "4 GiB"
void set_headroom(SearchRequest& request, std::string_view text);
// "10", from 1 to most_plans_listed
inline constexpr std::int64_t most_plans_listed = 1000;
void set_top(SearchRequest& request, std::string_view text);
// "peak_memory <= 70 GiB", "P(fits) >= 0.9", "gpus < 128". For what is no whole number < means <=,
// since point predictions meet a bound exactly only by accident.
Constraint parse_constraint(std::string_view text);
void add_constraint(SearchRequest& request, std::string_view text);
// "offload", "offload, context"
void add_forbidden(SearchRequest& request, std::string_view text);
// One value or several: "8", "2..8", "1, 2, 4", "selective, full", "0..50 %". What was said of the
// dimension before no longer holds (set_limit), or holds besides (add_limit).
void set_limit(SearchRequest& request, const SearchDimension& dimension, std::string_view text);
void add_limit(SearchRequest& request, const SearchDimension& dimension, std::string_view text);
// The same from a flag: "tensor=2..8".
void set_limit(SearchRequest& request, std::string_view text);

// "2026-11-01", a day of the calendar
void set_date(Price& price, std::string_view text);

// A request that no plan can meet, or that asks for what the scenario does not state. `field` is
// the key that says so: "search.objective", "search.constraints".
struct RequestProblem {
  std::string field;
  std::size_t item = 0;  // of the list in that field
  std::string message;
  std::string hint;
};

// Every contradiction in what the scenario's search asks for: objective without deadline, price or
// training.total_tokens; constraints that exclude each other; a forbidden feature that a limit
// demands; no software. Ask again after flags have changed the request.
std::vector<RequestProblem> request_problems(const Scenario& scenario);

}  // namespace lockstep
