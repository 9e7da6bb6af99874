#include "validate/catalog_models.hpp"

#include <cctype>
#include <string_view>

namespace lockstep {
namespace {

// What two spellings of one name share: its letters and digits, without the publisher in front and remarks behind.
std::string bare(std::string_view name) {
  name = name.substr(0, name.find('('));
  if (const std::size_t slash = name.rfind('/'); slash != std::string_view::npos) name.remove_prefix(slash + 1);
  std::string out;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) out += static_cast<char>(std::tolower(byte));
  }
  constexpr std::string_view publisher = "meta";
  if (out.rfind(publisher, 0) == 0) out.erase(0, publisher.size());
  for (const std::string_view suffix : {"hf", "base", "instruct", "chat"}) {
    const bool has = out.size() > suffix.size() && out.compare(out.size() - suffix.size(), suffix.size(), suffix) == 0;
    if (has) out.resize(out.size() - suffix.size());
  }
  return out;
}

}  // namespace

CatalogModels::CatalogModels(const Catalog& catalog) : catalog_(catalog) {
  for (const std::string& name : catalog.names("models")) names_.emplace(bare(name), name);
}

const Model* CatalogModels::find(const RunRecord& record) {
  if (record.model.empty()) return nullptr;
  const auto name = names_.find(bare(record.model));
  if (name == names_.end()) return nullptr;
  const Model& model = load(name->second);
  const bool same = record.layers == model.layers && record.hidden == model.hidden && record.heads == model.heads;
  return same ? &model : nullptr;
}

const Model* CatalogModels::find_proxy(const RunRecord& record) {
  const std::string wanted = bare(record.model);
  const std::string* best = nullptr;
  std::size_t length = 0;
  for (const auto& [name, entry] : names_) {
    if (name.size() <= length || wanted.rfind(name, 0) != 0) continue;
    const Model& model = load(entry);
    if (record.hidden != model.hidden || record.heads != model.heads) continue;
    best = &entry;
    length = name.size();
  }
  return best == nullptr ? nullptr : &load(*best);
}

const Model& CatalogModels::load(const std::string& name) {
  const auto known = models_.find(name);
  return known != models_.end() ? known->second : models_.emplace(name, catalog_.model(name)).first->second;
}

}  // namespace lockstep
