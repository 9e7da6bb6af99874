#include "scenarios/fields/scenario_file.hpp"

namespace lockstep {

void describe(FieldVisitor& visitor, ScenarioFile& file) {
  visitor.count({"lockstep", "Version of the file format: 1.", true}, file.version, scenario_version, scenario_version);
  visitor.text({"name", "Title of the scenario; left out: the name of its file."}, file.name);
  visitor.text({"description", "The question that the scenario asks, for readers."}, file.description);
  visitor.entry({"model", "The model: a catalog entry, or a map.", true}, "models", file.model.name,
                [&](FieldVisitor& inner) { describe(inner, file.model); });
  visitor.group({"cluster", "The machines.", true}, [&](FieldVisitor& inner) { describe(inner, file.cluster); });
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
