// Laying one tree over another: how `based_on`, a plan's own keys and --set change what a file says.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/node.hpp"
#include "scenarios/scenario.hpp"

namespace lockstep {

// `over` on top of `base`. A map goes key by key into a map, and a map over a name becomes
// {based_on: name, …}. Everything else replaces what lies below: scalars, lists, and a map that says on its
// own what it stands for, by `based_on` (an entry) or by `value` (a constant, whose provenance goes with it).
void lay_over(Node& base, const Node& over);

// A setting "a.b.c=value", read.
struct ParsedSetting {
  std::vector<std::string> path;    // at least one name
  std::vector<Location> where;      // of each name
  Node value;
};

// The names of a path and the tree of its value, with the locations of their text "a.b.c=value".
std::optional<ParsedSetting> parse_setting(const Setting& setting, std::vector<Diagnostic>& problems);

// The setting as a tree to lay over another: its path from name `first` on as nested maps around the value.
Node setting_tree(const ParsedSetting& setting, std::size_t first);

}  // namespace lockstep
