// The located tree that a YAML file becomes: what is read from it knows where it was written.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/diagnostics.hpp"

namespace lockstep {

// Who wrote a text decides what it may leave out: a catalog file states the provenance of every constant.
enum class Origin { scenario, catalog, setting };

// A text that was read, kept for the excerpts of its errors; without the byte order mark of UTF-8.
class SourceText {
 public:
  SourceText(std::string name, std::string text, Origin origin);
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] Origin origin() const { return origin_; }
  // A line by its number from 0, without its end; empty beyond the last.
  [[nodiscard]] std::string_view line(std::size_t index) const;

 private:
  std::string name_;
  std::string text_;
  Origin origin_;
  std::vector<std::size_t> line_starts_;
};

// A place in a text; line and column count from 0, columns and length in bytes.
struct Location {
  std::shared_ptr<const SourceText> source;
  std::size_t line = 0;
  std::size_t column = 0;
  std::size_t length = 1;
};

struct Entry;

struct Node {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  std::string text;            // of a scalar
  bool quoted = false;
  Location where;
  std::vector<Node> items;     // of a list
  std::vector<Entry> entries;  // of a map, in the order of the file; keys are unique

  // The entry with this key, or null; also for what is no map.
  [[nodiscard]] const Entry* find(std::string_view key) const;
  [[nodiscard]] Entry* find(std::string_view key);
};

struct Entry {
  std::string key;
  Location where;       // of the key
  Node value;
  bool merged = false;  // put there by an overlay: the scalar that a map was laid over
};

// A diagnostic at a place, with the excerpt.
Diagnostic diagnose(const Location& where, std::string code, std::string message, std::string hint = {});

// "line 7", for hints that point at another place of the text.
std::string line_reference(const Location& where);

}  // namespace lockstep
