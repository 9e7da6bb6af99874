#include "validate/nccl_log_line.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

namespace lockstep {
namespace {

constexpr int most_prefixes = 6;
constexpr std::size_t most_foreign_words = 6;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f' || c == '\0'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::size_t skip_blanks(std::string_view line, std::size_t at) {
  while (at < line.size() && is_blank(line[at])) ++at;
  return at;
}

// Bytes of the terminal's colour sequence at `at` (ESC [ … letter); 0 where there is none.
std::size_t colour_length(std::string_view line, std::size_t at) {
  if (line[at] != '\x1b' || at + 1 >= line.size() || line[at + 1] != '[') return 0;
  std::size_t end = at + 2;
  while (end < line.size() && (is_digit(line[end]) || line[end] == ';')) ++end;
  return std::min(end + 1, line.size()) - at;
}

// "2026-08-01", "12:00:00.123", "2026-08-01T12:00:00.123Z", "[12:00:00]".
bool is_time_stamp(std::string_view word) {
  const auto within = [](char c) {
    return is_digit(c) || c == '-' || c == ':' || c == '.' || c == ',' || c == 'T' || c == 'Z' || c == '+' || c == '[' ||
           c == ']';
  };
  if (!std::all_of(word.begin(), word.end(), within)) return false;
  const auto colons = std::count(word.begin(), word.end(), ':');
  const auto dashes = std::count(word.begin(), word.end(), '-');
  const auto digits = std::count_if(word.begin(), word.end(), is_digit);
  return digits >= 6 && (colons >= 2 || (dashes == 2 && !word.empty() && is_digit(word.front())));
}

// Where the text goes on after one prefix that begins at `at`; `at` where there is none.
std::size_t after_prefix(std::string_view line, std::size_t at) {
  const std::size_t begin = skip_blanks(line, at);
  if (begin >= line.size() || line[begin] == '#') return at;
  std::size_t end = begin;
  while (end < line.size() && !is_blank(line[end]) && line[end] != '#' && line[end] != '|') ++end;
  const std::string_view word = line.substr(begin, end - begin);
  for (const std::string_view stream : {"<stdout>:", "<stderr>:", "<stdout>", "<stderr>"}) {
    const std::size_t mark = word.find(stream);
    if (mark != std::string_view::npos) return begin + mark + stream.size();
  }
  if (word.size() > 1 && word.back() == ':') return end;
  if (is_time_stamp(word)) return end;
  const std::size_t next = skip_blanks(line, end);
  if (!word.empty() && next < line.size() && line[next] == '|' && !std::all_of(word.begin(), word.end(), is_digit)) {
    return next + 1;
  }
  return at;
}

// Where NCCL's own message begins; npos without one. "node1:12:34 [0] NCCL INFO": at "node1".
std::size_t message_start(std::string_view line) {
  std::size_t at = std::string_view::npos;
  for (const std::string_view mark : {" NCCL INFO", " NCCL WARN", " NCCL TRACE", " NCCL ERROR"}) {
    at = std::min(at, line.find(mark));
  }
  if (at == std::string_view::npos) return at;
  const auto word_start = [&](std::size_t end) {
    while (end > 0 && !is_blank(line[end - 1])) --end;
    return end;
  };
  std::size_t start = word_start(at);
  if (start < line.size() && line[start] == '[' && start > 0) {   // the device
    std::size_t end = start;
    while (end > 0 && is_blank(line[end - 1])) --end;
    start = word_start(end);
  }
  // A number that was being printed may be glued to the host's name: "-1node1:12:34".
  std::size_t number = start;
  if (number < line.size() && line[number] == '-') ++number;
  while (number < at && (is_digit(line[number]) || line[number] == '.')) ++number;
  const bool glued = number > start && number < at && is_letter(line[number]);
  return glued ? number : start;
}

}  // namespace

LogLine read_log_line(std::string_view line) {
  LogLine out;
  const std::size_t message = message_start(line);
  out.nccl_message = message != std::string_view::npos;
  if (out.nccl_message) line = line.substr(0, message);
  std::size_t at = 0;
  for (int i = 0; i < most_prefixes; ++i) {
    const std::size_t next = after_prefix(line, at);
    if (next == at) break;
    at = next;
  }
  at = skip_blanks(line, at);
  while (at < line.size()) {
    if (const std::size_t colour = colour_length(line, at)) {
      at += colour;
    } else if (is_blank(line[at]) || line[at] == '|') {
      ++at;
    } else if (line[at] == '#' && out.words.empty()) {
      out.comment = true;
      ++at;
    } else {
      std::size_t end = at;
      while (end < line.size() && !is_blank(line[end]) && line[end] != '|' && line[end] != '\x1b') ++end;
      if (end == at) ++end;   // a lone escape
      out.words.push_back({line.substr(at, end - at), at});
      at = end;
    }
  }
  // A launcher that is not known: the '#' of the log stands a few words in.
  const auto few = out.words.begin() + static_cast<std::ptrdiff_t>(std::min(out.words.size(), most_foreign_words));
  const auto mark = std::find_if(out.words.begin(), few, [](const LogWord& word) { return word.text == "#"; });
  if (mark != few) {
    out.words.erase(out.words.begin(), mark + 1);
    out.comment = true;
  }
  return out;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> decimal_number(std::string_view text) {
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

bool is_not_available(std::string_view text) {
  const std::string word = lower_case(text);
  return word == "n/a" || word == "-" || word == "nan" || word == "-nan" || word == "inf" || word == "na";
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace lockstep
