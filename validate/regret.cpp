// How much is lost by running the plan that is predicted to be fastest, where measurements know the
// fastest.
#include <algorithm>
#include <map>
#include <utility>

#include "validate/runs.hpp"

namespace lockstep {
namespace {

constexpr std::size_t fewest_plans = 5;
constexpr double equally_fast = 1e-9;  // a regret below it is none

struct Times {
  double predicted = 0;
  bool fits = true;
  std::vector<double> measured;
};

struct Group {
  const RunResult* first = nullptr;
  std::vector<std::string> order;
  std::map<std::string, Times> plans;
};

// The shortest predicted step; as `compare` ranks, of the plans that are predicted to fit, if any.
std::size_t fastest(const Group& group, bool must_fit) {
  std::size_t best = 0;
  const auto rank = [&](std::size_t i) {
    const Times& plan = group.plans.at(group.order[i]);
    return std::make_pair(must_fit && !plan.fits, plan.predicted);
  };
  for (std::size_t i = 1; i < group.order.size(); ++i) {
    if (rank(i) < rank(best)) best = i;
  }
  return best;
}

PlanChoice choose(const Group& group) {
  std::vector<double> predicted;
  std::vector<double> measured;
  for (const std::string& plan : group.order) {
    predicted.push_back(group.plans.at(plan).predicted);
    measured.push_back(median(group.plans.at(plan).measured));
  }
  const double best = *std::min_element(measured.begin(), measured.end());
  PlanChoice choice;
  choice.source = group.first->source;
  choice.model = group.first->model;
  choice.gpu = group.first->gpu;
  choice.gpus = group.first->facts.gpus;
  choice.plans = group.order.size();
  choice.regret = measured[fastest(group, false)] / best - 1.0;
  choice.fitting_regret = measured[fastest(group, true)] / best - 1.0;
  choice.spearman = rank_correlation(predicted, measured);
  return choice;
}

RegretSummary summarize(const std::string& source, const std::vector<const PlanChoice*>& choices) {
  RegretSummary out;
  out.source = source;
  std::vector<double> regrets;
  std::vector<double> fitting;
  std::vector<double> correlations;
  for (const PlanChoice* choice : choices) {
    ++out.groups;
    out.plans += choice->plans;
    regrets.push_back(choice->regret);
    fitting.push_back(choice->fitting_regret);
    correlations.push_back(choice->spearman);
    if (choice->regret < equally_fast) ++out.best_picked;
  }
  out.median_regret = median(regrets);
  out.mean_regret = mean(regrets);
  out.median_fitting_regret = median(fitting);
  out.mean_fitting_regret = mean(fitting);
  out.mean_spearman = mean(correlations);
  return out;
}

}  // namespace

std::vector<PlanChoice> plan_choices(const std::vector<RunResult>& rows) {
  std::vector<std::string> order;
  std::map<std::string, Group> groups;
  for (const RunResult& row : rows) {
    if (!row.compared()) continue;
    Group& group = groups[row.facts.choice];
    if (group.first == nullptr) {
      group.first = &row;
      order.push_back(row.facts.choice);
    }
    Times& plan = group.plans[row.facts.plan];
    if (plan.measured.empty()) group.order.push_back(row.facts.plan);
    plan.predicted = row.step_time.predicted.value;
    plan.fits = row.predicted_to_fit;
    plan.measured.push_back(row.step_time.measured);
  }
  std::vector<PlanChoice> out;
  for (const std::string& choice : order) {
    const Group& group = groups.at(choice);
    if (group.order.size() >= fewest_plans) out.push_back(choose(group));
  }
  return out;
}

std::vector<RegretSummary> summarize_regret(const std::vector<PlanChoice>& choices,
                                            const std::vector<std::string>& apart) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<const PlanChoice*>> by_source;
  std::vector<const PlanChoice*> together;
  for (const PlanChoice& choice : choices) {
    if (by_source.count(choice.source) == 0) order.push_back(choice.source);
    by_source[choice.source].push_back(&choice);
    if (std::find(apart.begin(), apart.end(), choice.source) == apart.end())
      together.push_back(&choice);
  }
  std::vector<RegretSummary> out;
  for (const std::string& source : order) out.push_back(summarize(source, by_source.at(source)));
  if (!together.empty()) out.push_back(summarize("all", together));
  return out;
}

}  // namespace lockstep
