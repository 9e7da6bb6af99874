// Reads a located tree into structs, by their field tables, and collects every error on the way.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/fields.hpp"
#include "scenarios/fitted.hpp"
#include "scenarios/node.hpp"

namespace lockstep {

// Where named entries come from.
class EntrySource {
 public:
  virtual ~EntrySource() = default;
  // The tree of a named entry with everything it is based on; null where there is none, which is then reported.
  virtual const Node* named(const std::string& folder, const std::string& name, const Location& from) = 0;
  // An inline map with everything it is based on, and the name it is known by; nothing where that failed.
  virtual std::optional<Node> inline_map(const std::string& folder, const Node& map, std::string& name) = 0;
  // The tree of the file that `name` names, as one that an entry of its own would be, and the name it is known by:
  // the file's without folder and ending. Relative to the text that names it. Nothing where that failed.
  virtual std::optional<Node> file(const std::string& folder, const Node& path, std::string& name);
  // The parameters that constants may name by `fit`. Without a catalog there are none.
  virtual const FittedParameters& fitted();
};

// Of files that name no catalog entry.
class NoEntries final : public EntrySource {
 public:
  const Node* named(const std::string&, const std::string&, const Location&) override {
    return nullptr;
  }
  std::optional<Node> inline_map(const std::string&, const Node&, std::string&) override {
    return std::nullopt;
  }
};

// Whether an entry is given by a file of its own: "./my-node.yaml".
bool names_a_file(const std::string& entry);

struct ReadContext {
  std::vector<Diagnostic>& problems;
  EntrySource& entries;
};

// Reads the members of one map: `members` calls a describe(). `where` is what to mark when a key is missing (the
// map's own key), `path` the map's dotted path, "" for a whole file.
void read_map(const Node& map, const Location& where, const std::string& path, ReadContext& context,
              const std::function<void(FieldVisitor&)>& members);

}  // namespace lockstep
