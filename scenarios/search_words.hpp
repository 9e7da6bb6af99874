// What the readers of texts about a search share: trimming, numbers with their errors, names with
// the nearest one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/number_text.hpp"
#include "scenarios/search_text.hpp"

namespace lockstep::words {

inline constexpr double seconds_per_day = 86400;
inline constexpr Range positive{0.0, 1e300, true};
inline constexpr Range unit_share{0.0, 1.0, false};

std::string_view trimmed(std::string_view text);
std::string joined(const std::vector<std::string>& names);

// "did you mean 'x'? One of: …"
std::string choose(std::string_view text, const std::vector<std::string>& names);
std::vector<std::string> names_of(std::span<const RequestName> table);
std::optional<std::size_t> index_of(std::string_view name, std::span<const RequestName> table);

Node scalar(std::string_view text);
// The number, or a RequestError that begins with the key.
double number(std::string_view text, std::string_view key, Dimension dimension, Range range);
std::int64_t count(std::string_view text, std::string_view key, std::int64_t low,
                   std::int64_t high);

// What stands between commas, without blanks around it.
void for_each_part(std::string_view text, const std::function<void(std::string_view)>& take);

}  // namespace lockstep::words
