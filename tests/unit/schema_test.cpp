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
  CHECK(schema["required"] == Json({"lockstep", "model", "cluster", "training"}));
  // Plans, or a search for them.
  CHECK(schema["allOf"] ==
        Json::parse(R"([{"anyOf": [{"required": ["plans"]}, {"required": ["search"]}]}])"));
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

TEST_CASE("schema: a search has a key for every dimension, with one value or a list") {
  const TestCatalog files;
  const Json schema = Json::parse(scenario_json_schema(files.with()));
  const Json& search = schema["properties"]["search"];
  CHECK(search["additionalProperties"] == false);
  CHECK_FALSE(search.contains("required"));
  const Json& keys = search["properties"];
  for (const SearchDimension& dimension : search_dimensions()) {
    INFO(dimension.key);
    REQUIRE(keys.contains(dimension.key));
    CHECK(keys[dimension.key]["description"] == dimension.doc);
    CHECK(keys[dimension.key]["anyOf"][1]["type"] == "array");
  }
  CHECK(keys["objective"]["anyOf"][3]["const"] == "gpus_for_deadline");
  CHECK(keys["tensor"]["anyOf"][0] ==
        Json::parse(R"({"anyOf": [{"type": "integer", "minimum": 1.0, "maximum": 100000000.0},
                                  {"type": "string", "pattern": "^ *[0-9]+ *([.][.] *[0-9]+ *)?$"}]})"));
  CHECK(keys["sequence_parallel"]["anyOf"][0]["enum"] == Json({false, true}));
  CHECK(keys["recompute"]["anyOf"][0]["enum"] == Json({"none", "selective", "full"}));
  CHECK(keys["prefetch"]["anyOf"][0]["anyOf"][0]["enum"] == Json({"software"}));
  const std::regex constraint(keys["constraints"]["anyOf"][0]["pattern"].get<std::string>());
  for (const char* text : {"peak_memory <= 70 GiB", "P(fits)>=0.9", "gpus < 128", "cost <= 2e6"}) {
    INFO(text);
    CHECK(std::regex_match(text, constraint));
  }
  for (const char* text : {"peak_mem <= 70 GiB", "P(fits)", "gpus = 64", "70 GiB >= peak_memory"}) {
    INFO(text);
    CHECK_FALSE(std::regex_match(text, constraint));
  }
  CHECK(schema["properties"]["price"]["required"] == Json({"per_gpu_hour", "date"}));
  CHECK(keys["deadline"]["type"] == "string");
}

// The names that files give an enum are written down twice: in the plan's fields and for the search.
TEST_CASE("schema: a dimension of the search has the choices of the plan's key") {
  const TestCatalog files;
  const Json schema = Json::parse(scenario_json_schema(files.with()));
  const Json& plan = schema["properties"]["plans"]["items"]["properties"];
  const auto same = [](const char* dimension, const Json& key) {
    INFO(dimension);
    Json names = Json::array();
    for (const Json& one : key["oneOf"]) names.push_back(one["const"]);
    Json choices = Json::array();
    for (const char* choice : find_search_dimension(dimension)->choices) choices.push_back(choice);
    CHECK(names == choices);
  };
  same("sharding", plan["sharding"]);
  same("recompute", plan["recompute"]);
  same("tensor_overlap", plan["tensor_overlap"]);
  same("context_method", plan["context"]["properties"]["method"]);
  same("reshard_after_forward", plan["sync"]["properties"]["reshard_after_forward"]);
}

TEST_CASE("reference: what a search takes is explained") {
  const std::string text = scenario_reference();
  CHECK(text.find("| `plans` | list of maps, see below | **required** unless `search` is there | ") !=
        std::string::npos);
  CHECK(text.find("\n## search\n") != std::string::npos);
  CHECK(text.find("| `tensor` | a whole number from 1, a range like 2..8, or a list | all that work | "
                  "Tensor-parallel degree. |\n") != std::string::npos);
  CHECK(text.find("<br>`throughput_per_gpu`: most tokens per second and GPU<br>") != std::string::npos);
  CHECK(text.find("| `sequence_parallel` | a name, or a list: `false`, `true` | all that work | ") !=
        std::string::npos);
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
