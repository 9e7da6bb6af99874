#include "validate/search_regret.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "scenarios/tree_writer.hpp"
#include "sim/search/search.hpp"
#include "sim/search/space.hpp"
#include "validate/run_facts.hpp"
#include "validate/statistics.hpp"

namespace lockstep {
namespace {

constexpr double equally_fast = 1e-9;  // relative; two plans that do the same
constexpr double nearly_fastest = 0.05;

const MeasuredPlan& measured_fastest(const std::vector<MeasuredPlan>& plans) {
  return *std::min_element(
      plans.begin(), plans.end(),
      [](const MeasuredPlan& a, const MeasuredPlan& b) { return a.step_time_s < b.step_time_s; });
}

// The measured plan that the pick is, or that is predicted as fast and to fit; of several the one
// whose prediction is nearest. Null: none.
const MeasuredPlan* run_of(const Plan& pick, double predicted_s,
                           const std::vector<MeasuredPlan>& plans) {
  const std::string key = plan_key(as_found(pick));
  const auto distance = [&](const MeasuredPlan& one) {
    return std::fabs(one.predicted_s - predicted_s);
  };
  const MeasuredPlan* nearest = nullptr;
  for (const MeasuredPlan& one : plans) {
    const bool as_fast = one.fits && distance(one) <= equally_fast * predicted_s;
    if (!as_fast && plan_key(as_found(one.plan)) != key) continue;
    if (nearest == nullptr || distance(one) < distance(*nearest)) nearest = &one;
  }
  return nearest;
}

// As the search ranks: of the plans that are predicted to fit.
SearchPick pick_of_plans(const SearchQuestion& question, const PlanPointers& of_source) {
  const MeasuredPlan* best = nullptr;
  for (const MeasuredPlan& one : question.plans) {
    if (one.fits && (best == nullptr || one.predicted_s < best->predicted_s)) best = &one;
  }
  SearchPick pick;
  if (best == nullptr) {
    pick.problem = "no plan is predicted to fit";
  } else {
    pick = judge_pick(best->plan, best->predicted_s, question.plans, of_source);
  }
  pick.combinations = question.plans.size();
  return pick;
}

// The profiles of the group, each once.
std::vector<Software> profiles(const std::vector<MeasuredPlan>& plans) {
  std::vector<Software> out;
  std::vector<Node> trees;
  for (const MeasuredPlan& one : plans) {
    Software software = one.plan.software;
    Node tree = tree_of([&](FieldVisitor& visitor) { describe(visitor, software); });
    const bool known = std::any_of(trees.begin(), trees.end(),
                                   [&](const Node& other) { return same_tree(other, tree); });
    if (known) continue;
    out.push_back(std::move(software));
    trees.push_back(std::move(tree));
  }
  return out;
}

// The best plan over the group's profiles.
SearchPick pick_of_search(const SearchQuestion& question, const std::vector<Software>& softwares,
                          const SearchRequest& request, const PlanPointers& of_source,
                          int threads) {
  SearchPick pick;
  std::optional<FoundPlan> best;
  std::uint64_t combinations = 0;
  Scenario scenario = question.scenario;
  scenario.search = request;
  for (const Software& software : softwares) {
    scenario.software = software;
    try {
      SearchResult result = search_plans(scenario, {}, threads);
      combinations += result.counts.enumerated;
      if (result.best.empty()) continue;
      FoundPlan& found = result.best.front();
      if (!best || found.candidate.costs.step_time_s < best->candidate.costs.step_time_s)
        best = std::move(found);
    } catch (const InputError& error) {  // a request that contradicts the scenario
      pick.problem = error.diagnostics().front().message;
    }
  }
  if (best) {
    pick = judge_pick(best->plan, best->candidate.costs.step_time_s, question.plans, of_source);
  } else if (pick.problem.empty()) {
    pick.problem = "no plan is predicted to fit";
  }
  pick.combinations = combinations;
  return pick;
}

PlanPointers pointers_to(const std::vector<MeasuredPlan>& plans) {
  PlanPointers out;
  for (const MeasuredPlan& one : plans) out.push_back(&one.plan);
  return out;
}

void note_measured(const std::vector<double>& regrets, SearchRegret& out) {
  out.measured = regrets.size();
  if (regrets.empty()) return;
  out.median_regret = median(regrets);
  out.mean_regret = mean(regrets);
  for (const double regret : regrets) {
    if (regret <= equally_fast) ++out.fastest;
    if (regret <= nearly_fastest) ++out.nearly;
  }
}

SearchRegret summarize(const std::string& source, SearchSpace space,
                       const std::vector<const SearchedChoice*>& choices) {
  SearchRegret out;
  out.source = source;
  out.space = space;
  out.groups = choices.size();
  std::vector<double> regrets;
  std::vector<double> gains;
  for (const SearchedChoice* choice : choices) {
    const SearchPick& pick = choice->pick(space);
    if (!pick.found()) continue;
    ++out.found;
    if (!pick.unmeasured.empty()) ++out.beyond;
    (pick.measured ? regrets : gains).push_back(pick.measured ? pick.regret : pick.predicted_gain);
  }
  note_measured(regrets, out);
  if (gains.empty()) return out;
  out.median_predicted_gain = median(gains);
  out.largest_predicted_gain = *std::max_element(gains.begin(), gains.end());
  return out;
}

}  // namespace

const char* name_of(SearchSpace space) {
  constexpr std::array names{"plans", "values", "features"};
  return names[static_cast<std::size_t>(space)];
}

const char* words_for(SearchSpace space) {
  constexpr std::array words{"the measured plans", "their values, combined",
                             "the source's features"};
  return words[static_cast<std::size_t>(space)];
}

SearchPick judge_pick(const Plan& pick, double predicted_s,
                      const std::vector<MeasuredPlan>& measured, const PlanPointers& of_source) {
  const MeasuredPlan& fastest = measured_fastest(measured);
  SearchPick out;
  out.plan = plan_name(as_found(pick));
  out.predicted_gain = 1.0 - predicted_s / fastest.predicted_s;
  const MeasuredPlan* run = run_of(pick, predicted_s, measured);
  out.measured = run != nullptr;
  if (run != nullptr) {
    out.regret = run->step_time_s / fastest.step_time_s - 1.0;
  } else {
    out.unmeasured = unmeasured_settings(pick, of_source);
  }
  return out;
}

SearchedChoice search_choice(const SearchQuestion& question, const PlanPointers& of_source,
                             int threads) {
  SearchedChoice choice;
  choice.source = question.source;
  choice.model = question.model;
  choice.gpu = question.gpu;
  choice.gpus = gpu_count(question.scenario.cluster);
  choice.plans = question.plans.size();
  const MeasuredPlan& fastest = measured_fastest(question.plans);
  choice.fastest = plan_name(as_found(fastest.plan));
  choice.fastest_fits = fastest.fits;
  const std::vector<Software> softwares = profiles(question.plans);
  const auto searched = [&](const SearchRequest& request) {
    return pick_of_search(question, softwares, request, of_source, threads);
  };
  choice.picks = {pick_of_plans(question, of_source),
                  searched(request_of_values(pointers_to(question.plans))),
                  searched(request_of_features(of_source))};
  return choice;
}

std::vector<SearchedChoice> search_choices(const std::vector<SearchQuestion>& questions,
                                           int threads) {
  std::map<std::string, PlanPointers> by_source;
  for (const SearchQuestion& question : questions) {
    PlanPointers& plans = by_source[question.source];
    for (const MeasuredPlan& one : question.plans) plans.push_back(&one.plan);
  }
  std::vector<SearchedChoice> out;
  for (const SearchQuestion& question : questions)
    out.push_back(search_choice(question, by_source.at(question.source), threads));
  return out;
}

std::vector<SearchRegret> summarize_search(const std::vector<SearchedChoice>& choices,
                                           const std::vector<std::string>& apart) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<const SearchedChoice*>> by_source;
  std::vector<const SearchedChoice*> together;
  for (const SearchedChoice& choice : choices) {
    if (by_source.count(choice.source) == 0) order.push_back(choice.source);
    by_source[choice.source].push_back(&choice);
    if (std::find(apart.begin(), apart.end(), choice.source) == apart.end())
      together.push_back(&choice);
  }
  std::vector<SearchRegret> out;
  const auto add = [&](const std::string& source, const std::vector<const SearchedChoice*>& of) {
    for (const SearchSpace space : search_spaces) out.push_back(summarize(source, space, of));
  };
  for (const std::string& source : order) add(source, by_source.at(source));
  if (!together.empty()) add("all", together);
  return out;
}

}  // namespace lockstep
