// Does every bundled scenario teach: has it a question, a group, a plan that fits, and commands that run?
#include <nlohmann/json.hpp>

#include <fstream>
#include <map>
#include <sstream>

#include "scenarios/fields/scenario_file.hpp"
#include "scenarios/scenario_library.hpp"
#include "sim/cli/commands.hpp"
#include "tests/catch.hpp"
#include "tests/scenario/bundled.hpp"

using namespace lockstep;
using namespace lockstep::test;

namespace {

// A sentence of one line in the list, or of two.
constexpr std::size_t longest_question = 130;
constexpr std::size_t least_scenarios = 30;
constexpr std::size_t least_in_a_group = 3;

std::vector<LibraryEntry> library() {
  return scenario_library(Catalog(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios"));
}

// The comment before the first key, without its marks.
std::vector<std::string> header_of(const std::filesystem::path& file) {
  std::vector<std::string> lines;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line) && !line.empty() && line.front() == '#';) {
    lines.push_back(line.substr(line.size() > 1 && line[1] == ' ' ? 2 : 1));
  }
  return lines;
}

// The words of a command as a shell would split them; double quotes hold words together.
std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  for (const char c : line + " ") {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ' ' && !quoted) {
      if (!word.empty()) words.push_back(word);
      word.clear();
    } else {
      word += c;
    }
  }
  return words;
}

struct HeaderCommand {
  std::vector<std::string> words;
  int code = cli::exit_ok;
};

// The commands of a header: what stands behind "./lockstep" on a line, with paths from the source folder. A plan that
// does not fit is announced by a remark, as in the README.
std::vector<HeaderCommand> commands_of(const std::filesystem::path& file) {
  std::vector<HeaderCommand> commands;
  const std::string too_big = "  # exit code 4";
  for (const std::string& line : header_of(file)) {
    const std::string program = "./lockstep ";
    const std::size_t at = line.find(program);
    if (at == std::string::npos) continue;
    HeaderCommand command;
    const std::size_t remark = line.find(too_big);
    if (remark != std::string::npos) command.code = cli::exit_infeasible;
    command.words = words_of(line.substr(0, remark).substr(at + program.size()));
    for (std::string& word : command.words) {
      if (word.rfind("scenarios/", 0) == 0) word = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/" + word;
    }
    commands.push_back(std::move(command));
  }
  return commands;
}

}  // namespace

TEST_CASE("library: every bundled scenario asks a question, and belongs to a group", "[scenario]") {
  const std::vector<LibraryEntry> all = library();
  CHECK(all.size() == bundled_scenarios().size());
  CHECK(all.size() >= least_scenarios);
  std::map<ScenarioGroup, std::size_t> in_group;
  std::map<std::string, std::string> asked;
  for (const LibraryEntry& entry : all) {
    CAPTURE(entry.name, entry.question);
    CHECK(entry.problems.empty());
    REQUIRE_FALSE(entry.question.empty());
    CHECK(entry.question.back() == '?');
    CHECK(entry.question.size() <= longest_question);
    CHECK(entry.group != ScenarioGroup::none);
    CHECK(asked.emplace(entry.question, entry.name).second);
    ++in_group[entry.group];
  }
  for (const Choice& group : scenario_groups()) {
    CAPTURE(group.name);
    CHECK(in_group[static_cast<ScenarioGroup>(group.value)] >= least_in_a_group);
  }
}

TEST_CASE("library: every bundled scenario begins with a question and the command that answers it", "[scenario]") {
  for (const std::filesystem::path& file : bundled_scenarios()) {
    const std::string name = file.filename().string();
    CAPTURE(name);
    const std::vector<std::string> header = header_of(file);
    std::string first_paragraph;
    for (const std::string& line : header) {
      if (line.empty()) break;
      first_paragraph += line + ' ';
    }
    CHECK(first_paragraph.find('?') != std::string::npos);
    const std::vector<std::string> compare{"compare", file.string()};
    bool compared = false;
    for (const HeaderCommand& command : commands_of(file)) compared = compared || command.words == compare;
    CHECK(compared);
    CHECK(commands_of(file).size() >= 2);
  }
}

TEST_CASE("library: every command at the top of a bundled scenario runs", "[scenario]") {
  for (const std::filesystem::path& file : bundled_scenarios()) {
    for (const HeaderCommand& command : commands_of(file)) {
      std::ostringstream out;
      std::ostringstream err;
      CAPTURE(file.filename().string(), command.words);
      CHECK(cli::run(command.words, out, err, {}) == command.code);
      CHECK_FALSE(out.str().empty());
      CHECK(err.str().empty());
    }
  }
}

TEST_CASE("library: every bundled scenario has a plan that fits", "[scenario]") {
  for (const std::filesystem::path& file : bundled_scenarios()) {
    std::ostringstream out;
    std::ostringstream err;
    CAPTURE(file.filename().string());
    CHECK(cli::run({"compare", file.string(), "--format", "json"}, out, err, {}) == cli::exit_ok);
    const nlohmann::json report = nlohmann::json::parse(out.str());
    CHECK(report["scenario"]["question"].get<std::string>().back() == '?');
    CHECK(report["scenario"]["group"].is_string());
  }
}
