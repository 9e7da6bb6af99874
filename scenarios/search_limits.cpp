// Limits of dimensions: "8", "2..8", "1, 2, 4", "selective, full", "0..50 %".
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "scenarios/fields/limits.hpp"
#include "scenarios/search_words.hpp"
#include "scenarios/utf8.hpp"
#include "strategies/recompute.hpp"

namespace lockstep {

namespace {

using namespace words;

// What people call a dimension elsewhere.
struct OtherName {
  const char* name;
  const char* key;
};
constexpr OtherName other_names[] = {
    {"tp", "tensor"},
    {"pp", "stages"},
    {"pipeline", "stages"},
    {"vpp", "interleave"},
    {"dp", "data"},
    {"cp", "context"},
    {"ep", "expert"},
    {"etp", "expert_tensor"},
    {"mbs", "micro_batch"},
    {"zero", "sharding"},
    {"sp", "sequence_parallel"},
    {"gpus", "nodes"},
    {"order", "placement"},
    {"hsdp", "shard_group"},
};

constexpr std::string_view range_mark = "..";

std::vector<std::string> choice_names(const SearchDimension& dimension) {
  return {dimension.choices.begin(), dimension.choices.end()};
}

bool has_choice(const SearchDimension& dimension, std::string_view name) {
  return std::find(dimension.choices.begin(), dimension.choices.end(), name) !=
         dimension.choices.end();
}

bool names_parts(std::string_view text) {
  std::string unknown;
  return !text.empty() && parse_recompute_parts(text, &unknown).has_value();
}

void add_name(DimensionLimit& limit, const SearchDimension& dimension, std::string_view text) {
  const bool parts = std::string_view(dimension.key) == "recompute_parts" && names_parts(text);
  if (!has_choice(dimension, text) && !parts) {
    throw RequestError("E207", fmt::format("'{}' can't be '{}'", dimension.key, shortened(text)),
                       choose(text, choice_names(dimension)));
  }
  limit.names.emplace_back(text);
}

double value_of_dimension(const SearchDimension& dimension, std::string_view text) {
  if (dimension.kind == DimensionKind::share) {
    return number(text, dimension.key, Dimension::none, unit_share);
  }
  const CountText parsed = parse_count(scalar(text), dimension.low, limits::most_gpus);
  if (parsed.value) return static_cast<double>(*parsed.value);
  const bool no_number = parsed.code == "E206";
  throw RequestError(parsed.code, fmt::format("'{}' {}", dimension.key, parsed.message),
                     no_number ? "write it like 8, 2..8 or [1, 2, 4]" : parsed.hint);
}

void add_range(DimensionLimit& limit, const SearchDimension& dimension, std::string_view text) {
  const std::size_t mark = text.find(range_mark);
  if (mark == std::string_view::npos) {
    const double value = value_of_dimension(dimension, text);
    limit.ranges.push_back({value, value});
    return;
  }
  const std::string_view low = trimmed(text.substr(0, mark));
  const std::string_view high = trimmed(text.substr(mark + range_mark.size()));
  const ValueRange range{value_of_dimension(dimension, low), value_of_dimension(dimension, high)};
  if (range.low > range.high) {
    throw RequestError("E205",
                       fmt::format("'{}' has the empty range {}..{}", dimension.key, low, high),
                       fmt::format("write {}..{}", high, low));
  }
  limit.ranges.push_back(range);
}

// One of the values between commas.
void add_value(DimensionLimit& limit, const SearchDimension& dimension, std::string_view text) {
  if (text.empty()) {
    throw RequestError("E208", fmt::format("'{}' has no value", dimension.key),
                       "give it one, or remove the key");
  }
  if (dimension.kind == DimensionKind::choice) {
    add_name(limit, dimension, text);
  } else if (has_choice(dimension, text)) {
    limit.names.emplace_back(text);
    limit.ranges.push_back({-1, -1});  // what plans write for it
  } else {
    add_range(limit, dimension, text);
  }
}

void put_limit(SearchRequest& request, DimensionLimit limit) {
  for (DimensionLimit& one : request.limits) {
    if (one.dimension != limit.dimension) continue;
    one = std::move(limit);
    return;
  }
  request.limits.push_back(std::move(limit));
}

void extend_limit(SearchRequest& request, const SearchDimension& dimension, std::string_view text,
                  DimensionLimit limit) {
  for_each_part(text, [&](std::string_view part) { add_value(limit, dimension, part); });
  put_limit(request, std::move(limit));
}

RequestError unknown_dimension(std::string_view key) {
  std::vector<std::string> names;
  for (const SearchDimension& one : search_dimensions()) names.emplace_back(one.key);
  std::string hint = choose(key, names);
  for (const OtherName& other : other_names) {
    if (key == other.name) {
      hint = fmt::format("did you mean '{}'? One of: {}", other.key, joined(names));
    }
  }
  return {"E207", fmt::format("a search does not vary '{}'", shortened(key)), std::move(hint)};
}

}  // namespace

void set_limit(SearchRequest& request, const SearchDimension& dimension, std::string_view text) {
  extend_limit(request, dimension, text, {dimension.key, {}, {}});
}

void add_limit(SearchRequest& request, const SearchDimension& dimension, std::string_view text) {
  const DimensionLimit* limit = request.limit(dimension.key);
  extend_limit(request, dimension, text,
               limit == nullptr ? DimensionLimit{dimension.key, {}, {}} : *limit);
}

void set_limit(SearchRequest& request, std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    throw RequestError("E206", fmt::format("'{}' limits nothing", shortened(text)),
                       "write it like tensor=8, tensor=2..8 or recompute=none,selective");
  }
  const std::string_view key = trimmed(text.substr(0, equals));
  const SearchDimension* dimension = find_search_dimension(key);
  if (dimension == nullptr) throw unknown_dimension(key);
  set_limit(request, *dimension, text.substr(equals + 1));
}

}  // namespace lockstep
