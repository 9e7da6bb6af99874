// What free text means: rules that turn the words of a table of runs ("Megatron-LM (core 0.14+) + TE 2.11",
// "4x HDR InfiniBand per node") into catalog names and settings. The rules are data, in aliases/measured_runs.yaml.
#pragma once

#include <filesystem>
#include <functional>
#include <regex>
#include <string>
#include <vector>

#include "scenarios/diagnostics.hpp"
#include "strategies/plan.hpp"

namespace lockstep {

// The text of a column of what is being resolved, lower case with single spaces; "" where it has none.
using AliasSubject = std::function<std::string(const std::string& column)>;

// One of the patterns is found in the column's text.
struct AliasCondition {
  std::string column;
  std::vector<std::regex> patterns;
};

struct AliasSetting {
  std::string key;
  std::string value;   // "$1" is the first group of the first pattern that has groups; "*0.5" multiplies
  int line = 0;
  int column = 0;
};

struct AliasRule {
  std::string use;                     // a catalog name, or a word of the table
  std::vector<AliasCondition> when;    // all of them; none: every text
  std::vector<AliasCondition> unless;  // none of them
  std::vector<AliasSetting> set;
  std::string assumed;                 // what is taken for granted where this rule decides; "" if nothing is;
                                       // "$precision" is the cell of that column
  std::vector<std::regex> stand_in;    // frameworks that have no profile: `use` only stands in for them
  int line = 0;
};

// A rule that holds for a text, with the groups of its patterns filled into its settings.
struct AliasMatch {
  const AliasRule* rule = nullptr;
  std::vector<AliasSetting> set;
  bool stands_in = false;              // `use` is another framework's

  explicit operator bool() const { return rule != nullptr; }
  // The value of a key, or `otherwise`.
  [[nodiscard]] std::string value(const std::string& key, const std::string& otherwise = {}) const;
};

class AliasTable {
 public:
  std::string name;
  std::vector<AliasRule> rules;
  std::vector<std::string> columns;    // that any rule looks at, sorted

  [[nodiscard]] AliasMatch first(const AliasSubject& subject) const;
  [[nodiscard]] std::vector<AliasMatch> all(const AliasSubject& subject) const;
};

struct Aliases {
  std::string file;
  AliasTable gpus;              // -> a GPU of the catalog
  AliasTable systems;           // -> a system of the catalog
  AliasTable software;          // -> a software profile, and what is usual in that stack
  AliasTable software_details;  // every match: settings of the profile
  AliasTable architectures;     // every match: settings of the model
  AliasTable precisions;        // -> a precision, and settings of the profile
  AliasTable training;          // every match: settings of the training
  AliasTable timing;            // -> whether the row's time is that of steps as the row states them
  AliasTable attention;         // -> an attention kernel
  AliasTable recompute;         // -> none, selective, full
  AliasTable memory;            // -> what a measured peak counts: allocated, reserved, device
  AliasTable unsupported;       // -> why a run cannot be simulated

  // Puts the settings into the struct, in order. Throws InputError with the rule's place.
  void apply(const AliasMatch& match, Software& software) const;
  void apply(const AliasMatch& match, Model& model) const;
  void apply(const AliasMatch& match, Training& training) const;
};

// Throws InputError with every error of the file: unknown and duplicate keys, patterns that are no regular
// expressions, words that the table does not know, settings that the struct has not.
Aliases load_aliases(const std::filesystem::path& file);
Aliases parse_aliases(const std::string& yaml_text, const std::string& file_name);

}  // namespace lockstep
