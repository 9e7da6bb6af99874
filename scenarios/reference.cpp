// The reference of every key, as Markdown, from the field tables.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/fields/scenario_file.hpp"
#include "scenarios/number_text.hpp"
#include "scenarios/quantity_pattern.hpp"
#include "scenarios/scenario.hpp"

namespace lockstep {
namespace {

constexpr double no_upper_limit = 1e300;

struct Section {
  std::string title;
  std::string text;
};

// Collects a table per map; entries of the catalog get a section once, wherever they are named.
class ReferenceBuilder final : public FieldVisitor {
 public:
  ReferenceBuilder(std::string title, std::string introduction, std::vector<Section>& sections)
      : sections_(sections), index_(sections.size()) {
    std::string head = introduction.empty() ? "" : introduction + "\n\n";
    head += "| key | value | default | meaning |\n|---|---|---|---|\n";
    sections_.push_back(Section{std::move(title), std::move(head)});
  }

  void text(const FieldInfo& field, std::string& value) override { row(field, "text", value); }
  void flag(const FieldInfo& field, bool& value) override { row(field, "true, false", value ? "true" : "false"); }
  void count(const FieldInfo& field, std::int64_t& value, std::int64_t low, std::int64_t high) override {
    row(field, low == high ? std::to_string(low) : fmt::format("whole number, {} to {}", low, high),
        std::to_string(value));
  }
  void number(const FieldInfo& field, double& value, Range range) override {
    row(field, "number" + range_text(range, Dimension::none), fmt::format("{:.6g}", value));
  }
  void constant(const FieldInfo& field, ConstantBase&, Dimension dimension, Range range) override {
    const std::string what = dimension == Dimension::none
                                 ? std::string("number")
                                 : fmt::format("{}, like `{}`", to_string(dimension), quantity_example(dimension));
    std::string otherwise = quantity_for_message(field.fallback.value, dimension);
    if (*field.fallback.source != '\0') otherwise += fmt::format(" ({})", field.fallback.source);
    row(field, what + range_text(range, dimension), otherwise);
  }
  void choice(const FieldInfo& field, int& value, std::span<const Choice> choices) override {
    std::string names, otherwise;
    for (const Choice& choice : choices) {
      names += fmt::format("{}`{}`: {}", names.empty() ? "" : "<br>", choice.name, choice.doc);
      if (choice.value == value) otherwise = choice.name;
    }
    row(field, names, otherwise);
  }
  void group(const FieldInfo& field, const std::function<void(FieldVisitor&)>& members) override {
    row(field, "map, see below", "");
    if (has_section(field.key)) return;
    ReferenceBuilder inner(field.key, field.doc, sections_);
    members(inner);
  }
  void entry(const FieldInfo& field, const char* folder, std::string&,
             const std::function<void(FieldVisitor&)>& members) override {
    row(field, fmt::format("name of an entry of `{0}`, or a map of the keys under `{0}` below, with `based_on: NAME` "
                           "for those that it leaves out", folder), "");
    const std::string title = std::string(folder) + " (catalog)";
    if (has_section(title)) return;
    ReferenceBuilder inner(title, fmt::format("The files `{}/NAME.yaml`.", folder), sections_);
    members(inner);
  }
  void texts(const FieldInfo& field, std::vector<std::string>&) override { row(field, "list of texts", "none"); }
  void phrases(const FieldInfo& field, const Phrases& form,
               const std::function<void(const std::string&)>&) override {
    std::string what = form.what;
    bool first = true;
    for (const PhraseName& name : form.names) {
      const bool explained = !name.doc.empty();
      what += explained ? "<br>" : first ? ": " : ", ";
      what += explained ? fmt::format("`{}`: {}", name.name, name.doc) : fmt::format("`{}`", name.name);
      first = false;
    }
    row(field, what, form.otherwise);
  }
  void list(const FieldInfo& field, std::size_t, const std::function<void(std::size_t)>& resize,
            const std::function<void(FieldVisitor&, std::size_t)>& item) override {
    row(field, "list of maps, see below", "");
    resize(1);
    ReferenceBuilder inner(field.key, field.doc, sections_);
    item(inner, 0);
  }

 private:
  [[nodiscard]] bool has_section(const std::string& title) const {
    return std::any_of(sections_.begin(), sections_.end(),
                       [&](const Section& section) { return section.title == title; });
  }

  static std::string range_text(Range range, Dimension dimension) {
    std::string text = fmt::format(", {} {}", range.low_exclusive ? "above" : "from",
                                   quantity_for_message(range.low, dimension));
    if (range.high < no_upper_limit) text += " to " + quantity_for_message(range.high, dimension);
    return text;
  }

  void row(const FieldInfo& field, const std::string& what, const std::string& otherwise) {
    std::string state = field.required ? "**required**" : otherwise;
    if (*field.unless != '\0') state += fmt::format(" unless `{}` is there", field.unless);
    sections_[index_].text += fmt::format("| `{}` | {} | {} | {} |\n", field.key, what, state, field.doc);
  }

  std::vector<Section>& sections_;
  std::size_t index_;
};

}  // namespace

std::string scenario_reference() {
  std::vector<Section> sections;
  ScenarioFile file;
  ReferenceBuilder builder("scenario", "The keys of a scenario file.", sections);
  describe(builder, file);
  std::string text =
      "# Reference of the scenario and catalog files\n\n"
      "A quantity has its unit: `400 Gb/s`, `80 GB`, `5 us`; a share is a number or `87 %`. A constant of a catalog "
      "file says where it comes from: `{value: 989.4 TFLOP/s, kind: datasheet, spread: 5%, source: \"…\"}`, with kind "
      "one of datasheet, measured, fitted and assumed, and spread the relative standard deviation; in a scenario the "
      "bare quantity will do.\n";
  for (const Section& section : sections) text += fmt::format("\n## {}\n\n{}", section.title, section.text);
  return text;
}

}  // namespace lockstep
