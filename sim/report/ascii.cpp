#include "sim/report/ascii.hpp"

#include <algorithm>
#include <array>

#include "scenarios/utf8.hpp"

namespace lockstep {

namespace {

struct Replacement {
  char32_t character;
  char ascii;
};

// Passes of the second model chunk count with letters (a: 0), those of the third with capitals.
constexpr std::array replacements{
    // cells of schedules
    Replacement{U'─', '-'},
    Replacement{U'━', '='},
    Replacement{U'╌', '+'},
    Replacement{U'⁰', 'a'},
    Replacement{U'¹', 'b'},
    Replacement{U'²', 'c'},
    Replacement{U'³', 'd'},
    Replacement{U'⁴', 'e'},
    Replacement{U'⁵', 'f'},
    Replacement{U'⁶', 'g'},
    Replacement{U'⁷', 'h'},
    Replacement{U'⁸', 'i'},
    Replacement{U'⁹', 'j'},
    Replacement{U'₀', 'A'},
    Replacement{U'₁', 'B'},
    Replacement{U'₂', 'C'},
    Replacement{U'₃', 'D'},
    Replacement{U'₄', 'E'},
    Replacement{U'₅', 'F'},
    Replacement{U'₆', 'G'},
    Replacement{U'₇', 'H'},
    Replacement{U'₈', 'I'},
    Replacement{U'₉', 'J'},
    // shades and areas
    Replacement{U'░', '-'},
    Replacement{U'▒', '%'},
    Replacement{U'▓', '='},
    Replacement{U'▁', '_'},
    Replacement{U'▂', '_'},
    Replacement{U'▃', '.'},
    Replacement{U'▄', 'o'},
    Replacement{U'▅', 'o'},
    Replacement{U'▆', 'o'},
    Replacement{U'▇', '#'},
    Replacement{U'█', '#'},
    Replacement{U'▏', '|'},
    Replacement{U'▎', '|'},
    Replacement{U'▍', '|'},
    Replacement{U'▌', '|'},
    Replacement{U'▋', '#'},
    Replacement{U'▊', '#'},
    Replacement{U'▉', '#'},
    Replacement{U'▲', '^'},
    Replacement{U'⋯', '~'},
    Replacement{U'┊', '|'},
    // lines and signs of the reports
    Replacement{U'├', '|'},
    Replacement{U'┤', '|'},
    Replacement{U'●', '*'},
    Replacement{U'○', 'o'},
    Replacement{U'└', '`'},
    Replacement{U'│', '|'},
    Replacement{U'…', '-'},
    Replacement{U'·', '.'},
    Replacement{U'×', 'x'},
    Replacement{U'±', '~'},
    Replacement{U'∓', '~'},
    Replacement{U'–', '-'},
    Replacement{U'—', '-'},
    Replacement{U'−', '-'},
    Replacement{U'µ', 'u'},
    Replacement{U'≤', '<'},
    Replacement{U'≥', '>'},
    Replacement{U'→', '>'},
    Replacement{U'’', '\''},
};

}  // namespace

std::string to_ascii(std::string_view text) {
  std::string ascii;
  for (const char32_t character : decode_utf8(text)) {
    if (character < 0x80) {
      ascii += static_cast<char>(character);
      continue;
    }
    const auto known = std::find_if(replacements.begin(), replacements.end(),
                                    [&](const Replacement& r) { return r.character == character; });
    ascii.append(static_cast<std::size_t>(std::max(display_width(character), 0)),
                 known == replacements.end() ? '?' : known->ascii);
  }
  return ascii;
}

}  // namespace lockstep
