// What must hold for a text before a YAML parser sees it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "scenarios/node.hpp"

namespace lockstep {

// The first thing that keeps the source from being a YAML text at all: its size, its encoding, control
// characters, brackets nested by the thousand (E102, E103, E106).
std::optional<Diagnostic> find_unreadable_text(const std::shared_ptr<const SourceText>& source);

// The place of a byte of the source.
Location location_of_offset(const std::shared_ptr<const SourceText>& source, std::size_t offset);

}  // namespace lockstep
