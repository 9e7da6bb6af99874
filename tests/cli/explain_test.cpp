// Does `lockstep explain` answer, refuse and end as it says?
#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/report/display.hpp"
#include "tests/catch.hpp"
#include "tests/cli/process.hpp"
#include "tests/support/numbers_of_text.hpp"

using lockstep::test::Finished;
using lockstep::test::run_lockstep;
using lockstep::test::TemporaryFolder;
namespace Matchers = Catch::Matchers;

namespace {

using Words = std::vector<std::string>;

std::string bundled(const std::string& name) {
  return std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios/" + name + ".yaml";
}

Words explain(const Words& more, const std::string& scenario = "llama3-70b-64xh100") {
  Words words{"explain", bundled(scenario)};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

nlohmann::json json_of(Words words) {
  words.insert(words.end(), {"--format", "json"});
  const Finished finished = run_lockstep(words);
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  return nlohmann::json::parse(finished.out);
}

void check_refused(const Words& more, const std::string& wanted) {
  const Finished finished = run_lockstep(explain(more));
  CHECK(finished.code == 2);
  CHECK(finished.out.empty());
  CHECK(finished.err == wanted + "  = help: lockstep explain --help\n");
}

}  // namespace

TEST_CASE("explain: the best plan where none is named, every section there", "[cli][explain]") {
  const Finished finished = run_lockstep(explain({}));
  CHECK(finished.code == 0);
  CHECK(finished.err.empty());
  for (const char* part :
       {"\n  tp8-pp2\n", "where the step goes", "kernels under their roofs", "communication ", "peak 64.6 GiB",
        "The next highest moment is",
        "what experience warns of", "what one change would do", "what moves the time per token",
        "counts, to the next legal one", "when communication hides", "where the order of plans turns",
        "what is not known", "Not modelled here"}) {
    CHECK_THAT(finished.out, Matchers::Contains(part));
  }
  CHECK_THAT(finished.out, !Matchers::Contains("what alone would explain") &&
                               !Matchers::Contains("Against "));
}

TEST_CASE("explain: fits 100 columns, and is the same twice in every form", "[cli][explain]") {
  const Words words{"--against", "fsdp-recompute", "--measured", "step_time=80 s"};
  for (const char* format : {"text", "json", "csv"}) {
    Words all = explain(words);
    all.insert(all.end(), {"--format", format});
    const Finished first = run_lockstep(all);
    CHECK(first.code == 0);
    CHECK(first.out == run_lockstep(all).out);
    if (format != std::string("text")) continue;
    std::istringstream lines(first.out);
    for (std::string line; std::getline(lines, line);) {
      CAPTURE(line);
      CHECK(lockstep::display_width(line) <= 100);
    }
  }
}

TEST_CASE("explain: the JSON is that of compare, and why", "[cli][explain]") {
  const nlohmann::json why = json_of(explain({"--against", "fsdp-recompute", "--measured", "mfu=35 %"}));
  const nlohmann::json all = json_of({"compare", bundled("llama3-70b-64xh100")});
  CHECK(why["plans"] == all["plans"]);
  CHECK(why["ranking"] == all["ranking"]);
  CHECK(why["command"] == "explain");
  CHECK(why["explained"] == "tp8-pp2");
  const nlohmann::json& e = why["explanation"];
  for (const char* list : {"sensitivities", "counterfactuals", "break_evens", "hiding", "ledger"}) {
    CAPTURE(list);
    CHECK(e[list].size() > 1);
  }
  double sum = 0;
  for (const auto& term : e["against"]["terms"]) sum += term["seconds"].get<double>();
  CHECK(sum == Approx(e["against"]["difference_seconds"].get<double>()).epsilon(1e-9));
  CHECK(e["measured"]["value"] == Approx(0.35));
  CHECK(e["measured"]["hypotheses"].size() > 1);
  double shares = 0;
  for (const auto& entry : e["ledger"]) shares += entry["share"].get<double>();
  CHECK(shares == Approx(1.0).epsilon(1e-9));
}

TEST_CASE("explain: every number of the text occurs in the JSON", "[cli][explain]") {
  for (const char* scenario : {"llama3-70b-64xh100", "mixtral-8x7b-64xh100", "korthikanti-530b",
                               "hsdp-slow-fabric", "offload-small-box"}) {
    CAPTURE(scenario);
    Words words = explain({"--measured", "step_time=30 s"}, scenario);
    const std::string text = run_lockstep(words).out;
    words.insert(words.end(), {"--format", "json"});
    const std::string json = run_lockstep(words).out;
    // Two numbers that no JSON can lack.
    CHECK(lockstep::test::missing_numbers("STEP 123456.5 s", json).size() == 1);
    for (const std::string& missing : lockstep::test::missing_numbers(text, json)) {
      // How many rows of a list are not shown.
      const bool counted = missing.find(" more ") != std::string::npos ||
                           missing.find(" others ") != std::string::npos;
      INFO(missing);
      CHECK(counted);
    }
  }
}

TEST_CASE("explain: a plan that does not fit is explained too, and ends with 4", "[cli][explain]") {
  const Finished finished = run_lockstep(explain({"--plan", "hsdp8"}));
  CHECK(finished.code == 4);
  CHECK_THAT(finished.out, Matchers::Contains("too big") && Matchers::Contains("what one change would do"));
}

TEST_CASE("explain: --ascii leaves no other character", "[cli][explain]") {
  const Finished finished = run_lockstep(explain({"--ascii"}));
  CHECK(finished.code == 0);
  CHECK(std::all_of(finished.out.begin(), finished.out.end(),
                    [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
}

TEST_CASE("explain: wrong command lines", "[cli][explain]") {
  check_refused({"--against", "tp8-pp2"},
                "lockstep: --against tp8-pp2 is the explained plan itself\n"
                "  = hint: name another plan with --plan or --against\n");
  check_refused({"--plan", "tp8-pp"},
                "lockstep: the scenario has no plan 'tp8-pp'\n"
                "  = hint: did you mean tp8-pp2? its plans: fsdp-recompute, fsdp-selective, hsdp32, hsdp8, "
                "tp8-fsdp8,\n          tp8-pp2, tp4-pp4, tp4-pp4-half\n");
  check_refused({"--measured", "71.2"},
                "lockstep: --measured 71.2 has no value\n"
                "  = hint: for example --measured \"step_time=71.2 s\"\n");
  check_refused({"--measured", "speed=71.2 s"},
                "lockstep: --measured knows no 'speed'\n"
                "  = hint: what can be measured: step_time, tokens_per_s_per_gpu, mfu, peak_memory\n");
  check_refused({"--measured", "mfu=1.2"},
                "lockstep: --measured mfu=1.2: the value must be above 0 and at most 1, or 100 %\n");
  check_refused({"--measured", "step_time=-3 s"},
                "lockstep: --measured step_time=-3 s: the value must be above 0\n");
}

TEST_CASE("explain: a measurement needs its unit", "[cli][explain]") {
  const Finished finished = run_lockstep(explain({"--measured", "step_time=71.2"}));
  CHECK(finished.code == 2);
  CHECK_THAT(finished.err, Matchers::StartsWith("lockstep: --measured step_time=71.2: the value needs a unit\n"));
}

TEST_CASE("explain: a single plan has no order to turn", "[cli][explain]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("one.yaml",
                                       "lockstep: 1\nname: One\nmodel: llama3-8b\n"
                                       "cluster: {system: dgx-h100, nodes: 1}\n"
                                       "training: {sequence_length: 4096, global_batch: 64}\n"
                                       "software: torch-fsdp\n"
                                       "plans: [{name: a, sharding: fsdp}]\n");
  const nlohmann::json why = json_of({"explain", file});
  CHECK(why["explanation"]["break_evens"].empty());
  CHECK(why["explanation"]["against"].is_null());
  CHECK(why["explanation"]["measured"].is_null());
}

TEST_CASE("explain: names with markup, quotes and newlines show as text", "[cli][explain]") {
  const TemporaryFolder folder;
  const std::string file = folder.file(
      "odd.yaml",
      "lockstep: 1\nname: \"<b>\\\"x\\\" \\n </script> \\U0001F600\"\nmodel: llama3-8b\n"
      "cluster: {system: dgx-h100, nodes: 1}\n"
      "training: {sequence_length: 4096, global_batch: 64}\n"
      "software: torch-fsdp\n"
      "plans: [{name: a-b, sharding: fsdp}, {name: c-d, sharding: fsdp, recompute: full}]\n");
  const Finished finished = run_lockstep({"explain", file, "--against", "c-d"});
  CHECK(finished.code == 0);
  CHECK_THAT(finished.out, Matchers::Contains("</script>"));
  const nlohmann::json why = json_of({"explain", file});
  CHECK(why["scenario"]["name"] == "<b>\"x\" \n </script> \U0001F600");
}
