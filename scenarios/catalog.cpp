#include <utility>

#include "scenarios/catalog_trees.hpp"
#include "scenarios/scenario.hpp"

namespace lockstep {
namespace {

// Reads one entry by its name alone.
template <class Struct>
Struct read_entry(CatalogTrees& trees, const std::string& folder, const std::string& name) {
  std::vector<Diagnostic> problems = check_settings(trees);
  CatalogEntrySource entries(trees, problems);
  ReadContext context{problems, entries};
  Struct result;
  result.name = name;
  if (const Node* tree = entries.named(folder, name, {})) {
    read_map(*tree, tree->where, folder + "." + name, context, [&](FieldVisitor& visitor) { describe(visitor, result); });
  }
  if (!problems.empty()) throw InputError(without_repeats(std::move(problems)));
  return result;
}

}  // namespace

Catalog::Catalog(std::filesystem::path folder, std::vector<Setting> settings)
    : folder_(std::move(folder)),
      settings_(std::move(settings)),
      trees_(std::make_shared<CatalogTrees>(folder_, settings_)) {}

std::shared_ptr<const Evidence> Catalog::evidence() const {
  const CatalogTrees::ReadEvidence& read = trees_->evidence();
  if (!read.problems.empty()) throw InputError(read.problems);
  return read.evidence;
}

std::vector<std::string> Catalog::names(const std::string& kind) const { return trees_->names(kind); }

Gpu Catalog::gpu(const std::string& name) const { return read_entry<Gpu>(*trees_, "gpus", name); }
System Catalog::system(const std::string& name) const { return read_entry<System>(*trees_, "systems", name); }
Model Catalog::model(const std::string& name) const { return read_entry<Model>(*trees_, "models", name); }
Software Catalog::software(const std::string& name) const { return read_entry<Software>(*trees_, "software", name); }

}  // namespace lockstep
