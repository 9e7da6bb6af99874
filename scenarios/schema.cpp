// The JSON Schema of a scenario file, built from the field tables.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "scenarios/fields/scenario_file.hpp"
#include "scenarios/number_text.hpp"
#include "scenarios/quantity_pattern.hpp"
#include "scenarios/scenario.hpp"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

constexpr double no_upper_limit = 1e300;

void add_range(Json& schema, Range range) {
  schema[range.low_exclusive ? "exclusiveMinimum" : "minimum"] = range.low;
  if (range.high < no_upper_limit) schema["maximum"] = range.high;
}

// A name for a dimension's definition below $defs.
const char* definition_name(Dimension dimension) {
  switch (dimension) {
    case Dimension::none: return "number";
    case Dimension::bytes: return "memory_size";
    case Dimension::seconds: return "duration";
    case Dimension::bytes_per_second: return "bandwidth";
    case Dimension::flops: return "operations";
    case Dimension::flops_per_second: return "compute_rate";
    case Dimension::watts: return "power";
  }
  return "number";
}

Json quantity_schema(Dimension dimension) {
  if (dimension == Dimension::none) {
    return {{"type", {"number", "string"}}, {"pattern", quantity_pattern(dimension)}};
  }
  return {{"description", fmt::format("{} with its unit, such as \"{}\"", to_string(dimension), quantity_example(dimension))},
          {"anyOf", {Json{{"const", 0}}, Json{{"type", "string"}, {"pattern", quantity_pattern(dimension)}}}}};
}

Json constant_schema(Dimension dimension) {
  const Json quantity{{"$ref", fmt::format("#/$defs/{}", definition_name(dimension))}};
  const Json spread{{"description", "Relative standard deviation."},
                    {"type", {"number", "string"}},
                    {"pattern", quantity_pattern(Dimension::none)}};
  Json properties;
  properties["value"] = quantity;
  properties["kind"] = {{"description", "How the value was obtained."},
                        {"enum", {"datasheet", "measured", "fitted", "assumed"}}};
  properties["spread"] = spread;
  properties["source"] = {{"description", "Who states it."}, {"type", "string"}, {"minLength", 1}};
  return {{"anyOf",
           {quantity, Json{{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}}}}};
}

Json phrase_schema(const Phrases& form) {
  Json forms = Json::array();
  Json names = Json::array();
  for (const PhraseName& name : form.names) {
    Json value = name.name;
    if (name.name == "true" || name.name == "false") value = name.name == "true";
    if (name.doc.empty()) {
      names.push_back(std::move(value));
    } else {
      forms.push_back({{"const", std::move(value)}, {"description", name.doc}});
    }
  }
  if (!names.empty()) forms.push_back({{"enum", std::move(names)}});
  if (form.numbers) {
    Json number{{"type", form.whole ? "integer" : "number"}};
    add_range(number, *form.numbers);
    forms.push_back(std::move(number));
  }
  if (!form.pattern.empty()) forms.push_back({{"type", "string"}, {"pattern", form.pattern}});
  return forms.size() == 1 ? forms[0] : Json{{"anyOf", std::move(forms)}};
}

// Builds the schema of one map. Definitions that maps share are collected in `definitions`.
class SchemaBuilder final : public FieldVisitor {
 public:
  // `partial`: the map is laid over another one, so that no key is required in it.
  SchemaBuilder(const Catalog& catalog, Json& definitions, bool partial)
      : catalog_(catalog), definitions_(definitions), partial_(partial) {}

  [[nodiscard]] Json take(bool with_required) {
    Json schema{{"type", "object"}, {"properties", std::move(properties_)}, {"additionalProperties", false}};
    if (with_required && !required_.empty()) schema["required"] = required_;
    if (with_required && !alternatives_.empty()) schema["allOf"] = alternatives_;
    return schema;
  }
  [[nodiscard]] const Json& required() const { return required_; }

  void text(const FieldInfo& field, std::string& value) override {
    Json& schema = add(field);
    schema["type"] = "string";
    if (!field.required && !value.empty()) schema["default"] = value;
  }
  void flag(const FieldInfo& field, bool& value) override {
    Json& schema = add(field);
    schema["type"] = "boolean";
    schema["default"] = value;
  }
  void count(const FieldInfo& field, std::int64_t& value, std::int64_t low, std::int64_t high) override {
    Json& schema = add(field);
    schema["type"] = "integer";
    schema["minimum"] = low;
    schema["maximum"] = high;
    if (!field.required) schema["default"] = value;
  }
  void number(const FieldInfo& field, double& value, Range range) override {
    Json& schema = add(field);
    schema["type"] = {"number", "string"};
    schema["pattern"] = quantity_pattern(Dimension::none);
    add_range(schema, range);
    if (!field.required) schema["default"] = value;
  }
  void constant(const FieldInfo& field, ConstantBase&, Dimension dimension, Range) override {
    const std::string quantity = definition_name(dimension);
    const std::string name = quantity + "_constant";
    if (!definitions_.contains(name)) {
      definitions_[quantity] = quantity_schema(dimension);
      definitions_[name] = constant_schema(dimension);
    }
    Json& schema = add(field);
    schema["$ref"] = "#/$defs/" + name;
    if (!field.required) schema["default"] = quantity_for_message(field.fallback.value, dimension);
  }
  void choice(const FieldInfo& field, int& value, std::span<const Choice> choices) override {
    Json& schema = add(field);
    Json alternatives = Json::array();
    for (const Choice& choice : choices) {
      alternatives.push_back({{"const", choice.name}, {"description", choice.doc}});
      if (choice.value == value && !field.required) schema["default"] = choice.name;
    }
    schema["oneOf"] = std::move(alternatives);
  }
  void group(const FieldInfo& field, const std::function<void(FieldVisitor&)>& members) override {
    SchemaBuilder inner(catalog_, definitions_, partial_);
    members(inner);
    add(field).update(inner.take(!partial_));
  }
  // Inside a map that is itself an entry, another entry may be given in part: the outer one may be based on
  // something that completes it. The loader knows; the schema can't.
  void entry(const FieldInfo& field, const char* folder, std::string&,
             const std::function<void(FieldVisitor&)>& members) override {
    SchemaBuilder inner(catalog_, definitions_, true);
    members(inner);
    const Json names = catalog_.names(folder);
    if (!definitions_.contains(folder)) {
      inner.properties_["based_on"] = {{"description", "The entry whose keys hold where this map has none."},
                                       {"enum", names}};
      definitions_[folder] = inner.take(false);
    }
    Json map{{"$ref", fmt::format("#/$defs/{}", folder)}};
    if (!partial_ && !inner.required_.empty()) {
      map["anyOf"] = {Json{{"required", {"based_on"}}}, Json{{"required", inner.required_}}};
    }
    Json name{{"description", fmt::format("An entry of the catalog folder {}.", folder)}, {"type", "string"}};
    if (!names.empty()) name["enum"] = names;
    const Json file{{"description", "A YAML file with the keys of such an entry, relative to this one."},
                    {"type", "string"},
                    {"pattern", "\\.ya?ml$"}};
    add(field)["anyOf"] = {std::move(name), std::move(map), file};
  }
  void texts(const FieldInfo& field, std::vector<std::string>&) override {
    Json& schema = add(field);
    schema["type"] = "array";
    schema["items"] = {{"type", "string"}};
  }
  void phrases(const FieldInfo& field, const Phrases& form,
               const std::function<void(const std::string&)>&) override {
    Json& schema = add(field);
    const Json one = phrase_schema(form);
    if (form.list) {
      schema["anyOf"] = {one, Json{{"type", "array"}, {"minItems", 1}, {"items", one}}};
    } else {
      schema.update(one);
    }
  }
  void list(const FieldInfo& field, std::size_t, const std::function<void(std::size_t)>& resize,
            const std::function<void(FieldVisitor&, std::size_t)>& item) override {
    resize(1);
    SchemaBuilder inner(catalog_, definitions_, true);
    item(inner, 0);
    Json& schema = add(field);
    schema["type"] = "array";
    if (field.required) schema["minItems"] = 1;
    schema["items"] = inner.take(true);
  }

 private:
  Json& add(const FieldInfo& field) {
    if (field.required && *field.unless == '\0') required_.push_back(field.key);
    if (field.required && *field.unless != '\0') {
      alternatives_.push_back({{"anyOf", {Json{{"required", {field.key}}}, Json{{"required", {field.unless}}}}}});
    }
    Json& schema = properties_[field.key];
    schema["description"] = field.doc;
    return schema;
  }

  const Catalog& catalog_;
  Json& definitions_;
  bool partial_;
  Json properties_ = Json::object();
  Json required_ = Json::array();
  Json alternatives_ = Json::array();  // keys of which one is enough
};

}  // namespace

std::string scenario_json_schema(const Catalog& catalog) {
  Json definitions = Json::object();
  ScenarioFile file;
  SchemaBuilder builder(catalog, definitions, false);
  describe(builder, file);
  Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
              {"title", "Lockstep scenario"},
              {"description", "One model on one cluster under several parallelism plans."}};
  schema.update(builder.take(true));
  schema["$defs"] = std::move(definitions);
  return schema.dump(2) + "\n";
}

}  // namespace lockstep
