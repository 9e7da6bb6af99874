#include "scenarios/node.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/utf8.hpp"

namespace lockstep {

SourceText::SourceText(std::string name, std::string text, Origin origin)
    : name_(std::move(name)), text_(std::move(text)), origin_(origin) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (std::string_view(text_).substr(0, byte_order_mark.size()) == byte_order_mark) {
    text_.erase(0, byte_order_mark.size());
  }
  line_starts_.push_back(0);
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_starts_.push_back(i + 1);
  }
}

std::string_view SourceText::line(std::size_t index) const {
  if (index >= line_starts_.size()) return {};
  const std::size_t begin = line_starts_[index];
  const std::size_t end = index + 1 < line_starts_.size() ? line_starts_[index + 1] - 1 : text_.size();
  std::string_view line = std::string_view(text_).substr(begin, end - begin);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

const Entry* Node::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

Entry* Node::find(std::string_view key) {
  for (Entry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

Diagnostic diagnose(const Location& where, std::string code, std::string message, std::string hint) {
  Diagnostic diagnostic;
  diagnostic.code = std::move(code);
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  if (!where.source) return diagnostic;
  const std::string_view line = where.source->line(where.line);
  const std::string_view before = line.substr(0, std::min(where.column, line.size()));
  const std::string_view marked = line.substr(before.size(), where.length);
  diagnostic.file = where.source->name();
  if (where.source->origin() != Origin::setting) diagnostic.line = static_cast<int>(where.line) + 1;
  diagnostic.column = static_cast<int>(decode_utf8(before).size()) + 1;
  diagnostic.length = std::max(1, static_cast<int>(decode_utf8(marked).size()));
  diagnostic.source_line = std::string(line);
  return diagnostic;
}

std::string line_reference(const Location& where) {
  if (!where.source) return "another place";
  if (where.source->origin() == Origin::setting) return where.source->name();
  return fmt::format("line {}", where.line + 1);
}

}  // namespace lockstep
