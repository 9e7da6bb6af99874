// What the path of a setting leads to, from the field tables alone.
#pragma once

#include <optional>
#include <string>

#include "scenarios/scenario.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep {

// A key with one value: a number of some dimension, or a name, a switch, a text.
struct SettingField {
  bool number = false;
  Dimension dimension = Dimension::none;  // of a number
};

// The key that `path` of a Setting names, in a scenario or in an entry of the catalog; nothing
// where the path leads to no such key, or to a map or a list. Whether a plan or an entry of that
// name exists is not looked at.
std::optional<SettingField> setting_field(const std::string& path);

// The value in base units; nothing for what is no number or no text of one.
std::optional<double> setting_number(const SettingField& field, const std::string& value);

}  // namespace lockstep
