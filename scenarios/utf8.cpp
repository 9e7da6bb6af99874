#include "scenarios/utf8.hpp"

#include <algorithm>

namespace lockstep {
namespace {

constexpr char32_t replacement = 0xFFFD;

// Decodes one character at `offset`; returns its length in bytes, 0 where the bytes are not valid.
std::size_t decode_one(std::string_view text, std::size_t offset, char32_t& character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[offset + i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    character = lead;
    return 1;
  }
  std::size_t length = 0;
  char32_t smallest = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    smallest = 0x80;
    character = lead & 0x1Fu;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    smallest = 0x800;
    character = lead & 0x0Fu;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    smallest = 0x10000;
    character = lead & 0x07u;
  } else {
    return 0;
  }
  if (offset + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0u) != 0x80u) return 0;
    character = (character << 6) | (byte(i) & 0x3Fu);
  }
  const bool surrogate = character >= 0xD800 && character <= 0xDFFF;
  return (character < smallest || character > 0x10FFFF || surrogate) ? 0 : length;
}

struct Interval {
  char32_t low;
  char32_t high;
};

template <std::size_t N>
bool inside(const Interval (&intervals)[N], char32_t character) {
  for (const Interval& interval : intervals) {
    if (character >= interval.low && character <= interval.high) return true;
  }
  return false;
}

}  // namespace

std::vector<char32_t> decode_utf8(std::string_view text) {
  std::vector<char32_t> characters;
  characters.reserve(text.size());
  for (std::size_t offset = 0; offset < text.size();) {
    char32_t character = replacement;
    const std::size_t length = decode_one(text, offset, character);
    characters.push_back(length == 0 ? replacement : character);
    offset += length == 0 ? 1 : length;
  }
  return characters;
}

std::size_t first_invalid_utf8(std::string_view text) {
  for (std::size_t offset = 0; offset < text.size();) {
    char32_t character = 0;
    const std::size_t length = decode_one(text, offset, character);
    if (length == 0) return offset;
    offset += length;
  }
  return std::string_view::npos;
}

void append_utf8(std::string& text, char32_t character) {
  const auto put = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (character < 0x80) {
    put(character);
  } else if (character < 0x800) {
    put(0xC0 | (character >> 6));
    put(0x80 | (character & 0x3F));
  } else if (character < 0x10000) {
    put(0xE0 | (character >> 12));
    put(0x80 | ((character >> 6) & 0x3F));
    put(0x80 | (character & 0x3F));
  } else {
    put(0xF0 | (character >> 18));
    put(0x80 | ((character >> 12) & 0x3F));
    put(0x80 | ((character >> 6) & 0x3F));
    put(0x80 | (character & 0x3F));
  }
}

int display_width(char32_t character) {
  static constexpr Interval combining[] = {{0x0300, 0x036F}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},
                                           {0x200B, 0x200D}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F},
                                           {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}};
  static constexpr Interval wide[] = {{0x1100, 0x115F},   {0x2E80, 0xA4CF},   {0xAC00, 0xD7A3},
                                      {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
                                      {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF},
                                      {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
  if (inside(combining, character)) return 0;
  return inside(wide, character) ? 2 : 1;
}

bool is_unprintable(char32_t character) {
  static constexpr Interval intervals[] = {{0x00, 0x1F},     {0x7F, 0x9F},     {0x200E, 0x200F},
                                           {0x2028, 0x202E}, {0x2066, 0x2069}, {0xFEFF, 0xFEFF}};
  return inside(intervals, character);
}

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char32_t character : decode_utf8(text)) {
    append_utf8(result, is_unprintable(character) ? replacement : character);
  }
  return result;
}

std::string shortened(std::string_view text) {
  constexpr std::size_t longest = 60;
  // No character takes more than four bytes, so that what lies beyond can't be among the first.
  const std::vector<char32_t> characters = decode_utf8(text.substr(0, 4 * (longest + 1)));
  if (characters.size() <= longest && text.size() <= 4 * (longest + 1)) return std::string(text);
  std::string result;
  for (std::size_t i = 0; i < std::min(longest - 1, characters.size()); ++i) append_utf8(result, characters[i]);
  return result + "…";
}

}  // namespace lockstep
