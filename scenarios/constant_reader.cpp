#include "scenarios/constant_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "scenarios/number_text.hpp"
#include "scenarios/utf8.hpp"

namespace lockstep {
namespace {

constexpr Range spread_range{0.0, 2.0, false};

constexpr std::array<std::pair<const char*, Provenance>, 4> kinds{{{"datasheet", Provenance::datasheet},
                                                                   {"measured", Provenance::measured},
                                                                   {"fitted", Provenance::fitted},
                                                                   {"assumed", Provenance::assumed}}};

constexpr const char* full_form = "write {value: …, kind: datasheet|measured|fitted|assumed, spread: 5%, source: \"…\"}";

class ConstantReader {
 public:
  ConstantReader(const Entry& entry, const std::string& path, const FittedParameters& fitted,
                 std::vector<Diagnostic>& problems)
      : entry_(entry), path_(path), fitted_(fitted), problems_(problems) {}

  void read(Dimension dimension, Range range, ConstantBase& constant) {
    const Node& node = entry_.value;
    if (node.kind == Node::Kind::list) {
      report(node.where, "E204", path_, fmt::format("'{}' must be a quantity, not a list", entry_.key), full_form);
      return;
    }
    constant = ConstantBase{0.0, 0.0, Provenance::assumed, author_of(node.where), {}, 0.0, 0.0};
    if (node.kind == Node::Kind::scalar) {
      if (in_catalog(node.where)) {
        report(node.where, "E210", path_, fmt::format("'{}' must say where it comes from", entry_.key), full_form);
      }
      read_value(entry_.key, node, path_, dimension, range, constant.value);
      return;
    }
    read_parts(node, dimension, range, constant);
  }

 private:
  static bool in_catalog(const Location& where) { return where.source && where.source->origin() == Origin::catalog; }

  static const char* author_of(const Location& where) {
    return where.source && where.source->origin() == Origin::setting ? "--set" : "scenario";
  }

  void report(const Location& where, const char* code, std::string path, std::string message, std::string hint) {
    Diagnostic diagnostic = diagnose(where, code, std::move(message), std::move(hint));
    diagnostic.path = std::move(path);
    problems_.push_back(std::move(diagnostic));
  }

  void read_value(const std::string& key, const Node& node, const std::string& path, Dimension dimension, Range range,
                  double& value) {
    const NumberText parsed = parse_number(node, dimension, range);
    if (parsed.value) {
      value = *parsed.value;
      return;
    }
    report(node.where, parsed.code.c_str(), path, fmt::format("'{}' {}", key, parsed.message), parsed.hint);
    if (parsed.message == "needs a unit") problems_.back().label = "a bare number is ambiguous";
  }

  const Node* part(const Node& map, const char* key) {
    const Entry* found = map.find(key);
    if (found == nullptr) return nullptr;
    if (found->value.kind == Node::Kind::scalar) return &found->value;
    report(found->where, "E204", path_ + "." + key, fmt::format("'{}' of '{}' must be one value", key, entry_.key),
           full_form);
    return nullptr;
  }

  void read_parts(const Node& map, Dimension dimension, Range range, ConstantBase& constant) {
    const Entry* below = map.find("based_on");
    const bool merged = below != nullptr && below->merged;
    if (const Node* value = part(map, "value")) {
      read_value(entry_.key, *value, path_, dimension, range, constant.value);
    } else if (merged) {
      read_value(entry_.key, below->value, path_, dimension, range, constant.value);
    } else if (map.find("value") == nullptr) {
      report(entry_.where, "E202", path_, fmt::format("'{}' lacks the key 'value'", entry_.key), full_form);
    }
    if (const Node* kind = part(map, "kind")) {
      read_kind(*kind, constant.kind);
    } else if (in_catalog(map.where) && map.find("kind") == nullptr) {
      report(entry_.where, "E210", path_, fmt::format("'{}' lacks the key 'kind'", entry_.key), full_form);
    }
    if (const Node* spread = part(map, "spread")) {
      read_value("spread", *spread, path_ + ".spread", Dimension::none, spread_range, constant.spread);
    }
    if (const Node* source = part(map, "source")) {
      constant.source = source->text;
      if (source->text.empty()) report(source->where, "E210", path_ + ".source", "'source' is empty", "say who states it");
    } else if (in_catalog(map.where) && map.find("source") == nullptr) {
      report(entry_.where, "E210", path_, fmt::format("'{}' lacks the key 'source'", entry_.key), full_form);
    }
    if (const Node* fit = part(map, "fit")) read_fit(*fit, map, constant);
    refuse_unknown_keys(map);
  }

  // What a user sets counts as it is written.
  void read_fit(const Node& node, const Node& map, ConstantBase& constant) {
    const Entry* value = map.find("value");
    if (value != nullptr && !in_catalog(value->where)) {
      constant.source = author_of(value->where);
      constant.kind = Provenance::assumed;
      return;
    }
    if (fitted_.size() == 0) {
      Diagnostic missing;
      missing.code = "E212";
      missing.message = "constants name fitted parameters, and there are none";
      missing.hint = "is calibrations/parameters.yaml in the catalog folder, and can it be read?";
      problems_.push_back(std::move(missing));
      return;
    }
    if (fitted_.index(node.text) == fitted_.size()) {
      std::vector<std::string> names;
      for (const FittedParameter& parameter : fitted_.parameters) names.push_back(parameter.name);
      const std::string nearest = nearest_name(node.text, names);
      report(node.where, "E212", path_ + ".fit", fmt::format("there is no fitted parameter '{}'", shortened(node.text)),
             nearest.empty() ? "calibrations/parameters.yaml lists them" : fmt::format("did you mean '{}'?", nearest));
      return;
    }
    constant.fit = node.text;
    constant.prior = constant.value;
    constant.own_spread = constant.spread;
    const Provenance before = constant.kind;
    set_fitted(constant, fitted_);
    if (constant.kind == Provenance::fitted && before != Provenance::fitted) {
      constant.source += fmt::format("; times {:.3g}: {}", constant.value / constant.prior, fitted_.source);
    }
    keep_settings(map, constant);
  }

  // Spread and kind that a user sets are those of the whole constant.
  void keep_settings(const Node& map, ConstantBase& constant) {
    const Entry* spread = map.find("spread");
    const Entry* kind = map.find("kind");
    const bool spread_set = spread != nullptr && !in_catalog(spread->where);
    if (spread_set) constant.spread = constant.own_spread;
    if (kind != nullptr && !in_catalog(kind->where)) read_kind(kind->value, constant.kind);
    if (spread_set) constant.fit.clear();
  }

  void read_kind(const Node& node, Provenance& kind) {
    std::vector<std::string> names;
    for (const auto& [name, value] : kinds) {
      names.emplace_back(name);
      if (node.text == name) {
        kind = value;
        return;
      }
    }
    const std::string nearest = nearest_name(node.text, names);
    report(node.where, "E207", path_ + ".kind", fmt::format("'kind' can't be '{}'", shortened(node.text)),
           nearest.empty() ? "one of: datasheet, measured, fitted, assumed"
                           : fmt::format("did you mean '{}'? One of: datasheet, measured, fitted, assumed", nearest));
  }

  void refuse_unknown_keys(const Node& map) {
    const std::vector<std::string> known{"value", "kind", "spread", "source", "fit"};
    for (const Entry& part : map.entries) {
      if (part.merged || std::find(known.begin(), known.end(), part.key) != known.end()) continue;
      const std::string nearest = nearest_name(part.key, known);
      report(part.where, "E201", path_ + "." + part.key, fmt::format("unknown key '{}' in '{}'", shortened(part.key), path_),
             nearest.empty() ? "valid keys: value, kind, spread, source, fit" : fmt::format("did you mean '{}'?", nearest));
    }
  }

  const Entry& entry_;
  const std::string& path_;
  const FittedParameters& fitted_;
  std::vector<Diagnostic>& problems_;
};

}  // namespace

void read_constant(const Entry& entry, const std::string& path, Dimension dimension, Range range,
                   const FittedParameters& fitted, ConstantBase& constant, std::vector<Diagnostic>& problems) {
  ConstantReader(entry, path, fitted, problems).read(dimension, range, constant);
}

}  // namespace lockstep
