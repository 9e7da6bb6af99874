// UTF-8 as far as error messages need it: characters, their width on a terminal, what must not be printed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

// The code points of a text; each byte that is not valid UTF-8 gives U+FFFD.
std::vector<char32_t> decode_utf8(std::string_view text);

// Offset of the first byte that is not valid UTF-8 (overlong forms and surrogates are not), or npos.
std::size_t first_invalid_utf8(std::string_view text);

void append_utf8(std::string& text, char32_t character);

// Terminal cells that a character takes: 0, 1 or 2.
int display_width(char32_t character);

// Control characters and direction marks, which could forge or hide what a terminal shows.
bool is_unprintable(char32_t character);

// The text on one line with every unprintable character as U+FFFD.
std::string printable(std::string_view text);

// The text as a message quotes it: at most 60 characters.
std::string shortened(std::string_view text);

}  // namespace lockstep
