#include "scenarios/tree_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "scenarios/constant_reader.hpp"
#include "scenarios/number_text.hpp"
#include "scenarios/search_text.hpp"
#include "scenarios/utf8.hpp"

namespace lockstep {
namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string quoted_list(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += fmt::format("{}'{}'", text.empty() ? "" : ", ", name);
  return text;
}

class TreeReader final : public FieldVisitor {
 public:
  TreeReader(const Node& map, Location where, std::string path, ReadContext& context)
      : map_(map), where_(std::move(where)), path_(std::move(path)), context_(context) {}

  void text(const FieldInfo& field, std::string& value) override {
    if (const Node* node = scalar(field, "a text")) value = node->text;
  }

  void file(const FieldInfo& field, std::string& value) override {
    const Node* node = scalar(field, "the path of a file");
    if (node == nullptr) return;
    value = node->text;
    const std::filesystem::path path(node->text);
    const SourceText* source = node->where.source.get();
    if (path.is_relative() && source != nullptr && source->origin() != Origin::setting) {
      value = (std::filesystem::path(source->name()).parent_path() / path).string();
    }
    std::error_code error;
    if (std::filesystem::is_regular_file(value, error)) return;
    report(node->where, "E304", field, fmt::format("'{}' names no file", field.key),
           fmt::format("looked for {}", value));
  }

  void flag(const FieldInfo& field, bool& value) override {
    const Node* node = scalar(field, "true or false");
    if (node == nullptr) return;
    if (node->text == "true" && !node->quoted) {
      value = true;
    } else if (node->text == "false" && !node->quoted) {
      value = false;
    } else {
      report(node->where, "E204", field, fmt::format("'{}' must be true or false, not '{}'", field.key, shortened(node->text)),
             node->quoted ? "write it without quotes" : "write true or false");
    }
  }

  void count(const FieldInfo& field, std::int64_t& value, std::int64_t low, std::int64_t high) override {
    const Node* node = scalar(field, "a whole number");
    if (node == nullptr) return;
    const CountText parsed = parse_count(*node, low, high);
    if (parsed.value) {
      value = *parsed.value;
    } else {
      report(node->where, parsed.code, field, fmt::format("'{}' {}", field.key, parsed.message), parsed.hint);
    }
  }

  void number(const FieldInfo& field, double& value, Range range) override {
    const Node* node = scalar(field, "a number");
    if (node == nullptr) return;
    const NumberText parsed = parse_number(*node, Dimension::none, range);
    if (parsed.value) {
      value = *parsed.value;
    } else {
      report(node->where, parsed.code, field, fmt::format("'{}' {}", field.key, parsed.message), parsed.hint);
    }
  }

  void constant(const FieldInfo& field, ConstantBase& value, Dimension dimension, Range range) override {
    const Entry* entry = find(field);
    if (entry == nullptr) {
      if (!field.required) {
        value = ConstantBase{field.fallback.value, field.fallback.spread, Provenance::assumed, field.fallback.source};
      }
      return;
    }
    read_constant(*entry, child_path(field.key), dimension, range, context_.entries.fitted(), value,
                  context_.problems);
  }

  void choice(const FieldInfo& field, int& value, std::span<const Choice> choices) override {
    const Node* node = scalar(field, "a name");
    if (node == nullptr) return;
    std::vector<std::string> names;
    for (const Choice& choice : choices) {
      if (node->text == choice.name) {
        value = choice.value;
        return;
      }
      names.emplace_back(choice.name);
    }
    const std::string nearest = nearest_name(node->text, names);
    report(node->where, "E207", field, fmt::format("'{}' can't be '{}'", field.key, shortened(node->text)),
           nearest.empty() ? "one of: " + joined(names)
                           : fmt::format("did you mean '{}'? One of: {}", nearest, joined(names)));
  }

  void group(const FieldInfo& field, const std::function<void(FieldVisitor&)>& members) override {
    const Entry* entry = find(field);
    if (entry == nullptr) return;
    const Entry* replaced = entry->value.find("based_on");
    const bool is_map = entry->value.kind == Node::Kind::map && !(replaced != nullptr && replaced->merged);
    if (!is_map) {
      const Location& at = replaced != nullptr ? replaced->where : entry->value.where;
      report(at, "E204", field, fmt::format("'{}' must be a map of keys", field.key),
             fmt::format("write {}: {{key: value}}, or its keys indented below it", field.key));
      return;
    }
    read_map(entry->value, entry->where, child_path(field.key), context_, members);
  }

  void entry(const FieldInfo& field, const char* folder, std::string& name,
             const std::function<void(FieldVisitor&)>& members) override {
    const Entry* found = find(field);
    if (found == nullptr) return;
    const Node& node = found->value;
    if (node.kind == Node::Kind::scalar && names_a_file(node.text)) {
      if (const std::optional<Node> tree = context_.entries.file(folder, node, name)) {
        read_map(*tree, tree->where, std::string(folder) + "." + name, context_, members);
      }
    } else if (node.kind == Node::Kind::scalar) {
      name = node.text;
      if (const Node* tree = context_.entries.named(folder, name, node.where)) {
        // Its own name, not this place: an error of the entry is one error wherever it is used.
        read_map(*tree, tree->where, std::string(folder) + "." + name, context_, members);
      }
    } else if (node.kind == Node::Kind::map) {
      if (const std::optional<Node> tree = context_.entries.inline_map(folder, node, name)) {
        read_map(*tree, found->where, child_path(field.key), context_, members);
      }
    } else {
      report(node.where, "E204", field, fmt::format("'{}' must be a catalog name, a YAML file or a map", field.key),
             fmt::format("`lockstep list {}` shows the names", folder));
    }
  }

  void texts(const FieldInfo& field, std::vector<std::string>& values) override {
    const Entry* entry = find(field);
    if (entry == nullptr) return;
    if (entry->value.kind != Node::Kind::list) {
      const bool one = entry->value.kind == Node::Kind::scalar;
      report(entry->value.where, "E204", field, fmt::format("'{}' must be a list", field.key),
             one ? fmt::format("write [{}]", shortened(entry->value.text)) : "write [FIRST, SECOND]");
      return;
    }
    values.clear();
    for (const Node& item : entry->value.items) {
      if (item.kind == Node::Kind::scalar) {
        values.push_back(item.text);
      } else {
        report(item.where, "E204", field, fmt::format("an item of '{}' must be a text", field.key), field.doc);
      }
    }
  }

  void phrases(const FieldInfo& field, const Phrases& form,
               const std::function<void(const std::string&)>& read) override {
    const Entry* entry = find(field);
    if (entry == nullptr) return;
    const Node& value = entry->value;
    if (value.kind == Node::Kind::scalar) {
      read_phrase(field, value, read);
    } else if (value.kind == Node::Kind::list && form.list && value.items.empty()) {
      report(value.where, "E208", field, fmt::format("'{}' has no value", field.key), "give it one, or remove the key");
    } else if (value.kind == Node::Kind::list && form.list) {
      for (const Node& item : value.items) {
        if (item.kind == Node::Kind::scalar) {
          read_phrase(field, item, read);
        } else {
          report(item.where, "E204", field, fmt::format("an item of '{}' must be one value", field.key), field.doc);
        }
      }
    } else {
      const char* found = value.kind == Node::Kind::map ? "a map" : "a list";
      report(value.where, "E204", field, fmt::format("'{}' must be {}, not {}", field.key, form.what, found), field.doc);
    }
  }

  void list(const FieldInfo& field, std::size_t /*size*/, const std::function<void(std::size_t)>& resize,
            const std::function<void(FieldVisitor&, std::size_t)>& item) override {
    const Entry* entry = find(field);
    if (entry == nullptr) return;
    if (entry->value.kind != Node::Kind::list) {
      report(entry->value.where, "E204", field, fmt::format("'{}' must be a list", field.key),
             "begin each item with '- '");
      return;
    }
    const std::vector<Node>& items = entry->value.items;
    resize(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Entry* name = items[i].find("name");
      const bool named = name != nullptr && name->value.kind == Node::Kind::scalar;
      const std::string path = child_path(field.key) + "." + (named ? name->value.text : std::to_string(i + 1));
      if (items[i].kind != Node::Kind::map) {
        report(items[i].where, "E204", field, fmt::format("an item of '{}' must be a map of keys", field.key),
               "write '- name: NAME' and the other keys below it");
        continue;
      }
      read_map(items[i], items[i].where, path, context_, [&](FieldVisitor& inner) { item(inner, i); });
    }
  }

  // Reports the keys that no field has, and the required ones that the map lacks.
  void finish() {
    for (const Entry& entry : map_.entries) {
      if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
      const std::string nearest = nearest_name(entry.key, known_);
      const std::string inside = path_.empty() ? "" : fmt::format(" in '{}'", shortened(path_));
      Diagnostic diagnostic =
          diagnose(entry.where, "E201", fmt::format("unknown key '{}'{}", shortened(entry.key), inside),
                   nearest.empty() ? "valid keys: " + joined(known_) : fmt::format("did you mean '{}'?", nearest));
      diagnostic.path = child_path(entry.key);
      context_.problems.push_back(std::move(diagnostic));
    }
    if (missing_.empty()) return;
    const std::string owner = path_.empty() ? "the file" : fmt::format("'{}'", path_);
    Diagnostic diagnostic =
        diagnose(where_, "E202",
                 fmt::format("{} lacks the {} {}", owner, missing_.size() == 1 ? "key" : "keys", quoted_list(missing_)),
                 first_missing_hint_);
    diagnostic.path = path_;
    context_.problems.push_back(std::move(diagnostic));
  }

 private:
  [[nodiscard]] std::string child_path(std::string_view key) const {
    return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
  }

  void report(const Location& where, std::string code, const FieldInfo& field, std::string message,
              std::string hint) {
    Diagnostic diagnostic = diagnose(where, std::move(code), std::move(message), std::move(hint));
    diagnostic.path = child_path(field.key);
    context_.problems.push_back(std::move(diagnostic));
  }

  void read_phrase(const FieldInfo& field, const Node& text, const std::function<void(const std::string&)>& read) {
    try {
      read(text.text);
    } catch (const RequestError& error) {
      report(text.where, error.code(), field, error.what(), error.hint());
    }
  }

  static std::string hint_for_missing(const FieldInfo& field) {
    const std::string hint = fmt::format("{}: {}", field.key, field.doc);
    if (*field.unless == '\0') return hint;
    return hint + fmt::format(" Or write '{}: {{}}' in its place", field.unless);
  }

  // The entry of a field with a value in it.
  const Entry* find(const FieldInfo& field) {
    known_.emplace_back(field.key);
    const Entry* entry = map_.find(field.key);
    if (entry == nullptr) {
      if (field.required && map_.find(field.unless) == nullptr) {
        if (missing_.empty()) first_missing_hint_ = hint_for_missing(field);
        missing_.emplace_back(field.key);
      }
      return nullptr;
    }
    if (entry->value.kind == Node::Kind::null) {
      report(entry->where, "E208", field, fmt::format("'{}' has no value", field.key),
             field.required ? field.doc : "give it one, or remove the key");
      return nullptr;
    }
    return entry;
  }

  const Node* scalar(const FieldInfo& field, const char* what) {
    const Entry* entry = find(field);
    if (entry == nullptr) return nullptr;
    if (entry->value.kind == Node::Kind::scalar) return &entry->value;
    const char* found = entry->value.kind == Node::Kind::map ? "a map" : "a list";
    report(entry->value.where, "E204", field, fmt::format("'{}' must be {}, not {}", field.key, what, found), field.doc);
    return nullptr;
  }

  const Node& map_;
  Location where_;
  std::string path_;
  ReadContext& context_;
  std::vector<std::string> known_;
  std::vector<std::string> missing_;
  std::string first_missing_hint_;
};

}  // namespace

const FittedParameters& EntrySource::fitted() {
  static const FittedParameters none;
  return none;
}

std::optional<Node> EntrySource::file(const std::string&, const Node&, std::string&) { return std::nullopt; }

bool names_a_file(const std::string& entry) {
  const std::string extension = std::filesystem::path(entry).extension().string();
  return extension == ".yaml" || extension == ".yml";
}

void read_map(const Node& map, const Location& where, const std::string& path, ReadContext& context,
              const std::function<void(FieldVisitor&)>& members) {
  TreeReader reader(map, where, path, context);
  members(reader);
  reader.finish();
}

}  // namespace lockstep
