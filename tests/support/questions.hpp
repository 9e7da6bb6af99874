// Questions of round numbers, and what is found of them by name.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "sim/explain/counterfactual.hpp"
#include "tests/support/round_numbers.hpp"

namespace lockstep::testing {

inline Question question_on(std::int64_t nodes, const Plan& plan) {
  Question question;
  question.model = small_gpt();
  question.training = small_training();
  question.cluster = round_cluster(nodes);
  question.plan = plan;
  return question;
}

inline const Counterfactual& find(const std::vector<Counterfactual>& all, const std::string& name) {
  for (const Counterfactual& one : all) {
    if (one.name == name) return one;
  }
  throw std::logic_error("no change " + name);
}

}  // namespace lockstep::testing
