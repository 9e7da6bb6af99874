#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "scenarios/quantity_pattern.hpp"
#include "scenarios/scenario.hpp"
#include "tests/catch.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using namespace lockstep::testing;
using Json = nlohmann::json;

TEST_CASE("schema: the keys of a scenario, closed against others") {
  const TestCatalog files;
  const Json schema = Json::parse(scenario_json_schema(files.with()));
  CHECK(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema");
  CHECK(schema["additionalProperties"] == false);
  CHECK(schema["required"] == Json({"lockstep", "model", "cluster", "training", "plans"}));
  const Json& plan = schema["properties"]["plans"]["items"];
  CHECK(plan["required"] == Json({"name"}));
  CHECK(plan["additionalProperties"] == false);
  CHECK(plan["properties"]["micro_batch"]["type"] == "integer");
  CHECK(plan["properties"]["micro_batch"]["minimum"] == 1);
  CHECK(plan["properties"]["sharding"]["oneOf"][3]["const"] == "fsdp");
  CHECK_FALSE(plan["properties"]["sharding"]["oneOf"][3]["description"].get<std::string>().empty());
  // A plan's cluster is laid over the scenario's and may be in part.
  CHECK_FALSE(plan["properties"]["cluster"].contains("required"));
  CHECK(schema["properties"]["cluster"]["required"] == Json({"system"}));
}

TEST_CASE("schema: entries are names of the catalog, maps or files") {
  const TestCatalog files;
  const Json schema = Json::parse(scenario_json_schema(files.with()));
  const Json& model = schema["properties"]["model"]["anyOf"];
  CHECK(model[0]["enum"] == Json({"small", "small-1.5"}));
  CHECK(model[1]["$ref"] == "#/$defs/models");
  CHECK(model[2]["pattern"] == "\\.ya?ml$");
  CHECK(schema["$defs"]["models"]["properties"]["based_on"]["enum"] == Json({"small", "small-1.5"}));
  CHECK(schema["$defs"]["gpus"]["properties"].contains("memory_bandwidth"));
}

TEST_CASE("schema: every reference has its definition, and every key its description") {
  const TestCatalog files;
  const Json schema = Json::parse(scenario_json_schema(files.with()));
  std::set<std::string> references;
  std::vector<const Json*> open{&schema};
  while (!open.empty()) {
    const Json& node = *open.back();
    open.pop_back();
    if (node.is_object() && node.contains("$ref")) references.insert(node["$ref"].get<std::string>());
    if (node.is_object() && node.contains("properties")) {
      for (const auto& [key, property] : node["properties"].items()) {
        INFO(key);
        CHECK((property.contains("description") || property.contains("$ref")));
      }
    }
    for (const Json& child : node) {
      if (child.is_structured()) open.push_back(&child);
    }
  }
  CHECK(references.size() > 8);
  for (const std::string& reference : references) {
    INFO(reference);
    CHECK(schema.contains(Json::json_pointer(reference.substr(1))));
  }
}

TEST_CASE("schema: it is the same text every time") {
  const TestCatalog files;
  CHECK(scenario_json_schema(files.with()) == scenario_json_schema(files.with()));
}

TEST_CASE("schema: quantity patterns and the parser agree") {
  const std::vector<std::string> numbers{"1", "0.5", "1e-3", "2.", "-.5", "x", "1 2", "1e", ".", ""};
  const std::vector<std::string> units{
      "",     "%",      "B",     "bytes", "kB",   "MB",   "GB",     "TB",     "KiB",     "GiB",     "KB",
      "Gb",   "s",      "ms",    "us",    "µs",   "ns",   "min",    "h",      "d",       "hours",   "GB/s",
      "Gb/s", "Gbit/s", "Gbps",  "GBps",  "TB/s", "gb/s", "kbps",   "kbit/s", "FLOP",    "TFLOP",   "TFLOP/s",
      "W",    "kW",     "TFLOPS", "TFLOPs", "MW", "GiB/s", "PiB", "PB/s", "Tbps", "FLOP/s", "EFLOP/s", "YFLOP"};
  for (const Dimension dimension :
       {Dimension::none, Dimension::bytes, Dimension::seconds, Dimension::bytes_per_second, Dimension::flops,
        Dimension::flops_per_second, Dimension::watts}) {
    const std::regex pattern(quantity_pattern(dimension), std::regex::ECMAScript);
    CHECK(std::regex_match(quantity_example(dimension), pattern));
    for (const std::string& number : numbers) {
      for (const std::string& unit : units) {
        const std::string text = number + " " + unit;
        INFO(to_string(dimension) << ": '" << text << "'");
        CHECK(std::regex_match(text, pattern) == static_cast<bool>(parse_quantity(text, dimension)));
      }
    }
  }
}

TEST_CASE("reference: a section per map, a row per key") {
  const std::string text = scenario_reference();
  for (const char* expected :
       {"## scenario\n", "## cluster\n", "## fabric\n", "## training\n", "## plans\n", "## pipeline\n",
        "## models (catalog)\n", "## systems (catalog)\n", "## gpus (catalog)\n", "## software (catalog)\n",
        "| `global_batch` | whole number, 1 to 1000000000 | **required** | Sequences per optimizer step, over all "
        "GPUs. |\n"}) {
    INFO(expected);
    CHECK(text.find(expected) != std::string::npos);
  }
}

TEST_CASE("constants: every one of GPU, system and software is visited once, by its path") {
  const TestCatalog files;
  Scenario scenario = parse_scenario(good_scenario, "s.yaml", files.with());
  std::set<std::string> paths;
  std::size_t visits = 0;
  for_each_constant(scenario.plans[0].cluster, scenario.plans[0].plan,
                    [&](const std::string& path, ConstantBase& constant) {
                      ++visits;
                      paths.insert(path);
                      CHECK_FALSE(constant.source.empty());
                    });
  CHECK(visits == paths.size());
  CHECK(paths.count("gpu.memory_efficiency") == 1);
  CHECK(paths.count("system.nic_bandwidth") == 1);
  CHECK(paths.count("software.data_exposed") == 1);
}
