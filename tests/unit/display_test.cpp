// Are widths counted in columns, and do tables keep to them?
#include "sim/report/display.hpp"

#include "tests/catch.hpp"

using namespace lockstep;

TEST_CASE("width counts columns, not bytes", "[unit][display]") {
  CHECK(display_width("") == 0);
  CHECK(display_width("tp8-pp2") == 7);
  CHECK(display_width("64 × H100") == 9);    // × takes two bytes
  CHECK(display_width("├─ 71 …") == 7);      // box drawing and the ellipsis take three
  CHECK(display_width("模型") == 4);          // two wide characters
  CHECK(display_width("e\u0301") == 1);      // e and a combining acute
}

TEST_CASE("cut keeps to the width and says that it cut", "[unit][display]") {
  CHECK(cut("fsdp", 4) == "fsdp");
  CHECK(cut("fsdp-recompute", 5) == "fsdp…");
  CHECK(cut("a b", 2) == "a…");
  CHECK(cut("ab cd", 4) == "ab…");           // no space before the ellipsis
  CHECK(cut("模型模型", 4) == "模…");           // 2 + 1 columns: a second wide one would need 5
  CHECK(cut("abc", 1) == "…");
  CHECK(cut("abc", 0).empty());
}

TEST_CASE("padding is measured in columns", "[unit][display]") {
  CHECK(pad_right("×", 3) == "×  ");
  CHECK(pad_left("×", 3) == "  ×");
  CHECK(pad_left("long", 2) == "long");
}

TEST_CASE("wrap breaks at spaces, indents, and keeps unbroken text together", "[unit][display]") {
  CHECK(wrap("one two three", 9, "", "") == "one two\nthree");
  CHECK(wrap("one two three", 9, "- ", "  ") == "- one two\n  three");
  CHECK(wrap("needs " + unbroken("41.3 GiB"), 10, "", "") == "needs\n41.3 GiB");
  CHECK(wrap("abcdef", 3, "", "") == "abc\ndef");  // a word longer than the line
  CHECK(wrap("ab cdefgh", 4, "", "") == "ab\ncdef\ngh");
  CHECK(wrap("", 10, "", "").empty());
}

TEST_CASE("colour wraps the text and nothing else", "[unit][display]") {
  CHECK(painted("fits", Tone::good, false) == "fits");
  CHECK(painted("fits", Tone::good, true) == "\x1b[32mfits\x1b[0m");
  CHECK(painted("fits", Tone::plain, true) == "fits");
}

TEST_CASE("a table aligns its columns and has no trailing spaces", "[unit][display]") {
  Table table({{"plan", Align::left, 0, 2}, {"step", Align::right, 0, 2}});
  table.add({{"a", Tone::plain}, {"10 s", Tone::plain}});
  table.add({{"long", Tone::plain}, {"9 s", Tone::plain}});
  table.add({{"x", Tone::plain}, {"", Tone::plain}});
  CHECK(table.render(100, "  ", false) == "  plan  step\n  a     10 s\n  long   9 s\n  x\n");
}

TEST_CASE("a table that is too wide cuts its last flexible column first", "[unit][display]") {
  Table table({{"plan", Align::left, 4, 0}, {"n", Align::right, 0, 1}, {"bound", Align::left, 5, 1}});
  table.add({{"abcdefgh", Tone::plain}, {"1", Tone::plain}, {"tensor cores", Tone::plain}});
  CHECK(table.render(23, "", false) == "plan     n bound\nabcdefgh 1 tensor cores\n");
  CHECK(table.render(17, "", false) == "plan     n bound\nabcdefgh 1 tenso…\n");
  CHECK(table.render(14, "", false) == "plan   n bound\nabcde… 1 tens…\n");
}
