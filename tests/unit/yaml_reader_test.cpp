#include "scenarios/yaml_reader.hpp"

#include <memory>

#include "tests/catch.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using lockstep::testing::TemporaryFolder;

namespace {

struct Result {
  std::optional<Node> root;
  std::string errors;
};

Result parse(const std::string& text) {
  std::vector<Diagnostic> problems;
  Result result;
  result.root = parse_yaml(std::make_shared<const SourceText>("f.yaml", text, Origin::scenario), problems);
  result.errors = render(problems);
  return result;
}

std::string errors(const std::string& text) { return parse(text).errors; }

std::string first_code(const std::string& text) {
  std::vector<Diagnostic> problems;
  (void)parse_yaml(std::make_shared<const SourceText>("f.yaml", text, Origin::scenario), problems);
  return problems.empty() ? "" : problems.front().code;
}

}  // namespace

TEST_CASE("yaml: maps, lists and scalars with their places") {
  const Result result = parse("a: 1\nb:\n  - x\n  - 'y z'\nc: {d: null, e: ~}\n");
  REQUIRE(result.errors.empty());
  const Node& root = *result.root;
  REQUIRE(root.kind == Node::Kind::map);
  REQUIRE(root.entries.size() == 3);
  CHECK(root.find("a")->value.text == "1");
  CHECK_FALSE(root.find("a")->value.quoted);
  const Node& list = root.find("b")->value;
  REQUIRE(list.items.size() == 2);
  CHECK(list.items[1].text == "y z");
  CHECK(list.items[1].quoted);
  CHECK(list.items[1].where.line == 3);
  CHECK(list.items[1].where.column == 4);
  CHECK(list.items[1].where.length == 5);
  CHECK(root.find("c")->value.find("d")->value.kind == Node::Kind::null);
  CHECK(root.find("nothing") == nullptr);
}

TEST_CASE("yaml: scalars stay as they are written") {
  // What YAML calls octal, infinity, a truth or base 60 is the field's matter.
  const Result result = parse("[010, .inf, .nan, yes, 12:30, 0x1F, 1e3, 5%, ~]");
  REQUIRE(result.errors.empty());
  CHECK(result.root->items[0].text == "010");
  CHECK(result.root->items[1].text == ".inf");
  CHECK(result.root->items[3].text == "yes");
  CHECK(result.root->items[7].text == "5%");
}

TEST_CASE("yaml: an empty file, also one of comments or of nothing") {
  const std::string expected =
      "f.yaml: error[E104]: the file is empty\n"
      "      = hint: write 'key: value' lines; comments alone say nothing\n";
  CHECK(errors("") == expected);
  CHECK(errors("\n\n  \n") == expected);
  CHECK(errors("# a comment\n") == expected);
  CHECK(errors("---\n") == expected);
  CHECK(errors("null\n") == expected);
}

TEST_CASE("yaml: a binary file") {
  CHECK(errors(std::string("\x7f" "ELF\x02\x01\x00\x00", 8)) ==
        "f.yaml:1:1: error[E103]: the control character U+007F is no text\n"
        "    1 | \xEF\xBF\xBD" "ELF\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\n"
        "      | ^\n"
        "      = hint: a scenario or catalog file is YAML, saved as UTF-8 text\n");
  CHECK(first_code(std::string("a: 1\0b: 2", 9)) == "E103");
}

TEST_CASE("yaml: encodings other than UTF-8") {
  CHECK(first_code(std::string("\xFF\xFE" "a\0:\0", 6)) == "E103");
  CHECK(first_code(std::string("\xFE\xFF\0a\0:", 6)) == "E103");
  CHECK(errors("a: \xC3(\n") ==
        "f.yaml:1:4: error[E103]: the byte 0xC3 is not valid UTF-8\n"
        "    1 | a: \xEF\xBF\xBD(\n"
        "      |    ^\n"
        "      = hint: a scenario or catalog file is YAML, saved as UTF-8 text\n");
}

TEST_CASE("yaml: a UTF-8 byte order mark is no error and does not move columns") {
  const Result result = parse("\xEF\xBB\xBF" "a: 1\n");
  REQUIRE(result.errors.empty());
  CHECK(result.root->find("a")->value.where.column == 3);
}

TEST_CASE("yaml: lines may end as on Windows") {
  const Result result = parse("a: 1\r\nb: 2\r\n");
  REQUIRE(result.errors.empty());
  CHECK(result.root->find("b")->value.text == "2");
  CHECK(first_code("a: 1\rb: 2\r") == "E103");
}

TEST_CASE("yaml: deep nesting ends in an error, not in a stack overflow") {
  CHECK(first_code(std::string(20'000, '[')) == "E106");
  CHECK(first_code(std::string(20'000, '{')) == "E106");
  CHECK(first_code(std::string(20'000, '[') + std::string(20'000, ']')) == "E106");
  CHECK(first_code(std::string(500, '[') + std::string(500, ']')) == "E106");
  std::string dashes, questions, maps;
  for (int i = 0; i < 20'000; ++i) dashes += "- ", questions += "? ";
  for (std::size_t i = 0; i < 500; ++i) maps += std::string(i, ' ') + "a:\n";
  CHECK(first_code(dashes) == "E106");
  CHECK(first_code(questions) == "E106");
  CHECK(first_code(maps) == "E106");
  CHECK(first_code(std::string(60, '[') + std::string(60, ']')).empty());
}

TEST_CASE("yaml: duplicate keys, each reported") {
  CHECK(errors("a: 1\nb: {c: 1, c: 2}\na: 3\n") ==
        "f.yaml:2:11: error[E107]: the key 'c' is given twice\n"
        "    2 | b: {c: 1, c: 2}\n"
        "      |           ^\n"
        "      = hint: keep one of them; the first is in line 2\n"
        "f.yaml:3:1: error[E107]: the key 'a' is given twice\n"
        "    3 | a: 3\n"
        "      | ^\n"
        "      = hint: keep one of them; the first is in line 1\n");
}

TEST_CASE("yaml: a second document") {
  CHECK(errors("a: 1\n---\na: 2\n") ==
        "f.yaml:2:1: error[E108]: the file holds more than one YAML document\n"
        "    2 | ---\n"
        "      | ^\n"
        "      = hint: keep one document per file: remove the '---' or '...' before this line and what\n"
        "              follows\n");
  CHECK(errors("---\na: 1\n").empty());
}

TEST_CASE("yaml: anchors, aliases, merge keys and tags are refused, all at once") {
  CHECK(errors("a: &x 1\nb: *x\n<<: {c: 1}\nd: !!str 5\n") ==
        "f.yaml:1:4: error[E109]: anchors (&name) are not supported\n"
        "    1 | a: &x 1\n"
        "      |    ^~~~\n"
        "      = hint: remove the anchor and write values out\n"
        "f.yaml:2:4: error[E109]: aliases (*name) are not supported\n"
        "    2 | b: *x\n"
        "      |    ^\n"
        "      = hint: write the value out\n"
        "f.yaml:3:1: error[E109]: merge keys (<<) are not supported\n"
        "    3 | <<: {c: 1}\n"
        "      | ^~\n"
        "      = hint: write the keys out, or name a catalog entry with 'based_on'\n"
        "f.yaml:4:4: error[E110]: tags (!name) are not supported\n"
        "    4 | d: !!str 5\n"
        "      |    ^~~~~~~\n"
        "      = hint: remove the tag\n");
  CHECK(first_code("a: *missing\n") == "E109");
  // A billion laughs: refused at the first of them.
  CHECK(first_code("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n") == "E109");
}

TEST_CASE("yaml: keys that are no names") {
  CHECK(first_code("? [a, b]\n: 1\n") == "E111");
  CHECK(first_code("{a: 1}: 2\n") == "E111");
  CHECK(first_code(": 1\n") == "E111");
  CHECK(first_code("'': 1\n") == "E111");
}

TEST_CASE("yaml: a tab as indentation") {
  CHECK(errors("a:\n\tb: 1\n") ==
        "f.yaml:2:1: error[E112]: a tab indents this line\n"
        "    2 |     b: 1\n"
        "      | ^~~~\n"
        "      = hint: indent with spaces\n");
}

TEST_CASE("yaml: syntax errors say what to mend") {
  CHECK(errors("a: {b: 1\n") ==
        "f.yaml:1:9: error[E105]: a '{' is not closed, or a ',' is missing\n"
        "    1 | a: {b: 1\n"
        "      |         ^\n"
        "      = hint: write {key: value, key: value}\n");
  CHECK(errors("a: \"b\nc: 1\n") ==
        "f.yaml:1:4: error[E105]: this quotation mark is not closed\n"
        "    1 | a: \"b\n"
        "      |    ^\n"
        "      = hint: close it\n");
  CHECK(errors("é: b: c\n") ==
        "f.yaml:1:5: error[E105]: a ':' where no value can begin\n"
        "    1 | é: b: c\n"
        "      |     ^\n"
        "      = hint: put a text that holds ': ' in quotes, write one 'key: value' on a line, and check the\n"
        "              indentation\n");
  CHECK(errors("a: @b\n") ==
        "f.yaml:1:4: error[E105]: no value can begin with this character\n"
        "    1 | a: @b\n"
        "      |    ^\n"
        "      = hint: put the text in quotes\n");
  CHECK(first_code("a: 1\n]\n") == "E105");
  CHECK(first_code("a: \"\\q\"\n") == "E105");
  CHECK(first_code("a: 1\n b: 2\n") == "E105");
}

TEST_CASE("yaml: files that can't be read") {
  TemporaryFolder folder;
  std::vector<Diagnostic> problems;
  CHECK_FALSE(read_text_file(folder.path() / "no.yaml", Origin::scenario, problems));
  CHECK_FALSE(read_text_file(folder.path(), Origin::scenario, problems));
  const auto large = folder.write("large.yaml", std::string(largest_yaml_bytes + 1, '#'));
  CHECK_FALSE(read_text_file(large, Origin::scenario, problems));
  const auto fits = folder.write("fits.yaml", std::string(largest_yaml_bytes, '#'));
  CHECK(read_text_file(fits, Origin::scenario, problems)->size() == largest_yaml_bytes);
  REQUIRE(problems.size() == 3);
  CHECK(problems[0].code == "E101");
  CHECK(problems[0].message == "there is no such file");
  CHECK(problems[1].code == "E101");
  CHECK(problems[1].message == "is a folder, not a file");
  CHECK(problems[2].code == "E102");
  CHECK(problems[2].message == "the file has more than 1048576 bytes");
}

TEST_CASE("yaml: a file of very many values") {
  std::string text = "[";
  for (int i = 0; i < 30'000; ++i) text += "1,";
  CHECK(first_code(text + "1]") == "E102");
}
