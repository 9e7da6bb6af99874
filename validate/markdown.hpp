// Markdown of numbers and tables.
#pragma once

#include <string>
#include <vector>

namespace lockstep {

std::string percent_of(double share);      // "12.3 %"
std::string signed_percent(double share);  // "+12.3 %"
std::string whole_percent(double share);   // "12 %"

// A cell: without control characters, bars escaped.
std::string markdown_cell(const std::string& text);

// A table; a header that begins with '>' is a column of numbers, aligned right. Cells are written
// as they are.
class MarkdownTable {
 public:
  explicit MarkdownTable(const std::vector<std::string>& headers);
  void add(const std::vector<std::string>& cells);
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool empty() const { return rows_ == 0; }

 private:
  std::string text_;
  std::size_t rows_ = 0;
};

}  // namespace lockstep
