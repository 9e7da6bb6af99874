#include "scenarios/diagnostics.hpp"

#include "scenarios/utf8.hpp"
#include "tests/catch.hpp"

using namespace lockstep;

namespace {

Diagnostic unit_missing() {
  Diagnostic diagnostic;
  diagnostic.code = "E203";
  diagnostic.file = "scenarios/h100.yaml";
  diagnostic.line = 14;
  diagnostic.column = 14;
  diagnostic.length = 3;
  diagnostic.message = "'bandwidth' needs a unit";
  diagnostic.hint = "\"400 Gb/s\" (50 GB/s) or \"400 GB/s\"?";
  diagnostic.source_line = "  bandwidth: 400";
  diagnostic.label = "a bare number is ambiguous";
  return diagnostic;
}

}  // namespace

TEST_CASE("diagnostics: place, source line, caret, label and hint") {
  CHECK(render(unit_missing()) ==
        "scenarios/h100.yaml:14:14: error[E203]: 'bandwidth' needs a unit\n"
        "   14 |   bandwidth: 400\n"
        "      |              ^~~ a bare number is ambiguous\n"
        "      = hint: \"400 Gb/s\" (50 GB/s) or \"400 GB/s\"?\n");
}

TEST_CASE("diagnostics: what() of an InputError holds all of them in their order") {
  Diagnostic second = unit_missing();
  second.line = 15;
  const InputError error({unit_missing(), second});
  CHECK(error.what() == render(unit_missing()) + render(second));
  CHECK(error.diagnostics().size() == 2);
}

TEST_CASE("diagnostics: a file as a whole has neither line nor excerpt") {
  Diagnostic diagnostic;
  diagnostic.code = "E101";
  diagnostic.file = "missing.yaml";
  diagnostic.message = "there is no such file";
  CHECK(render(diagnostic) == "missing.yaml: error[E101]: there is no such file\n");
}

TEST_CASE("diagnostics: a setting shows its text without a line number") {
  Diagnostic diagnostic;
  diagnostic.code = "E201";
  diagnostic.file = "--set";
  diagnostic.column = 3;
  diagnostic.length = 1;
  diagnostic.message = "unknown key 'b'";
  diagnostic.source_line = "a.b=1";
  CHECK(render(diagnostic) ==
        "--set: error[E201]: unknown key 'b'\n"
        "      | a.b=1\n"
        "      |   ^\n");
}

TEST_CASE("diagnostics: the caret counts characters, wide ones twice, and tabs to their stop") {
  Diagnostic diagnostic = unit_missing();
  diagnostic.label.clear();
  diagnostic.hint.clear();
  // é is one column, 日本 are two each: the third character after them stands in column 7 of the text.
  diagnostic.source_line = "é日本: 5";
  diagnostic.column = 6;
  diagnostic.length = 1;
  CHECK(render(diagnostic) ==
        "scenarios/h100.yaml:14:6: error[E203]: 'bandwidth' needs a unit\n"
        "   14 | é日本: 5\n"
        "      |        ^\n");
  // A tab after one character fills up to column 4.
  diagnostic.source_line = "a\tbc";
  diagnostic.column = 3;
  diagnostic.length = 2;
  CHECK(render(diagnostic) ==
        "scenarios/h100.yaml:14:3: error[E203]: 'bandwidth' needs a unit\n"
        "   14 | a   bc\n"
        "      |     ^~\n");
}

TEST_CASE("diagnostics: a long line is cut around the caret and stays within 100 columns") {
  Diagnostic diagnostic = unit_missing();
  diagnostic.source_line = std::string(500, 'x') + "here" + std::string(500, 'y');
  diagnostic.column = 501;
  diagnostic.length = 4;
  diagnostic.label.clear();
  diagnostic.hint.clear();
  CHECK(render(diagnostic) ==
        "scenarios/h100.yaml:14:501: error[E203]: 'bandwidth' needs a unit\n"
        "   14 | …" + std::string(30, 'x') + "here" + std::string(56, 'y') + "…\n" +
        "      | " + std::string(31, ' ') + "^~~~\n");
}

TEST_CASE("diagnostics: control characters of the input do not reach the terminal") {
  Diagnostic diagnostic = unit_missing();
  diagnostic.message = "unknown key '\x1b[31mred'";
  diagnostic.source_line = "\x1b[31mred: 1";
  diagnostic.column = 1;
  diagnostic.length = 1;
  const std::string text = render(diagnostic);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("'\xEF\xBF\xBD[31mred'") != std::string::npos);
}

TEST_CASE("diagnostics: the nearest name is found over typing slips, case and separators") {
  const std::vector<std::string> names{"micro_batch", "global_batch", "h100-sxm-80gb", "a100-sxm-80gb"};
  CHECK(nearest_name("micro_bacth", names) == "micro_batch");
  CHECK(nearest_name("Micro-Batch", names) == "micro_batch");
  CHECK(nearest_name("global_bach", names) == "global_batch");
  CHECK(nearest_name("h100", names) == "h100-sxm-80gb");
  CHECK(nearest_name("tensor", names).empty());
  CHECK(nearest_name("", names).empty());
  CHECK(nearest_name("x", {}).empty());
  CHECK(nearest_name(std::string(100'000, 'x'), names).empty());
}

TEST_CASE("utf8: a message quotes long texts by their beginning") {
  CHECK(shortened("abc") == "abc");
  CHECK(shortened(std::string(60, 'x')) == std::string(60, 'x'));
  CHECK(shortened(std::string(61, 'x')) == std::string(59, 'x') + "…");
  CHECK(shortened(std::string(1'000'000, 'x')) == std::string(59, 'x') + "…");
}

TEST_CASE("utf8: invalid bytes are found where they stand") {
  CHECK(first_invalid_utf8("é 日本 😀") == std::string_view::npos);
  CHECK(first_invalid_utf8("ab\xC3(") == 2);
  CHECK(first_invalid_utf8("\xC0\x80") == 0);          // an overlong zero
  CHECK(first_invalid_utf8("a\xED\xA0\x80") == 1);     // half a surrogate pair
  CHECK(first_invalid_utf8("\xF5\x80\x80\x80") == 0);  // beyond U+10FFFF
  CHECK(first_invalid_utf8("\xE2\x82") == 0);          // cut off
}

TEST_CASE("diagnostics: long hints are wrapped at 100 columns") {
  Diagnostic diagnostic;
  diagnostic.code = "E101";
  diagnostic.file = "f";
  diagnostic.message = "m";
  // 14 columns before the hint and 86 in it are 100.
  diagnostic.hint = std::string(43, 'a') + " " + std::string(42, 'b') + " c";
  CHECK(render(diagnostic) == "f: error[E101]: m\n      = hint: " + std::string(43, 'a') + " " + std::string(42, 'b') +
                                  "\n              c\n");
}

TEST_CASE("diagnostics: the nearest names come first, all of them where they are few") {
  const std::vector<std::string> names{"alpha", "beta", "dgx-a100", "dgx-h100", "dgx-h200"};
  CHECK(nearest_names("dgx-h10", names, 3) == std::vector<std::string>{"dgx-h100", "dgx-h200", "dgx-a100"});
  CHECK(nearest_names("dgx-h10", names, 5) == names);
}
