#include "scenarios/yaml_syntax_error.hpp"

#include <fmt/format.h>
#include <yaml-cpp/exceptions.h>

#include <algorithm>
#include <string_view>

namespace lockstep {
namespace {

struct Explanation {
  std::string_view original;  // the parser's message, or how it begins
  const char* code;
  const char* message;
  const char* hint;
};

const Explanation explanations[] = {
    {YAML::ErrorMsg::TAB_IN_INDENTATION, "E112", "a tab indents this line", "indent with spaces"},
    {YAML::ErrorMsg::END_OF_MAP_FLOW, "E105", "a '{' is not closed, or a ',' is missing",
     "write {key: value, key: value}"},
    {YAML::ErrorMsg::END_OF_SEQ_FLOW, "E105", "a '[' is not closed, or a ',' is missing", "write [a, b]"},
    {YAML::ErrorMsg::END_OF_MAP, "E105", "the line does not continue the map above it",
     "write 'key: value' and indent it like the other keys of the map"},
    {YAML::ErrorMsg::END_OF_SEQ, "E105", "the line does not continue the list above it",
     "begin the item with '- ' and indent it like the others"},
    {YAML::ErrorMsg::MAP_VALUE, "E105", "a ':' where no value can begin",
     "put a text that holds ': ' in quotes, write one 'key: value' on a line, and check the indentation"},
    {YAML::ErrorMsg::MAP_KEY, "E105", "a '?' where no key can begin", "write 'key: value'"},
    {YAML::ErrorMsg::BLOCK_ENTRY, "E105", "a '-' where no list item can begin",
     "write the list on lines of its own below the key, or as [a, b]"},
    {YAML::ErrorMsg::FLOW_END, "E105", "a closing bracket without its opening one", "remove it, or open it before"},
    {YAML::ErrorMsg::EOF_IN_SCALAR, "E105", "a quotation mark is not closed", "close it"},
    {YAML::ErrorMsg::DOC_IN_SCALAR, "E105", "a document ends inside a quoted text", "close the quotation mark"},
    {YAML::ErrorMsg::INVALID_ESCAPE, "E105", "an unknown escape in a text between double quotes",
     "write a backslash as \\\\, or use single quotes"},
    {YAML::ErrorMsg::UNKNOWN_TOKEN, "E105", "no value can begin with this character", "put the text in quotes"},
    {YAML::ErrorMsg::UNKNOWN_ANCHOR, "E109", "aliases (*name) are not supported", "write the value out"},
    {YAML::ErrorMsg::ALIAS_CONTENT, "E109", "aliases (*name) are not supported", "write the value out"},
};

// Whether the indentation of a line holds a tab.
bool is_tab_indented(std::string_view line) {
  const std::size_t first = std::min(line.find_first_not_of(" \t"), line.size());
  return line.substr(0, first).find('\t') != std::string_view::npos;
}

bool begins_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

}  // namespace

Diagnostic explain_syntax_error(const std::shared_ptr<const SourceText>& source, const YAML::Exception& error,
                                std::size_t first_column) {
  Location where;
  where.source = source;
  if (!error.mark.is_null()) {
    where.line = static_cast<std::size_t>(std::max(0, error.mark.line));
    where.column = static_cast<std::size_t>(std::max(0, error.mark.column)) + (where.line == 0 ? first_column : 0);
  }
  // An error at the end of the file is shown at its last line that says something.
  while (where.line > 0 && source->line(where.line).empty()) {
    --where.line;
    where.column = source->line(where.line).size();
  }
  if (is_tab_indented(source->line(where.line))) {
    where.column = source->line(where.line).find('\t');
    return diagnose(where, "E112", "a tab indents this line", "indent with spaces");
  }
  // The longest match wins, since one message can begin another.
  const Explanation* best = nullptr;
  for (const Explanation& explanation : explanations) {
    const bool longer = best == nullptr || explanation.original.size() > best->original.size();
    if (longer && begins_with(error.msg, explanation.original)) best = &explanation;
  }
  if (best != nullptr) return diagnose(where, best->code, best->message, best->hint);
  return diagnose(where, "E105", fmt::format("this is not valid YAML: {}", error.msg),
                  "write 'key: value' lines, indented with spaces");
}

}  // namespace lockstep
