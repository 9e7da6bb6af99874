#include "scenarios/search_words.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lockstep::words {

namespace {

template <class Number>
Number value_of(const ParsedText<Number>& parsed, std::string_view key) {
  if (parsed.value) return *parsed.value;
  throw RequestError(parsed.code, fmt::format("'{}' {}", key, parsed.message), parsed.hint);
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::vector<std::string> names_of(std::span<const RequestName> table) {
  std::vector<std::string> names;
  for (const RequestName& one : table) names.emplace_back(one.name);
  return names;
}

// "did you mean 'x'? One of: …"
std::string choose(std::string_view text, const std::vector<std::string>& names) {
  const std::string nearest = nearest_name(std::string(text), names);
  if (nearest.empty()) return "one of: " + joined(names);
  return fmt::format("did you mean '{}'? One of: {}", nearest, joined(names));
}

Node scalar(std::string_view text) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = std::string(text);
  return node;
}

double number(std::string_view text, std::string_view key, Dimension dimension, Range range) {
  return value_of(parse_number(scalar(text), dimension, range), key);
}

std::int64_t count(std::string_view text, std::string_view key, std::int64_t low,
                   std::int64_t high) {
  return value_of(parse_count(scalar(text), low, high), key);
}

std::optional<std::size_t> index_of(std::string_view name, std::span<const RequestName> table) {
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const RequestName& one) { return name == one.name; });
  if (found == table.end()) return std::nullopt;
  return static_cast<std::size_t>(found - table.begin());
}

void for_each_part(std::string_view text, const std::function<void(std::string_view)>& take) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    take(trimmed(text.substr(begin, end - begin)));
    begin = end + 1;
  }
}

}  // namespace lockstep::words
