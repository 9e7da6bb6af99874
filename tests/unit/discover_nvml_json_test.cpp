// What NVML said as a file: the same facts come back, and every error is told.
#include <string>

#include "scenarios/diagnostics.hpp"
#include "tests/catch.hpp"
#include "validate/discover/nvml_json.hpp"

using namespace lockstep;

namespace {

NvmlFacts two_gpus() {
  NvmlFacts facts;
  facts.date = "2026-11-23";
  facts.driver = "580.82.07";
  facts.peer_to_peer = true;
  facts.remarks = {"GPU 2 does not answer: GPU is lost"};
  facts.gpus.resize(2);
  facts.gpus[0] = {
      0, "NVIDIA H200", "0000:1b:00.0", 150'754'820'096, 700.0, 90, 16896, 6144, 3201, 5, 16, {}};
  facts.gpus[0].nvlinks.push_back({0, true, 4, NvlinkEnd::nvswitch, "0000:07:00.0"});
  facts.gpus[0].nvlinks.push_back({1, false, 0, NvlinkEnd::unknown, ""});
  facts.gpus[1].index = 1;
  return facts;
}

std::string with(const std::string& old_text, const std::string& new_text) {
  std::string text = nvml_json(two_gpus());
  const std::size_t at = text.find(old_text);
  REQUIRE(at != std::string::npos);
  return text.replace(at, old_text.size(), new_text);
}

std::string errors(const std::string& text) {
  try {
    (void)parse_nvml_json(text, "nvml.json");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

constexpr const char* hint =
    "      = hint: the file is as `lockstep-validate discover --record` wrote it?\n";

}  // namespace

TEST_CASE("nvml.json: what is written is read", "[unit]") {
  const std::string text = nvml_json(two_gpus());
  const NvmlFacts facts = parse_nvml_json(text, "nvml.json");
  CHECK(nvml_json(facts) == text);
  CHECK(facts.driver == "580.82.07");
  CHECK(facts.peer_to_peer == true);
  REQUIRE(facts.gpus.size() == 2);
  CHECK(facts.gpus[0].name == "NVIDIA H200");
  CHECK(facts.gpus[0].memory_bytes == 150'754'820'096);
  REQUIRE(facts.gpus[0].nvlinks.size() == 2);
  CHECK(facts.gpus[0].nvlinks[0].to == NvlinkEnd::nvswitch);
  CHECK_FALSE(facts.gpus[0].nvlinks[1].active);
  NvmlFacts unknown = two_gpus();
  unknown.peer_to_peer.reset();
  CHECK(parse_nvml_json(nvml_json(unknown), "nvml.json").peer_to_peer == std::nullopt);
}

TEST_CASE("nvml.json: a file that was cut off", "[unit]") {
  CHECK(errors("{\"lockstep_nvml\": 1,\n \"date\"") ==
        "nvml.json:2:8: error[E650]: this is no JSON: syntax error while parsing object separator "
        "- unexpected end of input; "
        "expected ':'\n    2 |  \"date\"\n      |        ^\n      = hint: was the file cut off?\n");
}

TEST_CASE("nvml.json: another file or version", "[unit]") {
  CHECK(errors("[]") ==
        "nvml.json: error[E650]: this is no record of NVML: it lacks \"lockstep_nvml\": 1\n"
        "      = hint: `lockstep-validate discover --record DIR` writes nvml.json of version 1\n");
  CHECK(errors("{\"lockstep_nvml\": 7}") ==
        "nvml.json: error[E650]: version 7 of a record of NVML is not known\n"
        "      = hint: `lockstep-validate discover --record DIR` writes nvml.json of version 1\n");
}

TEST_CASE("nvml.json: keys that are missing, unknown or of another kind", "[unit]") {
  CHECK(errors(with("\"driver\": \"580.82.07\",", "")) ==
        std::string("nvml.json: error[E651]: driver is missing\n") + hint);
  CHECK(errors(with("\"driver\": \"580.82.07\"", "\"driver\": 580, \"diver\": 1")) ==
        std::string("nvml.json: error[E651]: driver must be a text, not number\n") + hint +
            "nvml.json: error[E651]: diver is not known\n" + hint);
  CHECK(errors(with("\"memory_bytes\": 150754820096", "\"memory_bytes\": 1.5")) ==
        std::string(
            "nvml.json: error[E651]: gpus[0].memory_bytes must be a whole number, not number\n") +
            hint);
}

TEST_CASE("nvml.json: values that cannot be", "[unit]") {
  CHECK(errors(with("\"pcie_width\": 16", "\"pcie_width\": -16")) ==
        std::string("nvml.json: error[E652]: gpus[0].pcie_width cannot be -16: a whole number from "
                    "0 to 64\n") +
            hint);
  CHECK(errors(with("\"to\": \"nvswitch\"", "\"to\": \"moon\"")) ==
        std::string("nvml.json: error[E652]: gpus[0].nvlinks[0].to cannot be 'moon': one of gpu, "
                    "nvswitch, cpu, unknown\n") +
            hint);
  CHECK(errors(with("\"power_limit_w\": 700.0", "\"power_limit_w\": 1e9")) ==
        std::string("nvml.json: error[E652]: gpus[0].power_limit_w cannot be 1000000000.0: a "
                    "number from 0 to 100000\n") +
            hint);
}
