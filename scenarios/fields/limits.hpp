// Ranges that many fields share. They stop slips of the keyboard (a unit too much, a missing zero), not research.
#pragma once

#include <cstdint>

#include "scenarios/fields.hpp"

namespace lockstep::limits {

inline constexpr std::int64_t most_gpus = 100'000'000;
inline constexpr std::int64_t most_nodes = 1'000'000;
inline constexpr std::int64_t widest = 100'000'000;   // hidden sizes, vocabularies, sequence lengths
inline constexpr std::int64_t most_layers = 100'000;

inline constexpr Range share{0.0, 1.0, false};            // an efficiency or an exposed part may be nothing
inline constexpr Range positive_share{0.0, 1.0, true};    // a divisor: zero would take for ever
inline constexpr Range factor{0.0, 100.0, true};
inline constexpr Range ratio{0.0, 100.0, false};
inline constexpr Range compute_rate{0.0, 1e21, false};
inline constexpr Range memory_size{0.0, 1e18, false};
inline constexpr Range bandwidth{0.0, 1e18, true};
inline constexpr Range latency{0.0, 10.0, false};
inline constexpr Range bytes_per_item{0.0, 1000.0, false};

}  // namespace lockstep::limits
