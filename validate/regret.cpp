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

// The shortest predicted step; as `compare` ranks, of the plans that are predicted to fit, if any.
std::size_t fastest(const ChoiceGroup& group, bool must_fit) {
  std::size_t best = 0;
  const auto rank = [&](std::size_t i) {
    const GroupPlan& plan = group.plans[i];
    return std::make_pair(must_fit && !plan.fits, plan.predicted);
  };
  for (std::size_t i = 1; i < group.plans.size(); ++i) {
    if (rank(i) < rank(best)) best = i;
  }
  return best;
}

PlanChoice choose(const ChoiceGroup& group, const RunResult& first) {
  std::vector<double> predicted;
  std::vector<double> measured;
  for (const GroupPlan& plan : group.plans) {
    predicted.push_back(plan.predicted);
    measured.push_back(median(plan.measured));
  }
  const double best = *std::min_element(measured.begin(), measured.end());
  PlanChoice choice;
  choice.source = first.source;
  choice.model = first.model;
  choice.gpu = first.gpu;
  choice.gpus = first.facts.gpus;
  choice.plans = group.plans.size();
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

std::vector<ChoiceGroup> choice_groups(const std::vector<RunResult>& rows) {
  std::vector<ChoiceGroup> groups;
  std::map<std::string, std::size_t> group_at;
  std::map<std::pair<std::size_t, std::string>, std::size_t> plan_at;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const RunResult& row = rows[i];
    if (!row.compared()) continue;
    const std::size_t at = group_at.emplace(row.facts.choice, groups.size()).first->second;
    if (at == groups.size()) groups.emplace_back();
    std::vector<GroupPlan>& plans = groups[at].plans;
    const auto [known, added] = plan_at.emplace(std::pair(at, row.facts.plan), plans.size());
    if (added) plans.push_back({i, 0, true, {}});
    GroupPlan& plan = plans[known->second];
    plan.predicted = row.step_time.predicted.value;
    plan.fits = row.predicted_to_fit;
    plan.measured.push_back(row.step_time.measured);
  }
  groups.erase(std::remove_if(
                   groups.begin(), groups.end(),
                   [](const ChoiceGroup& group) { return group.plans.size() < fewest_plans; }),
               groups.end());
  return groups;
}

std::vector<PlanChoice> plan_choices(const std::vector<RunResult>& rows) {
  std::vector<PlanChoice> out;
  for (const ChoiceGroup& group : choice_groups(rows))
    out.push_back(choose(group, rows[group.plans.front().row]));
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
