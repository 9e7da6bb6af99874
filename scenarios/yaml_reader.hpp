// Reads YAML, the part of it that configuration needs: maps, lists and scalars of one document.
//
// Refused, each with a located error: duplicate keys, further documents, anchors, aliases, merge keys, tags,
// keys that are no names, deep nesting, and whatever is not UTF-8 text. The tree holds scalars as they are
// written; what they mean is up to the field that they belong to.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/node.hpp"

namespace lockstep {

inline constexpr std::size_t largest_yaml_bytes = 1u << 20;
inline constexpr std::size_t deepest_yaml_nesting = 64;

// The text of a file; nothing where it can't be read, and then `problems` says why (E101, E102).
std::optional<std::string> read_text_file(const std::filesystem::path& file, Origin origin,
                                          std::vector<Diagnostic>& problems);

// The tree of a YAML text; nothing where it has none. Every problem found is appended to `problems`,
// and a tree beside problems is what could still be read.
// `first_column` is where the YAML begins in the first line of the source (a setting's value follows its path).
std::optional<Node> parse_yaml(std::shared_ptr<const SourceText> source, std::vector<Diagnostic>& problems,
                               std::size_t first_column = 0);

}  // namespace lockstep
