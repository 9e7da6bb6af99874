// Alias tables asked once per distinct text: a table of runs repeats its words thousands of times.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "scenarios/aliases.hpp"
#include "validate/run_record.hpp"

namespace lockstep {

// What the rules may look at in one row: its own columns and what has been found out about it so far.
struct AliasRow {
  const RunRecord* record = nullptr;
  std::string gpu_name;
  std::string software;

  [[nodiscard]] std::string column(const std::string& name) const;
};

class AliasLookup {
 public:
  explicit AliasLookup(const Aliases& aliases) : aliases_(aliases) {}
  [[nodiscard]] const Aliases& aliases() const { return aliases_; }

  const AliasMatch& first(const AliasTable& table, const AliasRow& row);
  const std::vector<AliasMatch>& all(const AliasTable& table, const AliasRow& row);

 private:
  const Aliases& aliases_;
  std::map<std::string, AliasMatch> first_;
  std::map<std::string, std::vector<AliasMatch>> all_;
};

}  // namespace lockstep
