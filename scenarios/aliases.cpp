#include "scenarios/aliases.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "scenarios/fields.hpp"
#include "scenarios/yaml_reader.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep {
namespace {

// Longer texts are prose; the words that matter come first. It also bounds the work of a pattern.
constexpr std::size_t longest_text = 512;

// A table: its key in the file, where it goes, the words that `use` may be (none: any text), the keys that `set`
// may hold ("software" and "model" stand for every field of that struct).
struct TableShape {
  const char* name;
  AliasTable Aliases::*member;
  bool needs_use;
  std::vector<std::string> words;
  std::vector<std::string> keys;
};

const std::vector<TableShape>& table_shapes() {
  static const std::vector<std::string> kernels{"unfused", "fused-softmax", "flash1", "flash2", "flash3"};
  static const std::vector<TableShape> shapes{
      {"gpus", &Aliases::gpus, true, {}, {}},
      {"systems", &Aliases::systems, true, {}, {"stated_bandwidth"}},
      {"software", &Aliases::software, true, {}, {"dropout", "sharding", "sequence_parallel", "interleave", "vpp_of_one", "recompute", "offload",
                                                 "expert_tensor", "context"}},
      {"software_details", &Aliases::software_details, false, {}, {"software"}},
      {"architectures", &Aliases::architectures, false, {}, {"model"}},
      {"precisions", &Aliases::precisions, true, {"fp32", "tf32", "fp16", "bf16", "fp8", "mxfp8", "nvfp4"},
       {"scaling"}},
      {"training", &Aliases::training, false, {}, {"training"}},
      {"timing", &Aliases::timing, true, {"ignore", "compare"}, {}},
      {"attention", &Aliases::attention, true, kernels, {"keep"}},
      {"recompute", &Aliases::recompute, true, {"none", "selective", "full"}, {"every", "layers", "selective", "parts", "offload"}},
      {"memory", &Aliases::memory, true, {"allocated", "reserved", "device"}, {"unit", "stage"}},
      {"unsupported", &Aliases::unsupported, true, {}, {}},
  };
  return shapes;
}

// Puts one text into the field of that key.
class FieldSetter : public FieldVisitor {
 public:
  FieldSetter(std::string key, std::string value) : key_(std::move(key)), value_(std::move(value)) {}

  bool found = false;
  std::string problem;
  std::vector<std::string> keys;

  void text(const FieldInfo& field, std::string& value) override {
    if (is(field)) value = value_;
  }
  void flag(const FieldInfo& field, bool& value) override {
    if (!is(field)) return;
    if (value_ != "true" && value_ != "false") return fail("true or false");
    value = value_ == "true";
  }
  void count(const FieldInfo& field, std::int64_t& value, std::int64_t low, std::int64_t high) override {
    if (!is(field)) return;
    const auto number = changed(static_cast<double>(value), Dimension::none);
    if (!number || *number < static_cast<double>(low) || *number > static_cast<double>(high)) {
      return fail("a whole number");
    }
    value = static_cast<std::int64_t>(*number);
  }
  void number(const FieldInfo& field, double& value, Range range) override {
    if (is(field)) put(value, Dimension::none, range);
  }
  void constant(const FieldInfo& field, ConstantBase& value, Dimension dimension, Range range) override {
    if (!is(field)) return;
    const double before = value.value;
    put(value.value, dimension, range);
    if (value.fit.empty() || !problem.empty()) return;
    // A share of the profile's value still moves with the fit; a value of its own does not.
    if (value_.compare(0, 1, "*") == 0 && before != 0) {
      value.prior *= value.value / before;
    } else {
      value = ConstantBase{value.value, 0.0, Provenance::assumed, "stated by the run", {}, 0.0, 0.0};
    }
  }
  void choice(const FieldInfo& field, int& value, std::span<const Choice> choices) override {
    if (!is(field)) return;
    std::string names;
    for (const Choice& choice : choices) {
      if (value_ == choice.name) {
        value = choice.value;
        return;
      }
      names += (names.empty() ? "" : ", ") + std::string(choice.name);
    }
    fail("one of " + names);
  }
  void group(const FieldInfo& field, const std::function<void(FieldVisitor&)>& members) override {
    const std::size_t outside = prefix_.size();
    prefix_ += std::string(field.key) + ".";
    members(*this);
    prefix_.resize(outside);
  }
  void entry(const FieldInfo&, const char*, std::string&, const std::function<void(FieldVisitor&)>&) override {}

 private:
  bool is(const FieldInfo& field) {
    keys.push_back(prefix_ + field.key);
    if (key_ != keys.back()) return false;
    found = true;
    return true;
  }
  void fail(const std::string& wanted) { problem = fmt::format("'{}' is '{}': expected {}", key_, value_, wanted); }
  // The text in base units, or the value before times a factor.
  [[nodiscard]] std::optional<double> changed(double before, Dimension dimension) const {
    if (value_.compare(0, 1, "*") != 0) return parse_quantity(value_, dimension).value;
    const std::optional<double> factor = parse_quantity(value_.substr(1), Dimension::none).value;
    return factor ? std::optional<double>(before * *factor) : std::nullopt;
  }
  void put(double& value, Dimension dimension, Range range) {
    const std::optional<double> number = changed(value, dimension);
    if (!number || *number < range.low || *number > range.high) {
      return fail("a quantity of its range, or a factor such as *0.5");
    }
    value = *number;
  }

  std::string key_;
  std::string value_;
  std::string prefix_;  // of the group that is visited, with its dot
};

template <class Struct>
Diagnostic apply_one(const AliasSetting& setting, const std::string& file, Struct& target) {
  FieldSetter setter(setting.key, setting.value);
  describe(setter, target);
  Diagnostic diagnostic;
  if (setter.found && setter.problem.empty()) return diagnostic;
  diagnostic.file = file;
  diagnostic.line = setting.line;
  diagnostic.column = setting.column;
  if (!setter.found) {
    diagnostic.code = "E204";
    diagnostic.message = fmt::format("unknown setting '{}'", setting.key);
    const std::string near = nearest_name(setting.key, setter.keys);
    if (!near.empty()) diagnostic.hint = fmt::format("did you mean '{}'?", near);
  } else {
    diagnostic.code = "E205";
    diagnostic.message = setter.problem;
  }
  return diagnostic;
}

template <class Struct>
void apply_all(const AliasMatch& match, const std::string& file, Struct& target) {
  std::vector<Diagnostic> problems;
  for (const AliasSetting& setting : match.set) {
    Diagnostic problem = apply_one(setting, file, target);
    if (!problem.code.empty()) problems.push_back(std::move(problem));
  }
  if (!problems.empty()) throw InputError(std::move(problems));
}

// The rules out of the tree, with every error.
class RuleReader {
 public:
  std::vector<Diagnostic> diagnostics;

  void tables(const Node& root, Aliases& aliases) {
    if (root.kind != Node::Kind::map) return report(root.where, "E201", "expected a map of tables", "");
    for (const Entry& entry : root.entries) {
      if (entry.key == "lockstep_aliases") continue;
      const auto& shapes = table_shapes();
      const auto shape = std::find_if(shapes.begin(), shapes.end(),
                                      [&](const TableShape& candidate) { return entry.key == candidate.name; });
      if (shape == shapes.end()) {
        unknown(entry, shape_names());
      } else {
        table(entry.value, *shape, aliases.*(shape->member));
      }
    }
    for (const TableShape& shape : table_shapes()) (aliases.*shape.member).name = shape.name;
  }

 private:
  void report(const Location& where, const char* code, std::string message, std::string hint) {
    diagnostics.push_back(diagnose(where, code, std::move(message), std::move(hint)));
  }

  void unknown(const Entry& entry, const std::vector<std::string>& valid) {
    const std::string near = nearest_name(entry.key, valid);
    report(entry.where, "E204", fmt::format("unknown key '{}'", entry.key),
           near.empty() ? fmt::format("valid are: {}", fmt::join(valid, ", ")) : fmt::format("did you mean '{}'?", near));
  }

  static std::vector<std::string> shape_names() {
    std::vector<std::string> names{"lockstep_aliases"};
    for (const TableShape& shape : table_shapes()) names.emplace_back(shape.name);
    return names;
  }

  void table(const Node& node, const TableShape& shape, AliasTable& table) {
    if (node.kind != Node::Kind::list) return report(node.where, "E201", "expected a list of rules", "");
    for (const Node& item : node.items) table.rules.push_back(rule(item, shape));
    for (const AliasRule& one : table.rules) {
      for (const auto* side : {&one.when, &one.unless}) {
        for (const AliasCondition& condition : *side) table.columns.push_back(condition.column);
      }
      if (!one.stand_in.empty()) table.columns.emplace_back("framework");
    }
    std::sort(table.columns.begin(), table.columns.end());
    table.columns.erase(std::unique(table.columns.begin(), table.columns.end()), table.columns.end());
  }

  AliasRule rule(const Node& node, const TableShape& shape) {
    AliasRule out;
    out.line = static_cast<int>(node.where.line) + 1;
    if (node.kind != Node::Kind::map) {
      report(node.where, "E201", "expected a rule {use: …, when: {column: pattern}}", "");
      return out;
    }
    for (const Entry& entry : node.entries) {
      if (entry.key == "use") {
        out.use = scalar(entry.value);
        check_word(entry.value, shape, out.use);
      } else if (entry.key == "assumed") {
        out.assumed = scalar(entry.value);
      } else if (entry.key == "when") {
        out.when = conditions(entry.value);
      } else if (entry.key == "unless") {
        out.unless = conditions(entry.value);
      } else if (entry.key == "stand_in") {
        out.stand_in = patterns(entry.value, "framework").patterns;
      } else if (entry.key == "set") {
        out.set = settings(entry.value, shape);
      } else {
        unknown(entry, {"use", "when", "unless", "set", "assumed", "stand_in"});
      }
    }
    if (shape.needs_use && out.use.empty()) report(node.where, "E202", "the rule lacks 'use'", "");
    return out;
  }

  std::string scalar(const Node& node) {
    if (node.kind == Node::Kind::scalar) return node.text;
    report(node.where, "E201", "expected a text", "");
    return {};
  }

  void check_word(const Node& node, const TableShape& shape, const std::string& word) {
    if (shape.words.empty() || std::find(shape.words.begin(), shape.words.end(), word) != shape.words.end()) return;
    report(node.where, "E205", fmt::format("'{}' is no word of the table {}", word, shape.name),
           fmt::format("one of {}", fmt::join(shape.words, ", ")));
  }

  std::vector<AliasCondition> conditions(const Node& node) {
    std::vector<AliasCondition> out;
    if (node.kind != Node::Kind::map) {
      report(node.where, "E201", "expected a map of columns to patterns", "");
      return out;
    }
    for (const Entry& entry : node.entries) out.push_back(patterns(entry.value, entry.key));
    return out;
  }

  // One pattern or a list of them.
  AliasCondition patterns(const Node& node, const std::string& column) {
    AliasCondition condition;
    condition.column = column;
    if (node.kind == Node::Kind::list) {
      for (const Node& item : node.items) pattern(item, condition);
    } else {
      pattern(node, condition);
    }
    return condition;
  }

  void pattern(const Node& node, AliasCondition& condition) {
    try {
      condition.patterns.emplace_back(scalar(node), std::regex::ECMAScript | std::regex::icase | std::regex::optimize);
    } catch (const std::regex_error&) {
      report(node.where, "E205", fmt::format("'{}' is no regular expression", node.text), "");
    }
  }

  std::vector<AliasSetting> settings(const Node& node, const TableShape& shape) {
    std::vector<AliasSetting> out;
    if (node.kind != Node::Kind::map) {
      report(node.where, "E201", "expected a map of settings", "");
      return out;
    }
    for (const Entry& entry : node.entries) {
      AliasSetting setting{entry.key, scalar(entry.value), static_cast<int>(entry.where.line) + 1,
                           static_cast<int>(entry.where.column) + 1};
      check_setting(entry, setting, shape);
      out.push_back(std::move(setting));
    }
    return out;
  }

  void check_setting(const Entry& entry, const AliasSetting& setting, const TableShape& shape) {
    const auto is = [&](const char* name) { return shape.keys.size() == 1 && shape.keys.front() == name; };
    const bool of_precision = shape.member == &Aliases::precisions && entry.key != "scaling";
    if (is("software") || is("model") || is("training") || of_precision) {
      Software software;
      Model model;
      Training training;
      const bool filled_in = setting.value.find('$') != std::string::npos;
      Diagnostic problem = is("model")      ? apply_one(setting, {}, model)
                           : is("training") ? apply_one(setting, {}, training)
                                            : apply_one(setting, {}, software);
      if (problem.code.empty() || (filled_in && problem.code == "E205")) return;
      report(entry.where, problem.code.c_str(), problem.message, problem.hint);
    } else if (std::find(shape.keys.begin(), shape.keys.end(), entry.key) == shape.keys.end()) {
      unknown(entry, shape.keys);
    }
  }
};

bool holds(const AliasCondition& condition, const AliasSubject& subject, std::smatch* groups, std::string& text) {
  text = subject(condition.column).substr(0, longest_text);
  return std::any_of(condition.patterns.begin(), condition.patterns.end(),
                     [&](const std::regex& pattern) { return std::regex_search(text, *groups, pattern); });
}

AliasMatch match(const AliasRule& rule, const AliasSubject& subject) {
  AliasMatch out;
  std::vector<std::string> captured;
  std::smatch groups;
  std::string text;
  for (const AliasCondition& condition : rule.when) {
    if (!holds(condition, subject, &groups, text)) return out;
    if (captured.empty() && groups.size() > 1) {
      for (const auto& group : groups) captured.push_back(group.str());
    }
  }
  for (const AliasCondition& condition : rule.unless) {
    if (holds(condition, subject, &groups, text)) return out;
  }
  out.rule = &rule;
  out.set = rule.set;
  out.stands_in = !rule.stand_in.empty() && holds({"framework", rule.stand_in}, subject, &groups, text);
  for (AliasSetting& setting : out.set) {
    for (std::size_t i = 1; i < captured.size(); ++i) {
      const std::string mark = fmt::format("${}", i);
      const auto at = setting.value.find(mark);
      if (at != std::string::npos) setting.value.replace(at, mark.size(), captured[i]);
    }
  }
  return out;
}

}  // namespace

std::string AliasMatch::value(const std::string& key, const std::string& otherwise) const {
  for (const AliasSetting& setting : set) {
    if (setting.key == key) return setting.value;
  }
  return otherwise;
}

AliasMatch AliasTable::first(const AliasSubject& subject) const {
  for (const AliasRule& rule : rules) {
    AliasMatch found = match(rule, subject);
    if (found) return found;
  }
  return {};
}

std::vector<AliasMatch> AliasTable::all(const AliasSubject& subject) const {
  std::vector<AliasMatch> out;
  for (const AliasRule& rule : rules) {
    AliasMatch found = match(rule, subject);
    if (found) out.push_back(std::move(found));
  }
  return out;
}

void Aliases::apply(const AliasMatch& match, Software& target) const { apply_all(match, file, target); }

void Aliases::apply(const AliasMatch& match, Model& target) const { apply_all(match, file, target); }

void Aliases::apply(const AliasMatch& match, Training& target) const { apply_all(match, file, target); }

Aliases parse_aliases(const std::string& yaml_text, const std::string& file_name) {
  RuleReader reader;
  Aliases aliases;
  aliases.file = file_name;
  const auto source = std::make_shared<const SourceText>(file_name, yaml_text, Origin::catalog);
  const std::optional<Node> root = parse_yaml(source, reader.diagnostics);
  if (root) reader.tables(*root, aliases);
  if (!reader.diagnostics.empty()) throw InputError(std::move(reader.diagnostics));
  return aliases;
}

Aliases load_aliases(const std::filesystem::path& file) {
  std::vector<Diagnostic> problems;
  const std::optional<std::string> text = read_text_file(file, Origin::catalog, problems);
  if (!text) throw InputError(std::move(problems));
  return parse_aliases(*text, file.string());
}

}  // namespace lockstep
