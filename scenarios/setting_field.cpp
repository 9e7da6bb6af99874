#include "scenarios/setting_field.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "scenarios/fields/scenario_file.hpp"

namespace lockstep {

namespace {

using Names = std::vector<std::string>;
using Members = std::function<void(FieldVisitor&)>;

Names names_of(const std::string& path) {
  Names names;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    names.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

std::optional<SettingField> find_field(const Names& path, std::size_t first,
                                       const Members& members);

// Looks at the members of one map for the name at `at` of the path, and goes on inside.
class FieldSearch final : public FieldVisitor {
 public:
  FieldSearch(const Names& path, std::size_t at) : path_(path), at_(at) {}
  [[nodiscard]] const std::optional<SettingField>& found() const { return found_; }

  void text(const FieldInfo& field, std::string& /*value*/) override { name(field); }
  void flag(const FieldInfo& field, bool& /*value*/) override { name(field); }
  void choice(const FieldInfo& field, int& /*value*/,
              std::span<const Choice> /*choices*/) override {
    name(field);
  }
  void count(const FieldInfo& field, std::int64_t& /*value*/, std::int64_t /*low*/,
             std::int64_t /*high*/) override {
    number(field, Dimension::none);
  }
  void number(const FieldInfo& field, double& /*value*/, Range /*range*/) override {
    number(field, Dimension::none);
  }
  void constant(const FieldInfo& field, ConstantBase& /*value*/, Dimension dimension,
                Range /*range*/) override {
    if (!is_next(field)) return;
    if (is_last()) {
      found_ = SettingField{true, dimension};
    } else if (at_ + 2 == path_.size()) {
      const std::string& part = path_.back();
      if (part == "value") found_ = SettingField{true, dimension};
      if (part == "spread") found_ = SettingField{true, Dimension::none};
    }
  }
  void group(const FieldInfo& field, const Members& members) override { inside(field, members); }
  void entry(const FieldInfo& field, const char* /*folder*/, std::string& /*name*/,
             const Members& members) override {
    name(field);
    inside(field, members);
  }
  void texts(const FieldInfo& /*field*/, std::vector<std::string>& /*values*/) override {}
  // The items go by their names: one stands for all of them.
  void list(const FieldInfo& field, std::size_t /*size*/,
            const std::function<void(std::size_t)>& resize,
            const std::function<void(FieldVisitor&, std::size_t)>& item) override {
    if (!is_next(field) || at_ + 2 >= path_.size()) return;
    resize(1);
    found_ = find_field(path_, at_ + 2, [&](FieldVisitor& inner) { item(inner, 0); });
  }

 private:
  [[nodiscard]] bool is_next(const FieldInfo& field) const { return path_[at_] == field.key; }
  [[nodiscard]] bool is_last() const { return at_ + 1 == path_.size(); }
  void name(const FieldInfo& field) {
    if (is_next(field) && is_last()) found_ = SettingField{};
  }
  void number(const FieldInfo& field, Dimension dimension) {
    if (is_next(field) && is_last()) found_ = SettingField{true, dimension};
  }
  void inside(const FieldInfo& field, const Members& members) {
    if (is_next(field) && !is_last()) found_ = find_field(path_, at_ + 1, members);
  }

  const Names& path_;
  std::size_t at_;
  std::optional<SettingField> found_;
};

std::optional<SettingField> find_field(const Names& path, std::size_t first,
                                       const Members& members) {
  FieldSearch search(path, first);
  members(search);
  return search.found();
}

// A key of a catalog entry, whose name may hold dots.
template <class Entry>
std::optional<SettingField> find_in_entry(const Names& path) {
  for (std::size_t first = 2; first < path.size(); ++first) {
    Entry entry;
    const auto found =
        find_field(path, first, [&](FieldVisitor& visitor) { describe(visitor, entry); });
    if (found) return found;
  }
  return std::nullopt;
}

}  // namespace

std::optional<SettingField> setting_field(const std::string& path) {
  const Names names = names_of(path);
  ScenarioFile file;
  const auto found = find_field(names, 0, [&](FieldVisitor& visitor) { describe(visitor, file); });
  if (found) return found;
  if (names.front() == "gpus") return find_in_entry<Gpu>(names);
  if (names.front() == "systems") return find_in_entry<System>(names);
  if (names.front() == "models") return find_in_entry<Model>(names);
  if (names.front() == "software") return find_in_entry<Software>(names);
  return std::nullopt;
}

std::optional<double> setting_number(const SettingField& field, const std::string& value) {
  if (!field.number) return std::nullopt;
  return parse_quantity(value, field.dimension).value;
}

}  // namespace lockstep
