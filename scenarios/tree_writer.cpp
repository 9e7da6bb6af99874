#include "scenarios/tree_writer.hpp"

#include <fmt/format.h>
#include <yaml-cpp/emitter.h>
#include <yaml-cpp/emittermanip.h>

#include <algorithm>
#include <utility>

namespace lockstep {

namespace {

const char* base_unit(Dimension dimension) {
  switch (dimension) {
    case Dimension::none:
      return "";
    case Dimension::bytes:
      return " B";
    case Dimension::seconds:
      return " s";
    case Dimension::bytes_per_second:
      return " B/s";
    case Dimension::flops:
      return " FLOP";
    case Dimension::flops_per_second:
      return " FLOP/s";
    case Dimension::watts:
      return " W";
  }
  return "";
}

const char* kind_name(Provenance kind) {
  switch (kind) {
    case Provenance::datasheet:
      return "datasheet";
    case Provenance::measured:
      return "measured";
    case Provenance::fitted:
      return "fitted";
    case Provenance::assumed:
      return "assumed";
  }
  return "assumed";
}

// The shortest text that reads back as this number.
std::string exact(double value) {
  return fmt::format(FMT_STRING("{}"), value);
}

class TreeWriter final : public FieldVisitor {
 public:
  explicit TreeWriter(Node& map) : map_(map) {}

  void text(const FieldInfo& field, std::string& value) override {
    put(map_, field.key, scalar_node(value));
  }
  void flag(const FieldInfo& field, bool& value) override {
    put(map_, field.key, scalar_node(value ? "true" : "false"));
  }
  void count(const FieldInfo& field, std::int64_t& value, std::int64_t, std::int64_t) override {
    put(map_, field.key, scalar_node(std::to_string(value)));
  }
  void number(const FieldInfo& field, double& value, Range) override {
    put(map_, field.key, scalar_node(exact(value)));
  }
  void constant(const FieldInfo& field, ConstantBase& value, Dimension dimension, Range) override {
    Node constant = map_node();
    put(constant, "value", scalar_node(exact(value.value) + base_unit(dimension)));
    put(constant, "kind", scalar_node(kind_name(value.kind)));
    put(constant, "spread", scalar_node(exact(value.spread)));
    if (!value.source.empty()) put(constant, "source", scalar_node(value.source));
    put(map_, field.key, std::move(constant));
  }
  void choice(const FieldInfo& field, int& value, std::span<const Choice> choices) override {
    for (const Choice& choice : choices) {
      if (choice.value == value) put(map_, field.key, scalar_node(choice.name));
    }
  }
  void group(const FieldInfo& field, const std::function<void(FieldVisitor&)>& members) override {
    put(map_, field.key, tree_of(members));
  }
  void entry(const FieldInfo& field, const char*, std::string& name,
             const std::function<void(FieldVisitor&)>& members) override {
    Node map = tree_of(members);
    map.entries.insert(map.entries.begin(), Entry{"based_on", {}, scalar_node(name)});
    put(map_, field.key, std::move(map));
  }
  void texts(const FieldInfo& field, std::vector<std::string>& values) override {
    Node list;
    list.kind = Node::Kind::list;
    for (const std::string& value : values) list.items.push_back(scalar_node(value));
    put(map_, field.key, std::move(list));
  }
  void list(const FieldInfo& field, std::size_t size, const std::function<void(std::size_t)>&,
            const std::function<void(FieldVisitor&, std::size_t)>& item) override {
    Node list;
    list.kind = Node::Kind::list;
    for (std::size_t i = 0; i < size; ++i) {
      list.items.push_back(tree_of([&](FieldVisitor& inner) { item(inner, i); }));
    }
    put(map_, field.key, std::move(list));
  }

 private:
  Node& map_;
};

bool same_name(const Node& a, const Node& b) {
  const Entry* of_a = a.find("based_on");
  const Entry* of_b = b.find("based_on");
  if (of_a == nullptr || of_b == nullptr) return of_a == of_b;
  return same_tree(of_a->value, of_b->value);
}

constexpr std::size_t widest_line = 96;

class YamlWriter {
 public:
  explicit YamlWriter(const std::function<std::string(const Node&)>& remarks) : remarks_(remarks) {
    out_.SetIndent(2);
  }

  std::string write(const Node& map) {
    value(map, 0);
    return std::string(out_.c_str()) + '\n';
  }

 private:
  // `before`: characters of the line that the value begins in.
  void value(const Node& node, std::size_t before) {
    switch (node.kind) {
      case Node::Kind::null:
        out_ << YAML::Null;
        break;
      case Node::Kind::scalar:
        scalar(node);
        break;
      case Node::Kind::list:
        list(node, before);
        break;
      case Node::Kind::map:
        map(node, before);
        break;
    }
  }

  void scalar(const Node& node) {
    if (node.quoted) out_ << YAML::DoubleQuoted;
    out_ << node.text;
    const std::string remark = remarks_ ? remarks_(node) : std::string{};
    if (!remark.empty()) out_ << YAML::Comment(remark);
  }

  void list(const Node& node, std::size_t before) {
    const auto is_map = [](const Node& item) { return item.kind == Node::Kind::map; };
    const bool maps = std::any_of(node.items.begin(), node.items.end(), is_map);
    const bool flow = in_line_ || (!maps && fits(node, before));
    if (flow) out_ << YAML::Flow;
    out_ << YAML::BeginSeq;
    for (const Node& item : node.items) {
      if (item.kind == Node::Kind::map && !flow) {
        map(item, 0);  // a key in each line, as plans are written
      } else {
        value(item, before + 4);
      }
    }
    out_ << YAML::EndSeq;
  }

  void map(const Node& node, std::size_t before) {
    const bool flow = in_line_ || (before > 0 && fits(node, before));
    if (flow) out_ << YAML::Flow;
    out_ << YAML::BeginMap;
    for (const Entry& entry : node.entries) {
      out_ << YAML::Key << entry.key << YAML::Value;
      value(entry.value, entry.key.size() + 2 + (before > 0 ? 4 : 1));
    }
    out_ << YAML::EndMap;
  }

  [[nodiscard]] bool fits(const Node& node, std::size_t before) const {
    if (holds_remark(node)) return false;
    YamlWriter inner(remarks_);
    inner.in_line_ = true;
    inner.value(node, 0);
    const std::string text = inner.out_.c_str();
    return before + text.size() <= widest_line && text.find('\n') == std::string::npos;
  }

  [[nodiscard]] bool holds_remark(const Node& node) const {
    if (node.kind == Node::Kind::scalar) return remarks_ && !remarks_(node).empty();
    const auto in_item = [&](const Node& item) { return holds_remark(item); };
    const auto in_entry = [&](const Entry& entry) { return holds_remark(entry.value); };
    return std::any_of(node.items.begin(), node.items.end(), in_item) ||
           std::any_of(node.entries.begin(), node.entries.end(), in_entry);
  }

  const std::function<std::string(const Node&)>& remarks_;
  YAML::Emitter out_;
  bool in_line_ = false;  // everything in one line, to see how long that is
};

}  // namespace

Node scalar_node(std::string text) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = std::move(text);
  return node;
}

Node map_node() {
  Node node;
  node.kind = Node::Kind::map;
  return node;
}

void put(Node& map, const std::string& key, Node value) {
  if (Entry* found = map.find(key)) {
    found->value = std::move(value);
  } else {
    map.entries.push_back(Entry{key, {}, std::move(value)});
  }
}

void erase_key(Node& map, const std::string& key) {
  map.entries.erase(std::remove_if(map.entries.begin(), map.entries.end(),
                                   [&](const Entry& entry) { return entry.key == key; }),
                    map.entries.end());
}

Node tree_of(const std::function<void(FieldVisitor&)>& members) {
  Node map = map_node();
  TreeWriter writer(map);
  members(writer);
  return map;
}

bool same_tree(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.text != b.text || a.quoted != b.quoted) return false;
  const auto same_entry = [](const Entry& x, const Entry& y) {
    return x.key == y.key && same_tree(x.value, y.value);
  };
  return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same_tree) &&
         std::equal(a.entries.begin(), a.entries.end(), b.entries.begin(), b.entries.end(),
                    same_entry);
}

Node differences(const Node& value, const Node& base) {
  Node changed = map_node();
  for (const Entry& entry : value.entries) {
    const Entry* below = base.find(entry.key);
    if (below != nullptr && same_tree(entry.value, below->value)) continue;
    const bool maps = below != nullptr && entry.value.kind == Node::Kind::map &&
                      below->value.kind == Node::Kind::map && entry.value.find("value") == nullptr;
    if (maps && same_name(entry.value, below->value)) {
      Node inner = differences(entry.value, below->value);
      if (!inner.entries.empty()) put(changed, entry.key, std::move(inner));
    } else {
      put(changed, entry.key, entry.value);
    }
  }
  return changed;
}

std::string to_yaml(const Node& map, const std::function<std::string(const Node&)>& remarks) {
  return YamlWriter(remarks).write(map);
}

}  // namespace lockstep
