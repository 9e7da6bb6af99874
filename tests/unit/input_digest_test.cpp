// Whether ranks of a search read the same input.
#include "sim/cli/input_digest.hpp"

#include "tests/catch.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using namespace lockstep::cli;
using namespace lockstep::testing;

namespace {

// A catalog and a scenario that names a file beside it.
struct Inputs {
  TemporaryFolder folder;

  Inputs() {
    folder.write("catalog/gpus/tiny.yaml", "memory: 1\n");
    folder.write("scenario.yaml", "cluster: {system: \"box.yaml\"}\n");
    folder.write("box.yaml", "topology: dump.xml\n");
    folder.write("dump.xml", "<system/>\n");
    folder.write("fit.yaml", "fit: 1\n");
  }

  [[nodiscard]] std::string digest(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{(folder.path() / "scenario.yaml").string(), "--catalog",
                                   (folder.path() / "catalog").string(), "--calibration",
                                   (folder.path() / "fit.yaml").string()};
    words.insert(words.end(), more.begin(), more.end());
    return input_digest(words, {});
  }
};

}  // namespace

TEST_CASE("The digest of a file is that of its bytes", "[search][digest]") {
  const TemporaryFolder folder;
  const auto a = folder.write("a", "text");
  const auto b = folder.write("b", "text");
  const auto c = folder.write("c", "texts");
  CHECK(file_digest(a) == file_digest(b));
  CHECK(file_digest(a) != file_digest(c));
  CHECK(file_digest(a).size() == 16);
  CHECK(file_digest(folder.path() / "none").empty());
}

TEST_CASE("The digest of a search's input sees every file it reads", "[search][digest]") {
  const Inputs inputs;
  const std::string before = inputs.digest();
  CHECK(inputs.digest() == before);
  CHECK(inputs.digest({"--set", "training.global_batch=8"}) != before);
  for (const char* file :
       {"scenario.yaml", "box.yaml", "dump.xml", "fit.yaml", "catalog/gpus/tiny.yaml"}) {
    INFO(file);
    const std::filesystem::path path = inputs.folder.path() / file;
    std::ofstream(path, std::ios::app) << "# another\n";
    CHECK(inputs.digest() != before);
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 10);
    CHECK(inputs.digest() == before);
  }
  // Neither what nobody names nor what is no input.
  (void)inputs.folder.write("other.yaml", "x\n");
  (void)inputs.folder.write("catalog/gpus/notes.txt", "x\n");
  CHECK(inputs.digest() == before);
  (void)inputs.folder.write("catalog/gpus/new.yaml", "x\n");
  CHECK(inputs.digest() != before);
}

TEST_CASE("The digest of wrong arguments is theirs", "[search][digest]") {
  CHECK(input_digest({"--no-such-option"}, {}) == input_digest({"--no-such-option"}, {}));
  CHECK(input_digest({"--no-such-option"}, {}) != input_digest({"--no-other-option"}, {}));
  CHECK(input_digest({"s.yaml", "--catalog", "/nonexistent"}, {}) !=
        input_digest({"t.yaml", "--catalog", "/nonexistent"}, {}));
}
