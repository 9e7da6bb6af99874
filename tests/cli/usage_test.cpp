// Does a wrong command line end with exit code 2, nothing on stdout and a message that helps?
#include "tests/catch.hpp"
#include "tests/cli/process.hpp"

using namespace lockstep::test;

namespace {

const std::string scenario = bundled("llama3-70b-64xh100.yaml");

void check_usage_error(const std::vector<std::string>& arguments, const std::string& message) {
  const Finished finished = run_lockstep(arguments);
  CAPTURE(arguments);
  CHECK(finished.code == 2);
  CHECK(finished.out.empty());
  CHECK(finished.err == message);
}

}  // namespace

TEST_CASE("no command: the overview on stderr", "[cli]") {
  const Finished finished = run_lockstep({});
  CHECK(finished.code == 2);
  CHECK(finished.out.empty());
  CHECK_THAT(finished.err, Matchers::Contains("usage: lockstep <command>"));
}

TEST_CASE("unknown command: all names and the nearest", "[cli]") {
  check_usage_error({"comapre"},
                    "lockstep: there is no command 'comapre'\n  = hint: did you mean compare? the commands: simulate, "
                    "compare, explain, search, sweep, topology,\n          collectives, list, schema, validate, calibrate, "
                    "completion, help\n"
                    "  = help: lockstep --help\n");
  check_usage_error({"zzzzzzzz"},
                    "lockstep: there is no command 'zzzzzzzz'\n  = hint: the commands: simulate, compare, explain, search, "
                    "sweep, topology, collectives, list,\n          schema, validate, calibrate, completion, help\n  = help: lockstep --help\n");
  check_usage_error({"--verbose"}, "lockstep: lockstep has no option '--verbose'\n  = help: lockstep --help\n");
}

TEST_CASE("help is a command, too", "[cli]") {
  CHECK(run_lockstep({"help"}).out == run_lockstep({"--help"}).out);
  CHECK(run_lockstep({"help", "compare"}).out == run_lockstep({"compare", "--help"}).out);
  CHECK(run_lockstep({"help", "validate"}).out == run_lockstep({"validate", "--help"}).out);
  check_usage_error({"help", "comapre"},
                    "lockstep: there is no command 'comapre'\n  = hint: did you mean compare? the commands: simulate, "
                    "compare, explain, search, sweep, topology,\n          collectives, list, schema, validate, calibrate, "
                    "completion, help\n"
                    "  = help: lockstep help --help\n");
  CHECK_THAT(run_lockstep({"help"}).out, Matchers::Contains("5 out of tolerance") && Matchers::Contains("130 interrupted."));
  CHECK_THAT(run_lockstep({"search", "--help"}).out, Matchers::Contains("130 after Ctrl-C"));
  CHECK_THAT(run_lockstep({"sweep", "--help"}).out, Matchers::Contains("130 after Ctrl-C"));
}

TEST_CASE("options: no abbreviations, no repetition, no missing or wrong value", "[cli]") {
  const std::string help = "  = help: lockstep simulate --help\n";
  check_usage_error({"simulate", scenario, "--pla", "x"},
                    "lockstep: simulate has no option '--pla'\n  = hint: did you mean --plan?\n" + help);
  check_usage_error({"simulate", scenario, "--plan", "a", "--plan", "b"},
                    "lockstep: option '--plan' is given twice\n" + help);
  check_usage_error({"simulate", scenario, "--plan"}, "lockstep: option '--plan' needs a value\n" + help);
  check_usage_error({"simulate", scenario, "--plan="}, "lockstep: option '--plan' needs a value\n" + help);
  check_usage_error({"simulate", scenario, "--format", "yaml"},
                    "lockstep: --format cannot be 'yaml'; it is one of: text, json, csv\n" + help);
  check_usage_error({"simulate", scenario, "--color=allways"},
                    "lockstep: --color cannot be 'allways'; it is one of: auto, always, never\n"
                    "  = hint: did you mean always?\n" + help);
  check_usage_error({"simulate", scenario, "--set", "training.global_batch"},
                    "lockstep: --set training.global_batch is not of the form path=value\n"
                    "  = hint: for example --set training.global_batch=1024\n" + help);
  check_usage_error({"simulate", scenario, "-1"}, "lockstep: simulate has no option '-1'\n" + help);
  check_usage_error({"schema", "--reference=yes"},
                    "lockstep: option '--reference' is a switch and takes no value\n"
                    "  = help: lockstep schema --help\n");
}

TEST_CASE("positionals: none missing, none too many, none unknown", "[cli]") {
  const std::string help = "  = help: lockstep compare --help\n";
  check_usage_error({"compare"}, "lockstep: compare needs a SCENARIO\n" + help);
  check_usage_error({"compare", ""}, "lockstep: SCENARIO is empty\n" + help);
  check_usage_error({"compare", scenario, "more"}, "lockstep: compare takes 1 argument; 'more' is one too many\n" + help);
  check_usage_error({"schema", "more"},
                    "lockstep: schema takes 0 arguments; 'more' is one too many\n  = help: lockstep schema --help\n");
  check_usage_error({"list", "gpsu"},
                    "lockstep: KIND cannot be 'gpsu'; it is one of: gpus, systems, models, software, schedules, scenarios, peaks\n"
                    "  = hint: did you mean gpus?\n  = help: lockstep list --help\n");
  check_usage_error({"completion", "tcsh"},
                    "lockstep: SHELL cannot be 'tcsh'; it is one of: bash\n  = help: lockstep completion --help\n");
  check_usage_error({"--version", "x"}, "lockstep: --version takes no arguments\n  = help: lockstep --help\n");
}

TEST_CASE("simulate asks for a plan where there are several, and knows near names", "[cli]") {
  const Finished none = run_lockstep({"simulate", scenario});
  CHECK(none.code == 2);
  CHECK_THAT(none.err, Matchers::Contains("name one with --plan") && Matchers::Contains("its plans: fsdp-recompute, "));
  const Finished typo = run_lockstep({"simulate", scenario, "--plan", "fsdp-recomptue"});
  CHECK(typo.code == 2);
  CHECK(typo.out.empty());
  CHECK_THAT(typo.err, Matchers::StartsWith("lockstep: the scenario has no plan 'fsdp-recomptue'\n"
                                            "  = hint: did you mean fsdp-recompute? its plans: "));
}

TEST_CASE("arguments after -- are no options", "[cli]") {
  const Finished finished = run_lockstep({"compare", "--", "--format"});
  CHECK(finished.code == 3);  // a scenario file of that name, which is not there
  CHECK(finished.out.empty());
}

TEST_CASE("a message never carries control characters of the command line", "[cli]") {
  const Finished finished = run_lockstep({"\x1b[31mred"});
  CHECK(finished.code == 2);
  CHECK(finished.err.find('\x1b') == std::string::npos);
}
