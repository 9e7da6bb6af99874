#include "sim/explain/changed_settings.hpp"

#include <fmt/format.h>

#include <map>

#include "scenarios/fields.hpp"

namespace lockstep {

namespace {

// Every value of a struct as --set would be given it, by its path.
class Leaves final : public FieldVisitor {
 public:
  Leaves(std::string prefix, std::map<std::string, std::string>& leaves)
      : prefix_(std::move(prefix)), leaves_(leaves) {}

  void text(const FieldInfo& field, std::string& value) override { put(field, value); }
  void flag(const FieldInfo& field, bool& value) override { put(field, value ? "true" : "false"); }
  void count(const FieldInfo& field, std::int64_t& value, std::int64_t, std::int64_t) override {
    put(field, std::to_string(value));
  }
  void number(const FieldInfo& field, double& value, Range) override {
    put(field, fmt::format("{}", value));
  }
  void constant(const FieldInfo& field, ConstantBase& value, Dimension dimension, Range) override {
    put(field, exact_text(value.value, dimension));
  }
  void choice(const FieldInfo& field, int& value, std::span<const Choice> choices) override {
    for (const Choice& one : choices) {
      if (one.value == value) put(field, one.name);
    }
  }
  void group(const FieldInfo& field, const std::function<void(FieldVisitor&)>& members) override {
    Leaves inner(prefix_ + field.key + ".", leaves_);
    members(inner);
  }
  // The software of a plan is an entry of the catalog, whose keys are walked on their own.
  void entry(const FieldInfo& field, const char* folder, std::string&,
             const std::function<void(FieldVisitor&)>& members) override {
    if (std::string_view(folder) == "software") return;
    Leaves inner(prefix_ + field.key + ".", leaves_);
    members(inner);
  }
  void texts(const FieldInfo& field, std::vector<std::string>& values) override {
    std::string list;
    for (const std::string& one : values) list += (list.empty() ? "" : ", ") + one;
    put(field, "[" + list + "]");
  }
  void phrases(const FieldInfo&, const Phrases&,
               const std::function<void(const std::string&)>&) override {}
  void list(const FieldInfo&, std::size_t, const std::function<void(std::size_t)>&,
            const std::function<void(FieldVisitor&, std::size_t)>&) override {}

 private:
  void put(const FieldInfo& field, std::string value) { leaves_[prefix_ + field.key] = std::move(value); }

  std::string prefix_;
  std::map<std::string, std::string>& leaves_;
};

std::map<std::string, std::string> leaves_of(Question question) {
  std::map<std::string, std::string> leaves;
  const auto visit = [&](const std::string& prefix, auto& described) {
    Leaves visitor(prefix, leaves);
    describe(visitor, described);
  };
  visit("plans." + question.plan.name + ".", question.plan);
  visit("software." + question.plan.software.name + ".", question.plan.software);
  visit("training.", question.training);
  visit(question.cluster_path + ".", question.cluster);
  return leaves;
}

struct Scale {
  Dimension dimension;
  double scale;
  const char* unit;
};

constexpr Scale scales[] = {
    {Dimension::none, 1, ""},
    {Dimension::bytes, 1, " B"},
    {Dimension::seconds, 1, " s"},
    {Dimension::bytes_per_second, 1e9, " GB/s"},
    {Dimension::flops, 1, " FLOP"},
    {Dimension::flops_per_second, 1e12, " TFLOP/s"},
    {Dimension::watts, 1, " W"},
};

}  // namespace

std::string exact_text(double value, Dimension dimension) {
  const std::string shown = constant_text(value, dimension);
  const ParsedQuantity parsed = parse_quantity(shown, dimension);
  if (parsed && *parsed.value == value) return shown;
  for (const Scale& one : scales) {
    if (one.dimension == dimension) return fmt::format("{}{}", value / one.scale, one.unit);
  }
  return shown;
}

std::vector<Setting> changed_settings(const Question& question, const Question& changed) {
  const std::map<std::string, std::string> before = leaves_of(question);
  std::vector<Setting> settings;
  for (const auto& [path, value] : leaves_of(changed)) {
    const auto known = before.find(path);
    if (known == before.end() || known->second == value) continue;
    settings.push_back({path, value});
  }
  return settings;
}

std::string settings_text(const std::vector<Setting>& settings) {
  std::string text;
  for (const Setting& one : settings) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", one.path, one.value);
  }
  return text;
}

}  // namespace lockstep
