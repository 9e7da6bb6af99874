// Lines of a log as words, without what a launcher puts before them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

struct LogWord {
  std::string_view text;
  std::size_t column = 0;   // bytes from the start of the line
};

// Words between blanks and '|', and the '#' that a line begins with as a word of its own.
// Colour sequences of a terminal count as blanks.
struct LogLine {
  std::vector<LogWord> words;
  bool comment = false;     // begins with '#', which is not among the words
  bool nccl_message = false;   // what NCCL or RCCL itself printed begins somewhere in it
};

// Takes off, as often as they occur: "[1,0]<stdout>:", "[rank0]:", " 0: ", "host: ", "worker-1 | ", time stamps.
// Of a line into which NCCL printed a message ("…host:12:34 [0] NCCL INFO …") the words before the message are left.
LogLine read_log_line(std::string_view line);

std::optional<std::int64_t> whole_number(std::string_view text);
std::optional<double> decimal_number(std::string_view text);   // finite
bool is_not_available(std::string_view text);                  // "N/A", "-", "nan"
std::string lower_case(std::string_view text);

}  // namespace lockstep
