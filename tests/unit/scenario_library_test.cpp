// What is read of the scenarios of a catalog folder, and how a broken one is told.
#include "scenarios/scenario_library.hpp"

#include "scenarios/fields/scenario_file.hpp"
#include "tests/catch.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

// The good scenario, 16 GPUs and two plans, with more keys after its first line.
std::string with_keys(const std::string& keys) {
  return replaced(good_scenario, "lockstep: 1\n", "lockstep: 1\n" + keys);
}

std::vector<std::string> names_of(const std::vector<LibraryEntry>& library) {
  std::vector<std::string> names;
  for (const LibraryEntry& entry : library) names.push_back(entry.name);
  return names;
}

}  // namespace

TEST_CASE("scenario library: groups in their order, names in theirs, those without a group last") {
  const TestCatalog files;
  files.write("a-diagnosis.yaml", with_keys("question: Who waits?\ngroup: diagnosis\n"));
  files.write("b-none.yaml", with_keys(""));
  files.write("z-roof.yaml", with_keys("question: What bounds it?\ngroup: rooflines\n"));
  files.write("c-roof.yaml", with_keys("question: What else?\ngroup: rooflines\n"));
  files.write("d-memory.yaml", with_keys("question: What fills it?\ngroup: memory\n"));
  files.write("notes.txt", "no scenario\n");
  const std::vector<LibraryEntry> library = scenario_library(files.with());
  CHECK(names_of(library) == std::vector<std::string>{"c-roof", "z-roof", "d-memory", "a-diagnosis", "b-none"});
  CHECK(library.front().group == ScenarioGroup::rooflines);
  CHECK(library.back().group == ScenarioGroup::none);
  for (const LibraryEntry& entry : library) CHECK(entry.problems.empty());
}

TEST_CASE("scenario library: what an entry says of its file") {
  const TestCatalog files;
  files.write("full.yaml", with_keys("name: Two plans\nquestion: Which one?\ngroup: parallelism\n") +
                               "  - name: wide\n    cluster: {nodes: 4}\n"
                               "  - name: other\n    cluster: {system: crate}\nsearch: {}\n");
  files.write("systems/crate.yaml", "based_on: box\ngpus_per_node: 1\n");
  files.write("plain.yaml", good_scenario);
  files.write("search-only.yaml", replaced(good_scenario, "plans:\n  - name: dp\n  - name: tp\n    tensor: 8\n",
                                           "search: {objective: step_time}\n"));
  const std::vector<LibraryEntry> library = scenario_library(files.with());
  REQUIRE(library.size() == 3);
  const LibraryEntry& full = library[0];
  CHECK(full.name == "full");
  CHECK(full.title == "Two plans");
  CHECK(full.question == "Which one?");
  CHECK(full.group == ScenarioGroup::parallelism);
  CHECK(full.model == "small");
  CHECK(full.systems == std::vector<std::string>{"box", "crate"});
  // Two boxes of eight, four of them for the third plan, and two crates of one for the last.
  CHECK(full.gpus == std::vector<std::int64_t>{2, 16, 32});
  CHECK(full.plans == 4);
  CHECK(full.searched);
  const LibraryEntry& plain = library[1];
  CHECK(plain.title == "plain");
  CHECK(plain.question.empty());
  CHECK(plain.gpus == std::vector<std::int64_t>{16});
  CHECK(plain.plans == 2);
  CHECK_FALSE(plain.searched);
  CHECK(library[2].plans == 0);
  CHECK(library[2].gpus == std::vector<std::int64_t>{16});
  CHECK(library[2].searched);
}

TEST_CASE("scenario library: a file that cannot be read is an entry with its problems") {
  const TestCatalog files;
  files.write("cut.yaml", "lockstep: 1\nname: [never closed\n");
  files.write("list.yaml", "- a list\n");
  files.write("no-model.yaml", replaced(with_keys("question: Whose?\ngroup: memory\n"), "model: small\n", ""));
  files.write("no-system.yaml", replaced(good_scenario, "system: box", "system: bax"));
  files.write("good.yaml", with_keys("question: Is it read?\ngroup: diagnosis\n"));
  const std::vector<LibraryEntry> library = scenario_library(files.with());
  CHECK(names_of(library) == std::vector<std::string>{"no-model", "good", "cut", "list", "no-system"});
  for (const LibraryEntry& entry : library) {
    INFO(entry.name);
    CHECK(entry.problems.empty() == (entry.name == "good"));
  }
  const LibraryEntry& no_model = library[0];
  REQUIRE(no_model.problems.size() == 1);
  CHECK(no_model.problems[0].message == "the file lacks the key 'model'");
  CHECK(no_model.question == "Whose?");  // what could be read stands there all the same
  CHECK(no_model.plans == 2);
  CHECK(library[2].problems[0].line > 0);
  CHECK(library[3].problems[0].message == "a scenario must be a map of keys");
  CHECK(library[4].problems[0].code == "E301");
}

// What lies behind the head is not looked at: a wrong plan is the business of the command that runs it.
TEST_CASE("scenario library: only the head of a file is checked") {
  const TestCatalog files;
  files.write("wrong-plan.yaml", replaced(good_scenario, "tensor: 8", "tensr: 8"));
  const std::vector<LibraryEntry> library = scenario_library(files.with());
  REQUIRE(library.size() == 1);
  CHECK(library[0].problems.empty());
  CHECK(library[0].plans == 2);
}

TEST_CASE("scenario library: a folder without scenarios has none") {
  const TestCatalog files;
  CHECK(scenario_library(files.with()).empty());
}

TEST_CASE("scenario library: a wrong group is an error that names the right ones") {
  const TestCatalog files;
  CHECK(files.complaints(with_keys("group: memori\n")) ==
        "s.yaml:2:8: error[E207]: 'group' can't be 'memori'\n"
        "    2 | group: memori\n"
        "      |        ^~~~~~\n"
        "      = hint: did you mean 'memory'? One of: rooflines, memory, parallelism,\n"
        "              collectives-and-topology, pipeline-and-overlap, long-context-and-experts, diagnosis\n");
  CHECK(files.complaints(with_keys("group: [memory]\n")).find("'group'") != std::string::npos);
}

TEST_CASE("scenario library: every group has a name and a word on what it is about") {
  CHECK(scenario_groups().size() == 7);
  for (const Choice& group : scenario_groups()) {
    CHECK(to_string(static_cast<ScenarioGroup>(group.value)) == group.name);
    CHECK_FALSE(std::string(group.doc).empty());
  }
  CHECK(to_string(ScenarioGroup::none).empty());
}

TEST_CASE("scenario library: question and group are read, and --set changes them") {
  const TestCatalog files;
  const std::string text = with_keys("question: Which one?\ngroup: memory\n");
  const Scenario scenario = parse_scenario(text, "s.yaml", files.with());
  CHECK(scenario.question == "Which one?");
  CHECK(scenario.group == ScenarioGroup::memory);
  const Scenario changed = parse_scenario(text, "s.yaml", files.with({{"group", "diagnosis"}, {"question", "Why?"}}));
  CHECK(changed.question == "Why?");
  CHECK(changed.group == ScenarioGroup::diagnosis);
}
