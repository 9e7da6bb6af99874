// The way back of tree_reader.hpp: structs as trees by their field tables, what differs between two
// trees, and trees as YAML.
#pragma once

#include <functional>
#include <string>

#include "scenarios/fields.hpp"
#include "scenarios/node.hpp"

namespace lockstep {

Node scalar_node(std::string text);
Node map_node();
// Sets a key of a map, in place of what it held.
void put(Node& map, const std::string& key, Node value);
void erase_key(Node& map, const std::string& key);

// A map of every member. Quantities are in base units with all their digits, constants with their
// provenance, entries of the catalog as maps with `based_on`. `members` calls a describe(), which
// changes nothing.
Node tree_of(const std::function<void(FieldVisitor&)>& members);

// Whether two trees say the same, wherever they were written.
bool same_tree(const Node& a, const Node& b);

// The part of `value` that has to be laid over `base` to make it `value`: a map, empty where
// nothing differs. Keys that `value` lacks stay the base's.
Node differences(const Node& value, const Node& base);

// YAML of a map: maps and lists that fit a line are written in one. `remarks` gives the comment
// beside a scalar value by its place; none where it gives "".
std::string to_yaml(const Node& map, const std::function<std::string(const Node&)>& remarks = {});

}  // namespace lockstep
