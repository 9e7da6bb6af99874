// `lockstep list scenarios`: what it prints in each format, and what it does about files that it cannot read.
#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/cli/commands.hpp"
#include "sim/cli/scenario_list.hpp"
#include "sim/report/display.hpp"
#include "tests/catch.hpp"
#include "tests/cli/process.hpp"
#include "tests/scenario/bundled.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using namespace lockstep::test;

namespace {

// The command in this process.
Finished list(std::vector<std::string> words) {
  words.insert(words.begin(), "list");
  std::ostringstream out;
  std::ostringstream err;
  const int code = lockstep::cli::run(words, out, err, {});
  return {code, out.str(), err.str()};
}

// The bundled catalog without its scenarios, and what a test adds.
class Folder {
 public:
  Folder() {
    const std::string from = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios/";
    for (const char* kind : {"gpus", "systems", "models", "software", "calibrations"}) {
      std::filesystem::copy(from + kind, folder_.path() / kind);
    }
  }
  void write(const std::string& name, const std::string& text) const { (void)folder_.file(name, text); }
  [[nodiscard]] std::string path() const { return folder_.path().string(); }

 private:
  TemporaryFolder folder_;
};

const std::string scenario_text =
    "lockstep: 1\n"
    "model: llama3-8b\n"
    "cluster: {system: dgx-h100, nodes: 2}\n"
    "training: {sequence_length: 4096, global_batch: 64}\n"
    "plans: [{name: a}, {name: b}]\n";

}  // namespace

TEST_CASE("list scenarios: a question under its group, with model, GPUs and plans", "[cli]") {
  const Folder folder;
  folder.write("asks.yaml", "question: Who, and \"why\"?\ngroup: memory\n" + scenario_text);
  folder.write("silent.yaml", "name: A title\n" + scenario_text);
  const Finished text = list({"scenarios", "--catalog", folder.path()});
  CHECK(text.code == 0);
  CHECK(text.err.empty());
  const std::size_t first_section = text.out.find("\n\n");
  REQUIRE(first_section != std::string::npos);
  CHECK(text.out.substr(first_section) ==
        "\n\nmemory: what fills a GPU, and what each way out costs\n"
        "  asks    Who, and \"why\"?\n"
        "          llama3-8b · 16 GPUs of dgx-h100 · 2 plans\n"
        "\nwithout a group\n"
        "  silent  A title\n"
        "          llama3-8b · 16 GPUs of dgx-h100 · 2 plans\n");
  CHECK_THAT(text.out, Matchers::StartsWith("2 scenarios with a question each. To answer one:") &&
                           Matchers::Contains("/NAME.yaml"));

  const Finished csv = list({"scenarios", "--catalog", folder.path(), "--format", "csv"});
  CHECK(csv.out ==
        "group,name,question,model,systems,gpus,plans,search,error\n"
        "memory,\"asks\",\"Who, and \"\"why\"\"?\",\"llama3-8b\",\"dgx-h100\",16,2,false,\n"
        ",\"silent\",\"\",\"llama3-8b\",\"dgx-h100\",16,2,false,\n");

  const nlohmann::json json =
      nlohmann::json::parse(list({"scenarios", "--catalog", folder.path(), "--format", "json"}).out);
  CHECK(json["schema_version"] == 1);
  CHECK(json["command"] == "list");
  CHECK(json["scenarios"] == nlohmann::json::parse(R"([
    {"name": "asks", "file": "asks.yaml", "title": "asks", "group": "memory", "question": "Who, and \"why\"?",
     "model": "llama3-8b", "systems": ["dgx-h100"], "gpus": [16], "plans": 2, "search": false, "error": null},
    {"name": "silent", "file": "silent.yaml", "title": "A title", "group": null, "question": null,
     "model": "llama3-8b", "systems": ["dgx-h100"], "gpus": [16], "plans": 2, "search": false, "error": null}])"));
}

TEST_CASE("list scenarios: a file that cannot be read is a row, and an error with its place", "[cli]") {
  const Folder folder;
  folder.write("asks.yaml", "question: Who?\ngroup: memory\n" + scenario_text);
  folder.write("broken.yaml", "lockstep: 1\ngroup: memroy\nmodel: llama3-8b\ncluster: {system: dgx-h100, nodes: 2}\n");
  for (const std::string format : {"text", "json", "csv"}) {
    const Finished finished = list({"scenarios", "--catalog", folder.path(), "--format", format});
    CAPTURE(format);
    CHECK(finished.code == 3);
    CHECK_THAT(finished.out, Matchers::Contains("asks") && Matchers::Contains("broken") &&
                                 Matchers::Contains("'group' can't be 'memroy'"));
    CHECK_THAT(finished.err, Matchers::Contains("broken.yaml:2:8: error[E207]: 'group' can't be 'memroy'") &&
                                 Matchers::Contains("did you mean 'memory'?"));
  }
  CHECK_THAT(list({"scenarios", "--catalog", folder.path()}).out,
             Matchers::Contains("without a group\n  broken  broken\n"
                                "          cannot be read: line 2: 'group' can't be 'memroy'\n"));
  // The whole catalog names it without failing.
  const Finished all = list({"--catalog", folder.path()});
  CHECK_THAT(all.out, Matchers::Contains("broken") && Matchers::Contains("cannot be read: line 2: "));
  CHECK(all.code == 0);
}

TEST_CASE("list scenarios: a title of spaces and a broken entry of the catalog", "[cli]") {
  const Folder folder;
  folder.write("blank.yaml", "name: \"   \"\n" + scenario_text);
  folder.write("systems/odd.yaml", "based_on: dgx-h100\nnics_per_nod: 3\n");
  std::string named = scenario_text;
  named.replace(named.find("dgx-h100"), 8, "odd");
  folder.write("names-it.yaml", named);
  const Finished finished = list({"scenarios", "--catalog", folder.path()});
  CHECK(finished.code == 3);
  CHECK_THAT(finished.out, Matchers::Contains("  blank     blank\n") &&
                               Matchers::Contains("cannot be read: line 2 of odd.yaml: unknown key 'nics_per_nod'"));
}

TEST_CASE("list scenarios: every bundled one is there, in 100 columns without trailing spaces", "[cli]") {
  const std::string text = list({"scenarios"}).out;
  const nlohmann::json json = nlohmann::json::parse(list({"scenarios", "--format", "json"}).out);
  CHECK(json["scenarios"].size() == bundled_scenarios().size());
  for (const std::filesystem::path& file : bundled_scenarios()) {
    CHECK_THAT(text, Matchers::Contains("\n  " + file.stem().string() + "  "));
  }
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK(display_width(line) <= 100);
    CHECK((line.empty() || line.back() != ' '));
  }
  for (const nlohmann::json& one : json["scenarios"]) {
    CAPTURE(one["name"]);
    CHECK(one["error"].is_null());
    CHECK_FALSE(one["gpus"].empty());
    CHECK(one["model"].get<std::string>() != "");
  }
  CHECK(list({"scenario"}).out == text);  // the singular, as of every kind
}

TEST_CASE("list scenarios: long names and questions keep to 100 columns", "[cli]") {
  const Folder folder;
  std::string question;
  for (int i = 0; i < 40; ++i) question += "word ";
  folder.write(std::string(60, 'n') + ".yaml", "question: " + question + "?\ngroup: memory\n" + scenario_text);
  const std::string text = list({"scenarios", "--catalog", folder.path()}).out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK(display_width(line) <= 100);
  }
  CHECK_THAT(text, Matchers::Contains("\n  " + std::string(60, 'n') + "\n"));
}

TEST_CASE("list scenarios: a number stays beside its unit", "[cli]") {
  const Folder folder;
  // The name takes six columns; without its unit the number would end the first line.
  const std::string filler(88, 'x');
  folder.write("ab.yaml", "question: " + filler + " 500 W?\ngroup: memory\n" + scenario_text);
  CHECK_THAT(list({"scenarios", "--catalog", folder.path()}).out,
             Matchers::Contains("\n  ab  " + filler + "\n      500 W?\n"));
}

TEST_CASE("list scenarios: a folder without any says so", "[cli]") {
  const Folder folder;
  const Finished text = list({"scenarios", "--catalog", folder.path()});
  CHECK(text.code == 0);
  CHECK_THAT(text.out, Matchers::StartsWith("0 scenarios"));
  CHECK(nlohmann::json::parse(list({"scenarios", "--catalog", folder.path(), "--format", "json"}).out)["scenarios"]
            .empty());
}

TEST_CASE("list: the whole catalog ends with the scenarios, a line each", "[cli]") {
  const std::string text = list({}).out;
  CHECK_THAT(text, Matchers::Contains("\nscenarios\n") &&
                       Matchers::Contains("\nllama3-70b-64xh100 "));
  const nlohmann::json json = nlohmann::json::parse(list({"--format", "json"}).out);
  CHECK(json["scenarios"].size() == bundled_scenarios().size());
  CHECK_THAT(list({"--format", "csv"}).out, Matchers::Contains("\nscenarios,llama3-70b-64xh100,\""));
}
