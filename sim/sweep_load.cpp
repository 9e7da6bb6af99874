// The scenario at every point of a sweep, and what is wrong with some of them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "scenarios/catalog_trees.hpp"
#include "scenarios/yaml_reader.hpp"
#include "sim/sweep.hpp"

namespace lockstep {

namespace {

constexpr const char* batch_path = "training.global_batch";
constexpr const char* degrees_code = "E401";  // degrees that do not multiply to the GPUs

// "cluster.nodes=8, model.layers=16".
std::string point_text(const SweepRequest& request, const std::vector<std::string>& values) {
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i) {
    text += fmt::format("{}{}={}", i > 0 ? ", " : "", request.axes[i].path, values[i]);
  }
  return text;
}

// Every combination of the axes' values, the first axis outermost.
std::vector<std::vector<std::string>> combinations(const std::vector<SweepAxis>& axes) {
  std::vector<std::vector<std::string>> all{{}};
  for (const SweepAxis& axis : axes) {
    std::vector<std::vector<std::string>> longer;
    for (const std::vector<std::string>& values : all) {
      for (const std::string& value : axis.values) {
        longer.push_back(values);
        longer.back().push_back(value);
      }
    }
    all = std::move(longer);
  }
  return all;
}

bool breaks_degrees(const ScenarioPlan& plan) {
  return std::any_of(plan.problems.begin(), plan.problems.end(),
                     [](const Diagnostic& problem) { return problem.code == degrees_code; });
}

// A rule of the meaning, which another point may keep; not one of a plan's name.
bool is_of_the_point(const Diagnostic& problem) {
  return problem.code.rfind("E4", 0) == 0 && problem.code != "E452" && problem.code != "E453";
}

class Loader {
 public:
  Loader(const std::filesystem::path& file, const Catalog& catalog, const SweepRequest& request)
      : file_(file), catalog_(catalog), request_(request) {
    std::vector<Diagnostic> problems;
    const std::optional<std::string> text = read_text_file(file, Origin::scenario, problems);
    if (!text) throw InputError(std::move(problems));
    text_ = *text;
  }

  SweepInput load() {
    input_.base = parse_scenario(text_, file_.string(), catalog_, IllegalPlans::keep);
    check_names();
    for (const std::vector<std::string>& values : combinations(request_.axes)) {
      input_.points.push_back(load_point(values));
    }
    const bool none = std::none_of(input_.points.begin(), input_.points.end(),
                                   [](const SweepScenario& p) { return p.scenario.has_value(); });
    if (none) errors_.insert(errors_.end(), rules_.begin(), rules_.end());
    if (!errors_.empty()) throw InputError(without_repeats(std::move(errors_)));
    return std::move(input_);
  }

 private:
  // Two plans of one name, or one that can't be addressed, would be so at every point.
  void check_names() const {
    std::vector<Diagnostic> problems = plan_problems(input_.base);
    const bool misnamed = std::any_of(problems.begin(), problems.end(), [](const Diagnostic& p) {
      return p.code == "E452" || p.code == "E453";
    });
    if (misnamed) throw InputError(std::move(problems));
  }

  [[nodiscard]] Scenario parse(const std::vector<Setting>& swept) const {
    std::vector<Setting> settings = catalog_.settings();
    settings.insert(settings.end(), swept.begin(), swept.end());
    Scenario scenario = parse_scenario(
        text_, file_.string(), Catalog(catalog_.folder(), std::move(settings)), IllegalPlans::keep);
    scenario.evidence = input_.base.evidence;  // no setting changes it: one copy for all points
    return scenario;
  }

  SweepScenario load_point(const std::vector<std::string>& values) {
    SweepScenario point;
    point.values = values;
    std::vector<Setting> swept;
    for (std::size_t i = 0; i < values.size(); ++i) {
      swept.push_back({request_.axes[i].path, values[i]});
    }
    try {
      Scenario scenario = parse(swept);
      const std::size_t before = swept.size();
      point.nodes = scenario.cluster.nodes;
      point.gpus = scenario.cluster.gpus;
      if (request_.weak) point.problem = add_batch(scenario, swept);
      if (!point.problem.empty()) return point;
      add_degrees(scenario, swept);
      if (swept.size() == before) {
        point.scenario = std::move(scenario);
        return point;
      }
      Scenario changed = parse(swept);
      point.data_follows = changed_degrees(scenario, changed);
      point.scenario = std::move(changed);
    } catch (const InputError& error) {
      keep_errors(error.diagnostics(), point);
    }
    return point;
  }

  // The batch that keeps the sequences per GPU; why there is none.
  std::string add_batch(const Scenario& scenario, std::vector<Setting>& swept) const {
    const auto batch = static_cast<double>(scenario.training.global_batch);
    const double wanted = batch * static_cast<double>(scenario.cluster.gpus) /
                          static_cast<double>(input_.base.cluster.gpus);
    if (wanted != std::floor(wanted) || wanted < 1) {
      return fmt::format(
          "the global batch would be {:.5g} sequences: {} on {} GPUs are {:.5g} for each", wanted,
          scenario.training.global_batch, input_.base.cluster.gpus,
          batch / static_cast<double>(input_.base.cluster.gpus));
    }
    if (wanted != batch) swept.push_back({batch_path, fmt::format("{:.0f}", wanted)});
    return {};
  }

  // Data degrees left out where those that the file states no longer fill the cluster.
  void add_degrees(const Scenario& scenario, std::vector<Setting>& swept) const {
    for (std::size_t i = 0; i < scenario.plans.size(); ++i) {
      const ScenarioPlan& plan = scenario.plans[i];
      const std::string path = fmt::format("plans.{}.data", plan.plan.name);
      const bool is_swept = std::any_of(request_.axes.begin(), request_.axes.end(),
                                        [&](const SweepAxis& axis) { return axis.path == path; });
      if (!breaks_degrees(plan) || breaks_degrees(input_.base.plans[i]) || is_swept) continue;
      swept.push_back({path, "0"});
    }
  }

  static std::vector<std::string> changed_degrees(const Scenario& stated, const Scenario& derived) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < stated.plans.size(); ++i) {
      const Plan& plan = derived.plans[i].plan;
      if (stated.plans[i].plan.data != plan.data) names.push_back(plan.name);
    }
    return names;
  }

  void keep_errors(std::vector<Diagnostic> problems, SweepScenario& point) {
    const bool rules = std::all_of(problems.begin(), problems.end(), is_of_the_point);
    if (rules) point.problem = problems.front().message;
    for (Diagnostic& problem : problems) {
      name_point(problem, point.values);
      (rules ? rules_ : errors_).push_back(std::move(problem));
    }
  }

  // An error in a swept value shows it; any other says where it came up.
  void name_point(Diagnostic& problem, const std::vector<std::string>& values) const {
    for (const SweepAxis& axis : request_.axes) {
      if (problem.file == "--set" && problem.source_line.rfind(axis.path + "=", 0) == 0) {
        problem.file = "--over";
        return;
      }
    }
    problem.message = fmt::format("at {}: {}", point_text(request_, values), problem.message);
  }

  const std::filesystem::path& file_;
  const Catalog& catalog_;
  const SweepRequest& request_;
  std::string text_;
  SweepInput input_;
  std::vector<Diagnostic> errors_;
  std::vector<Diagnostic> rules_;
};

}  // namespace

SweepInput load_sweep(const std::filesystem::path& file, const Catalog& catalog,
                      const SweepRequest& request) {
  return Loader(file, catalog, request).load();
}

}  // namespace lockstep
