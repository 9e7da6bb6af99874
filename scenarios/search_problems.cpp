// What a scenario's search asks for and can't get: rules between its keys and the rest of the file.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "scenarios/search_text.hpp"

namespace lockstep {

namespace {

// A plan without the feature has this value of the dimension.
struct FeatureRule {
  const char* feature;
  const char* dimension;
  double value;      // of counts and shares
  const char* name;  // of choices; null for the others
};
constexpr FeatureRule feature_rules[] = {
    {"tensor", "tensor", 1, nullptr},
    {"pipeline", "stages", 1, nullptr},
    {"interleave", "interleave", 1, nullptr},
    {"context", "context", 1, nullptr},
    {"expert", "expert", 1, nullptr},
    {"sharding", "sharding", 0, "none"},
    {"sequence-parallel", "sequence_parallel", 0, "false"},
    {"recompute", "recompute", 0, "none"},
    {"offload", "offload_optimizer", 0, nullptr},
    {"offload", "offload_weights", 0, nullptr},
    {"offload", "offload_activations", 0, nullptr},
};

class RequestCheck {
 public:
  explicit RequestCheck(const Scenario& scenario)
      : scenario_(scenario), request_(scenario.search) {}

  std::vector<RequestProblem> run() {
    check_software();
    check_objective();
    check_constraints();
    check_forbidden();
    return std::move(problems_);
  }

 private:
  void report(std::string field, std::size_t item, std::string message, std::string hint) {
    problems_.push_back({std::move(field), item, std::move(message), std::move(hint)});
  }

  [[nodiscard]] bool has_tokens() const { return scenario_.training.total_tokens > 0; }

  void check_software() {
    if (!scenario_.software.name.empty()) return;
    report("search", 0, "a search needs a software profile for its plans",
           "name one for all plans: 'software: NAME' beside 'search'");
  }

  void check_objective() {
    const bool deadline = request_.deadline_days > 0;
    const bool wants_deadline = request_.objective == Objective::gpus_for_deadline;
    if (wants_deadline && !deadline) {
      report("search.objective", 0, "gpus_for_deadline needs a deadline",
             "add one: deadline: 30 d");
    }
    if (wants_deadline && !has_tokens()) need_tokens("search.objective", 0, "gpus_for_deadline");
    if (deadline && !wants_deadline) {
      report("search.deadline", 0,
             fmt::format("a deadline means nothing to the objective {}",
                         to_string(request_.objective)),
             "set objective: gpus_for_deadline, or write it as the constraint days <= 30");
    }
    if (request_.objective == Objective::cost_per_token && !scenario_.price.stated()) {
      need_price("search.objective", 0, "cost_per_token");
    }
  }

  void need_tokens(const char* field, std::size_t item, const std::string& who) {
    report(
        field, item,
        fmt::format("{} needs the length of the run, and training.total_tokens is not stated", who),
        "add it to training: total_tokens: 15e12");
  }

  void need_price(const char* field, std::size_t item, const std::string& who) {
    report(field, item, fmt::format("{} needs a price, and the scenario has none", who),
           "add one: 'price: {per_gpu_hour: 2.5, currency: USD, date: 2026-11-01}'");
  }

  void check_constraints() {
    for (std::size_t i = 0; i < request_.constraints.size(); ++i) {
      const Constraint& one = request_.constraints[i];
      const bool of_run = one.measure == Measure::days || one.measure == Measure::cost;
      const std::string who = fmt::format("the constraint '{}'", one.text);
      if (of_run && !has_tokens()) need_tokens("search.constraints", i, who);
      if (one.measure == Measure::cost && !scenario_.price.stated())
        need_price("search.constraints", i, who);
      check_against_earlier(i);
    }
  }

  void check_against_earlier(std::size_t index) {
    const Constraint& one = request_.constraints[index];
    for (std::size_t i = 0; i < index; ++i) {
      const Constraint& other = request_.constraints[i];
      if (other.measure != one.measure || other.at_most == one.at_most) continue;
      const double most = one.at_most ? one.bound : other.bound;
      const double least = one.at_most ? other.bound : one.bound;
      if (least <= most) continue;
      report("search.constraints", index,
             fmt::format("no plan has both '{}' and '{}'", other.text, one.text),
             "remove one of them");
    }
  }

  void check_forbidden() {
    for (std::size_t i = 0; i < request_.forbidden.size(); ++i) {
      for (const FeatureRule& rule : feature_rules) {
        if (request_.forbidden[i] != rule.feature) continue;
        const bool allowed = rule.name == nullptr ? request_.allows(rule.dimension, rule.value)
                                                  : request_.allows(rule.dimension, rule.name);
        if (allowed) continue;
        const std::string value =
            rule.name == nullptr ? fmt::format("{:g}", rule.value) : rule.name;
        report("search.forbid", i,
               fmt::format("{} is forbidden, and the values of {} leave no plan without it",
                           rule.feature, rule.dimension),
               fmt::format("add {} to {}, or remove {} from forbid", value, rule.dimension,
                           rule.feature));
      }
    }
  }

  const Scenario& scenario_;
  const SearchRequest& request_;
  std::vector<RequestProblem> problems_;
};

}  // namespace

std::vector<RequestProblem> request_problems(const Scenario& scenario) {
  return RequestCheck(scenario).run();
}

}  // namespace lockstep
