#include "scenarios/fields/scenario_file.hpp"

namespace lockstep {
namespace {

constexpr Choice group_choices[] = {
    {"rooflines", static_cast<int>(ScenarioGroup::rooflines), "what a kernel is bound by, and what moves that"},
    {"memory", static_cast<int>(ScenarioGroup::memory), "what fills a GPU, and what each way out costs"},
    {"parallelism", static_cast<int>(ScenarioGroup::parallelism), "which plan for which model and machine"},
    {"collectives-and-topology", static_cast<int>(ScenarioGroup::collectives_and_topology),
     "what the wires between the GPUs decide"},
    {"pipeline-and-overlap", static_cast<int>(ScenarioGroup::pipeline_and_overlap),
     "what runs beside what, and who waits"},
    {"long-context-and-experts", static_cast<int>(ScenarioGroup::long_context_and_experts),
     "long sequences and mixtures of experts"},
    {"diagnosis", static_cast<int>(ScenarioGroup::diagnosis), "a run is slower than predicted: why"},
};

}  // namespace

std::span<const Choice> scenario_groups() { return group_choices; }

std::string to_string(ScenarioGroup group) {
  for (const Choice& choice : group_choices) {
    if (choice.value == static_cast<int>(group)) return choice.name;
  }
  return {};
}

void describe_head(FieldVisitor& visitor, ScenarioFile& file) {
  visitor.count({"lockstep", "Version of the file format: 1.", true}, file.version, scenario_version, scenario_version);
  visitor.text({"name", "Title of the scenario; left out: the name of its file."}, file.name);
  visitor.text({"description", "What the scenario sets side by side, for readers."}, file.description);
  visitor.text({"question", "What a reader learns from it: one sentence that ends in a question mark."}, file.question);
  visit_choice(visitor, {"group", "Where `lockstep list scenarios` shows it."}, file.group, group_choices);
  visitor.entry({"model", "The model: a catalog entry, or a map.", true}, "models", file.model.name,
                [&](FieldVisitor& inner) { describe(inner, file.model); });
  visitor.group({"cluster", "The machines.", true}, [&](FieldVisitor& inner) { describe(inner, file.cluster); });
}

void describe(FieldVisitor& visitor, ScenarioFile& file) {
  describe_head(visitor, file);
  visitor.group({"training", "What is trained, however it is spread over GPUs.", true},
                [&](FieldVisitor& inner) { describe(inner, file.training); });
  visitor.entry({"software", "The software profile of every plan without its own: a catalog entry, or a map."},
                "software", file.software.name, [&](FieldVisitor& inner) { describe(inner, file.software); });
  visitor.group({"price", "What a GPU costs, so that days become money."},
                [&](FieldVisitor& inner) { describe(inner, file.price); });
  visitor.group({"search", "What `lockstep search` looks for, and what it may vary: everything that is left out. A "
                           "value is one, a list, or a range like 2..8."},
                [&](FieldVisitor& inner) { describe(inner, file.search); });
  visitor.list(
      {"plans", "The plans to compare: how the training is spread over the cluster.", true, {}, "search"}, file.plans.size(),
      [&](std::size_t size) { file.plans.resize(size); },
      [&](FieldVisitor& inner, std::size_t index) {
        ScenarioPlan& plan = file.plans[index];
        describe(inner, plan.plan);
        inner.group({"cluster", "Keys laid over the scenario's cluster for this plan alone."},
                    [&](FieldVisitor& cluster) { describe(cluster, plan.cluster); });
      });
}

}  // namespace lockstep
