// The files of the catalog: what they must state, what they may be based on, what breaks them.
#include "scenarios/scenario.hpp"
#include "tests/catch.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

std::string gpu_complaint(const TestCatalog& files, const std::string& name) {
  try {
    (void)files.with().gpu(name);
  } catch (const InputError& error) {
    return files.anonymous(error.what());
  }
  return {};
}

}  // namespace

TEST_CASE("catalog: the names of its entries, sorted") {
  const TestCatalog files;
  files.write("gpus/.hidden.yaml", "");
  files.write("gpus/notes.txt", "");
  CHECK(files.with().names("gpus") == std::vector<std::string>{"tiny", "tiny-fast"});
  CHECK(files.with().names("nothing").empty());
}

TEST_CASE("catalog: a constant states where it comes from") {
  const TestCatalog files;
  files.write("gpus/bare.yaml", "based_on: tiny\nmemory_bandwidth: 3 TB/s\n");
  CHECK(gpu_complaint(files, "bare") ==
        "CATALOG/gpus/bare.yaml:2:19: error[E210]: 'memory_bandwidth' must say where it comes from\n"
        "    2 | memory_bandwidth: 3 TB/s\n"
        "      |                   ^~~~~~\n"
        "      = hint: write {value: …, kind: datasheet|measured|fitted|assumed, spread: 5%, source: \"…\"}\n");
  files.write("gpus/half.yaml", "based_on: tiny\nmemory_bandwidth: {value: 3 TB/s, kind: mesured, source: \"\"}\n");
  CHECK(gpu_complaint(files, "half") ==
        "CATALOG/gpus/half.yaml:2:41: error[E207]: 'kind' can't be 'mesured'\n"
        "    2 | memory_bandwidth: {value: 3 TB/s, kind: mesured, source: \"\"}\n"
        "      |                                         ^~~~~~~\n"
        "      = hint: did you mean 'measured'? One of: datasheet, measured, fitted, assumed\n"
        "CATALOG/gpus/half.yaml:2:58: error[E210]: 'source' is empty\n"
        "    2 | memory_bandwidth: {value: 3 TB/s, kind: mesured, source: \"\"}\n"
        "      |                                                          ^~\n"
        "      = hint: say who states it\n");
}

TEST_CASE("catalog: an entry that is based on itself") {
  const TestCatalog files;
  files.write("gpus/a.yaml", "based_on: b\n");
  files.write("gpus/b.yaml", "based_on: a\n");
  CHECK(gpu_complaint(files, "a") ==
        "CATALOG/gpus/b.yaml:1:11: error[E302]: 'a' is based on itself\n"
        "    1 | based_on: a\n"
        "      |           ^\n"
        "      = hint: break the circle a -> b -> a\n");
  files.write("gpus/self.yaml", "based_on: self\n");
  CHECK(gpu_complaint(files, "self").find("E302") != std::string::npos);
}

TEST_CASE("catalog: a base that does not exist") {
  const TestCatalog files;
  files.write("gpus/a.yaml", "based_on: tinny\n");
  CHECK(gpu_complaint(files, "a") ==
        "CATALOG/gpus/a.yaml:1:11: error[E301]: the catalog has no GPU 'tinny'\n"
        "    1 | based_on: tinny\n"
        "      |           ^~~~~\n"
        "      = hint: did you mean 'tiny'? gpus: a, tiny, tiny-fast\n");
  CHECK(gpu_complaint(files, "nope") ==
        "CATALOG/gpus: error[E301]: the catalog has no GPU 'nope'\n"
        "      = hint: gpus: a, tiny, tiny-fast\n");
}

TEST_CASE("catalog: an incomplete entry names all that it lacks") {
  const TestCatalog files;
  files.write("gpus/a.yaml", "architecture: ampere\n");
  CHECK(gpu_complaint(files, "a") ==
        "CATALOG/gpus/a.yaml:1:1: error[E202]: 'gpus.a' lacks the keys 'peak_fp16', 'memory_capacity', "
        "'memory_bandwidth', 'sm_count', 'gemm_efficiency_half', 'memory_efficiency'\n"
        "    1 | architecture: ampere\n"
        "      | ^\n"
        "      = hint: peak_fp16: Dense matrix peak in fp16 with fp32 accumulation, FLOP/s.\n");
}

TEST_CASE("catalog: an error of an entry is reported once, however many plans use it") {
  const TestCatalog files;
  files.write("software/plain.yaml", "atention: unfused\n");
  CHECK(files.complaints(good_scenario) ==
        "CATALOG/software/plain.yaml:1:1: error[E201]: unknown key 'atention' in 'software.plain'\n"
        "    1 | atention: unfused\n"
        "      | ^~~~~~~~\n"
        "      = hint: did you mean 'attention'?\n");
}

TEST_CASE("catalog: files that are not asked for are not read") {
  const TestCatalog files;
  files.write("gpus/broken.yaml", "{{{{");
  CHECK(files.complaints(good_scenario).empty());
}

TEST_CASE("catalog: copies share what was read") {
  const TestCatalog files;
  const Catalog catalog = files.with();
  CHECK(catalog.gpu("tiny").sm_count == 100);
  files.write("gpus/tiny.yaml", "{{{{");
  const Catalog copy = catalog;
  CHECK(copy.gpu("tiny").sm_count == 100);
}

TEST_CASE("catalog: a folder that is not there") {
  try {
    (void)Catalog("/no/such/folder").gpu("tiny");
    FAIL("no error");
  } catch (const InputError& error) {
    CHECK(std::string(error.what()) ==
          "/no/such/folder/gpus: error[E301]: the catalog has no GPU 'tiny'\n"
          "      = hint: the catalog folder '/no/such/folder' has no gpus\n");
  }
}
