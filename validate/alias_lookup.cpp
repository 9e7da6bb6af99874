#include "validate/alias_lookup.hpp"

namespace lockstep {
namespace {

// The texts that the table's rules look at, in one key.
std::string key_of(const AliasTable& table, const AliasRow& row) {
  std::string key = table.name;
  for (const std::string& column : table.columns) {
    key += '\n';
    key += row.column(column);
  }
  return key;
}

std::string count_text(const StatedCount& count) { return count ? std::to_string(*count) : std::string{}; }

}  // namespace

std::string AliasRow::column(const std::string& name) const {
  if (name == "gpu_name") return gpu_name;
  if (name == "software") return software;
  if (name == "num_gpus") return count_text(record->num_gpus);
  if (name == "gpus_per_node") return count_text(record->gpus_per_node);
  if (name == "architecture") {
    const std::string& arch = record->word("arch");
    return arch.empty() ? record->word("model") : arch;
  }
  return record->word(name);
}

const AliasMatch& AliasLookup::first(const AliasTable& table, const AliasRow& row) {
  const std::string key = key_of(table, row);
  const auto found = first_.find(key);
  if (found != first_.end()) return found->second;
  return first_.emplace(key, table.first([&](const std::string& column) { return row.column(column); })).first->second;
}

const std::vector<AliasMatch>& AliasLookup::all(const AliasTable& table, const AliasRow& row) {
  const std::string key = key_of(table, row);
  const auto found = all_.find(key);
  if (found != all_.end()) return found->second;
  return all_.emplace(key, table.all([&](const std::string& column) { return row.column(column); })).first->second;
}

}  // namespace lockstep
