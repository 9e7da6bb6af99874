// One field table per struct: a describe() function that names every member once. The YAML reader,
// the defaults, --set, the JSON Schema, the reference documentation and the certainty analysis are
// visitors of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "scenarios/search_request.hpp"
#include "strategies/plan.hpp"
#include "topology/hardware.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep {

struct Range {
  double low = 0.0;
  double high = 1e300;
  bool low_exclusive = false;
};

// What an optional constant is where no file gives it: a judgement of ours, so its kind is
// `assumed`.
struct Fallback {
  double value = 0.0;  // in base units
  double spread = 0.0;
  const char* source = "";  // why this value
};

// Key and documentation of one member; `required` means that a file without it is an error. The
// default of an optional member is what its struct is born with, of an optional constant the
// fallback. A required member may be left out where the map has the key `unless`.
struct FieldInfo {
  const char* key = "";
  const char* doc = "";
  bool required = false;
  Fallback fallback = {};
  const char* unless = "";
};

// One value of an enum member: the name in files, and what it means.
struct Choice {
  const char* name = "";
  int value = 0;
  const char* doc = "";
};

// How texts with a small grammar of their own are written, for messages, schema and reference.
struct PhraseName {
  std::string name;
  std::string doc;  // may be empty
};
struct Phrases {
  std::string what;                  // "a whole number, or a range like 2..8"
  std::string otherwise;             // what holds without them, for readers
  std::string pattern;               // regular expression of a whole text; "": no such texts
  std::vector<PhraseName> names;     // that stand for themselves; "true" and "false" are booleans
  std::optional<Range> numbers;      // plain numbers that pass
  bool whole = false;                // those are whole
  bool list = false;                 // several may be given, as a list
};

class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;
  virtual void text(const FieldInfo& field, std::string& value) = 0;
  // The path of another file: in a scenario or catalog file relative to that file's folder.
  virtual void file(const FieldInfo& field, std::string& value) { text(field, value); }
  virtual void flag(const FieldInfo& field, bool& value) = 0;
  virtual void count(const FieldInfo& field, std::int64_t& value, std::int64_t low,
                     std::int64_t high) = 0;
  virtual void number(const FieldInfo& field, double& value, Range range) = 0;  // dimensionless
  virtual void constant(const FieldInfo& field, ConstantBase& value, Dimension dimension,
                        Range range) = 0;
  virtual void choice(const FieldInfo& field, int& value, std::span<const Choice> choices) = 0;
  virtual void group(const FieldInfo& field, const std::function<void(FieldVisitor&)>& members) = 0;
  // A catalog entry: a name, or an inline map (optionally with `based_on: name`). `folder` is
  // "gpus", "models" …
  virtual void entry(const FieldInfo& field, const char* folder, std::string& name,
                     const std::function<void(FieldVisitor&)>& members) = 0;
  // A list of texts.
  virtual void texts(const FieldInfo& field, std::vector<std::string>& values);
  // Texts that `read` understands: it takes one at a time, and throws RequestError (search_text.hpp).
  virtual void phrases(const FieldInfo& field, const Phrases& form,
                       const std::function<void(const std::string&)>& read);
  // A list of maps with `size` items now; `resize` makes another number of them, `item` describes
  // one. Only a scenario file has one, so that a visitor of catalog structs need not know lists.
  virtual void list(const FieldInfo& field, std::size_t size,
                    const std::function<void(std::size_t)>& resize,
                    const std::function<void(FieldVisitor&, std::size_t)>& item);
};

template <class Enum>
void visit_choice(FieldVisitor& visitor, const FieldInfo& field, Enum& value,
                  std::span<const Choice> choices) {
  int index = static_cast<int>(value);
  visitor.choice(field, index, choices);
  value = static_cast<Enum>(index);
}

void describe(FieldVisitor& visitor, Gpu& gpu);
void describe(FieldVisitor& visitor, System& system);
void describe(FieldVisitor& visitor, Fabric& fabric);
void describe(FieldVisitor& visitor, Cluster& cluster);
void describe(FieldVisitor& visitor, Model& model);
void describe(FieldVisitor& visitor, Training& training);
void describe(FieldVisitor& visitor, Software& software);
void describe(FieldVisitor& visitor, Plan& plan);
void describe(FieldVisitor& visitor, SearchRequest& request);
void describe(FieldVisitor& visitor, Price& price);

}  // namespace lockstep
