#include "scenarios/text_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "scenarios/utf8.hpp"
#include "scenarios/yaml_reader.hpp"

namespace lockstep {
namespace {

// Open brackets that only a hostile file holds; quotes and comments are not told apart here.
constexpr std::size_t bracket_limit = 1000;

bool begins_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

Diagnostic not_text(const Location& where, std::string message) {
  return diagnose(where, "E103", std::move(message), "a scenario or catalog file is YAML, saved as UTF-8 text");
}

}  // namespace

Location location_of_offset(const std::shared_ptr<const SourceText>& source, std::size_t offset) {
  const std::string_view before = std::string_view(source->text()).substr(0, offset);
  Location where;
  where.source = source;
  where.line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t line_end = before.rfind('\n');
  where.column = line_end == std::string_view::npos ? before.size() : before.size() - line_end - 1;
  return where;
}

std::optional<Diagnostic> find_unreadable_text(const std::shared_ptr<const SourceText>& source) {
  using namespace std::string_view_literals;
  const std::string_view text = source->text();
  if (text.size() > largest_yaml_bytes) {
    Diagnostic diagnostic = diagnose(Location{source, 0, 0, 1}, "E102",
                                     fmt::format("the file has {} bytes; the limit is {}", text.size(),
                                                 largest_yaml_bytes),
                                     "is this the right file? Scenario and catalog files have a few kilobytes");
    diagnostic.line = diagnostic.column = 0;
    diagnostic.source_line.clear();
    return diagnostic;
  }
  if (begins_with(text, "\xFF\xFE"sv) || begins_with(text, "\xFE\xFF"sv) || begins_with(text, "\0\0\xFE\xFF"sv)) {
    return not_text(Location{source, 0, 0, 1}, "the file is UTF-16 or UTF-32, not UTF-8");
  }
  const std::size_t invalid = first_invalid_utf8(text);
  std::size_t open = 0;
  for (std::size_t i = 0; i < std::min(text.size(), invalid); ++i) {
    const char c = text[i];
    const bool line_end = c == '\n' || (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n');
    const bool control = (static_cast<unsigned char>(c) < 0x20 && c != '\t' && !line_end) || c == 0x7F;
    if (control) {
      return not_text(location_of_offset(source, i),
                      fmt::format("the control character U+{:04X} is no text",
                                  static_cast<unsigned>(static_cast<unsigned char>(c))));
    }
    if (c == '[' || c == '{') ++open;
    if ((c == ']' || c == '}') && open > 0) --open;
    if (open > bracket_limit) {
      return diagnose(location_of_offset(source, i), "E106",
                      fmt::format("maps and lists are nested more than {} deep", deepest_yaml_nesting),
                      "a scenario needs five or six levels; is a bracket not closed?");
    }
  }
  if (invalid != std::string_view::npos) {
    return not_text(location_of_offset(source, invalid),
                    fmt::format("the byte 0x{:02X} is not valid UTF-8",
                                static_cast<unsigned>(static_cast<unsigned char>(text[invalid]))));
  }
  return std::nullopt;
}

}  // namespace lockstep
