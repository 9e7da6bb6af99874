// Does --html write a page beside the report, and refuse what makes no sense?
#include <algorithm>
#include <filesystem>

#include "tests/catch.hpp"
#include "tests/cli/process.hpp"

using namespace lockstep::test;

namespace {

const std::string scenario = bundled("llama3-70b-64xh100.yaml");

std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

const std::vector<std::string> simulate{"simulate", scenario, "--plan", "tp8-pp2"};
const std::vector<std::string> compare{"compare", scenario};
const std::vector<std::string> search{"search",     scenario,        "--fix",  "tensor=8",
                                      "--fix",      "stages=2",      "--fix",  "schedule=1f1b",
                                      "--fix",      "context=1",     "--fix",  "placement=tp-cp-dp-pp",
                                      "--forbid",   "offload",       "--fix",  "micro_batch=1",
                                      "--progress", "never",         "--top",  "3"};

void check_error(const std::vector<std::string>& words, const std::string& message) {
  const Finished finished = run_lockstep(words);
  CHECK(finished.code == 2);
  CHECK(finished.out.empty());
  CHECK(finished.err == "lockstep: " + message + "\n  = help: lockstep " + words[0] + " --help\n");
}

}  // namespace

TEST_CASE("page: --html writes a page, says so, and leaves the report as it is", "[cli][page]") {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "page.html").string();
  for (const std::vector<std::string>& words : {simulate, compare, search}) {
    CAPTURE(words[0]);
    const Finished plain = run_lockstep(words);
    const Finished finished = run_lockstep(with(words, {"--html", path}));
    CHECK(finished.code == plain.code);
    CHECK(finished.err == plain.err + "lockstep: note: the page is in " + path + "\n");
    CHECK(finished.out == plain.out);
    const std::string page = read_file(path);
    CHECK_THAT(page, Matchers::StartsWith("<!doctype html>") && Matchers::EndsWith("</html>\n"));
    run_lockstep(with(words, {"--html", path}));
    CHECK(read_file(path) == page);
  }
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("page: --html - prints the page in the report's place", "[cli][page]") {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "page.html").string();
  run_lockstep(with(compare, {"--html", path}));
  const Finished finished = run_lockstep(with(compare, {"--html", "-"}));
  CHECK(finished.code == 0);
  CHECK(finished.err.empty());
  CHECK(finished.out == read_file(path));
}

TEST_CASE("page: --html refuses files that are something else", "[cli][page]") {
  const TemporaryFolder folder;
  const std::filesystem::path copy = folder.path() / "scenario.yaml";
  std::filesystem::copy_file(scenario, copy);
  const std::string before = read_file(copy);
  for (const char* command : {"simulate", "compare", "search"}) {
    check_error({command, copy.string(), "--html", copy.string()},
                "--html would overwrite the scenario\n  = hint: name another file");
  }
  const std::string file = (folder.path() / "both").string();
  check_error(with(simulate, {"--html", file, "--trace", file}),
              "--html and --trace name the same file\n  = hint: name another file for one of them");
  check_error(with(search, {"--html", file, "--write", (folder.path() / "." / "both").string()}),
              "--html and --write name the same file\n  = hint: name another file for one of them");
  CHECK(read_file(copy) == before);
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("page: --html - leaves no room for what else is printed", "[cli][page]") {
  const std::string hint = "\n  = hint: --html FILE writes the page beside the report";
  check_error(with(simulate, {"--html", "-", "--timeline"}),
              "--html - leaves no room for --timeline" + hint);
  check_error(with(simulate, {"--html", "-", "--ascii"}),
              "--html - leaves no room for --ascii" + hint);
  check_error(with(compare, {"--html", "-", "--format", "json"}),
              "--html - leaves no room for --format" + hint);
  check_error(with(simulate, {"--html", "-", "--trace", "-"}),
              "--html - leaves no room for --trace -\n  = hint: name a file for one of them");
}

TEST_CASE("a page that cannot be written is said so, and nothing is left of it", "[cli][page]") {
  const TemporaryFolder folder;
  const auto check = [](const std::string& path, const std::string& why) {
    check_error(with(compare, {"--html", path}),
                "--html: " + path + " cannot be written: " + why +
                    "\n  = hint: a path in a folder that exists and where there is room");
  };
  check((folder.path() / "no" / "page.html").string(), "No such file or directory");
  check(folder.path().string(), "Is a directory");
  check("/dev/full", "No space left on device");
  CHECK(std::filesystem::is_empty(folder.path()));
}
