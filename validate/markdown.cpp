#include "validate/markdown.hpp"

#include <fmt/format.h>

#include "scenarios/utf8.hpp"

namespace lockstep {

std::string percent_of(double share) {
  return fmt::format("{:.1f} %", 100.0 * share);
}
std::string signed_percent(double share) {
  return fmt::format("{:+.1f} %", 100.0 * share);
}
std::string whole_percent(double share) {
  return fmt::format("{:.0f} %", 100.0 * share);
}

std::string markdown_cell(const std::string& text) {
  std::string out = printable(text);
  for (std::size_t at = 0; (at = out.find('|', at)) != std::string::npos; at += 2)
    out.insert(at, "\\");
  return out;
}

MarkdownTable::MarkdownTable(const std::vector<std::string>& headers) {
  std::string rule = "|";
  text_ = "|";
  for (const std::string& header : headers) {
    const bool number = !header.empty() && header.front() == '>';
    text_ += fmt::format(" {} |", number ? header.substr(1) : header);
    rule += number ? "--:|" : "---|";
  }
  text_ += '\n' + rule + '\n';
}

void MarkdownTable::add(const std::vector<std::string>& cells) {
  text_ += '|';
  for (const std::string& cell : cells) text_ += fmt::format(" {} |", cell);
  text_ += '\n';
  ++rows_;
}

}  // namespace lockstep
