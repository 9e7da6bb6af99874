// Do --timeline and --trace give what a person and a viewer can use, and nothing else?
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "sim/cli/commands.hpp"
#include "sim/report/display.hpp"
#include "tests/catch.hpp"
#include "tests/cli/process.hpp"

using namespace lockstep::test;

namespace {

const std::string scenario = bundled("llama3-70b-64xh100.yaml");
constexpr const char* pipelined = "tp8-pp2";

std::vector<std::string> simulate(const std::vector<std::string>& more) {
  std::vector<std::string> words{"simulate", scenario, "--plan", pipelined};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::size_t widest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) {
    widest = std::max(widest, lockstep::display_width(line));
  }
  return widest;
}

struct Scenario {
  const char* file;
  const char* plan;
};

const std::vector<Scenario> pictures{
    {"llama3-70b-64xh100.yaml", "tp8-pp2"},
    {"llama3-70b-64xh100.yaml", "fsdp-recompute"},
    {"gpt3-175b-64xa100.yaml", "no-interleave"},
    {"korthikanti-1t.yaml", "full-recompute"},
    {"korthikanti-530b.yaml", "sequence-parallel-selective"},
    {"llama3.1-405b-1024xh100.yaml", "tp8-pp16-interleave4"},
    {"zero-bubble-vs-interleaved.yaml", "zb-h1"},
    {"zero-bubble-vs-interleaved.yaml", "zb-v"},
};

}  // namespace

TEST_CASE("simulate --timeline adds to the report and stays within 100 columns",
          "[cli][timeline]") {
  for (const Scenario& each : pictures) {
    CAPTURE(each.file, each.plan);
    const std::vector<std::string> words{"simulate", bundled(each.file), "--plan", each.plan};
    std::vector<std::string> with = words;
    with.emplace_back("--timeline");
    const Finished report = run_lockstep(words);
    const Finished both = run_lockstep(with);
    CHECK(both.code == report.code);
    CHECK(both.err == report.err);
    CHECK_THAT(both.out, Matchers::StartsWith(report.out));
    CHECK_THAT(both.out, Matchers::Contains("  the pipeline over the step  ") &&
                             Matchers::Contains("Along the critical path of ") &&
                             Matchers::Contains("\n  allocated memory"));
    CHECK(widest_line(both.out) <= 100);
    CHECK(run_lockstep(with).out == both.out);
  }
}

TEST_CASE("simulate --ascii leaves no other character, in as many columns", "[cli][timeline]") {
  const Finished unicode = run_lockstep(simulate({"--timeline"}));
  const Finished ascii = run_lockstep(simulate({"--timeline", "--ascii"}));
  CHECK(ascii.code == 0);
  CHECK(std::all_of(ascii.out.begin(), ascii.out.end(), [](char c) { return c > 0; }));
  CHECK(ascii.out.find('?') == std::string::npos);
  CHECK(widest_line(ascii.out) == widest_line(unicode.out));
}

TEST_CASE("ASCII alone where a terminal has no other characters", "[cli][timeline]") {
  const auto all_ascii = [](bool terminal, bool ascii_locale) {
    lockstep::cli::Environment environment;
    environment.stdout_is_terminal = terminal;
    environment.no_color = true;
    environment.ascii_locale = ascii_locale;
    std::ostringstream out;
    std::ostringstream err;
    CHECK(lockstep::cli::run(simulate({"--timeline"}), out, err, environment) == 0);
    const std::string text = out.str();
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0; });
  };
  CHECK(all_ascii(true, true));
  CHECK_FALSE(all_ascii(true, false));
  CHECK_FALSE(all_ascii(false, true));  // a file is the same under every locale
}

TEST_CASE("the drawing is coloured like the rest", "[cli][timeline]") {
  const auto colored = [](const std::vector<std::string>& more) {
    return run_lockstep(simulate(more)).out.find("\x1b[30;42m") != std::string::npos;
  };
  CHECK_FALSE(colored({"--timeline"}));
  CHECK(colored({"--timeline", "--color", "always"}));
  CHECK_FALSE(colored({"--timeline", "--color", "never"}));
}

TEST_CASE("simulate --trace writes a file that viewers can open, the same every time",
          "[cli][trace]") {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "step.json").string();
  for (const Scenario& each : pictures) {
    CAPTURE(each.file, each.plan);
    const std::vector<std::string> words{"simulate", bundled(each.file), "--plan", each.plan};
    std::vector<std::string> with = words;
    with.insert(with.end(), {"--trace", path});
    const Finished finished = run_lockstep(with);
    CHECK(finished.err.empty());
    CHECK(finished.out == run_lockstep(words).out);
    const std::string text = read_file(path);
    const nlohmann::json trace = nlohmann::json::parse(text);
    CHECK(trace["otherData"]["plan"] == each.plan);

    std::map<int, std::string> processes;
    std::set<int> named, used;  // threads
    std::map<int, double> free;
    std::map<int, double> open;
    for (const auto& event : trace["traceEvents"]) {
      const std::string phase = event["ph"];
      if (phase == "M") {
        if (event["name"] == "process_name") processes[event["pid"]] = event["args"]["name"];
        if (event["name"] == "thread_name") named.insert(event["tid"].get<int>());
      } else if (phase == "X") {
        const int track = event["tid"];
        used.insert(track);
        REQUIRE(event["dur"].get<double>() > 0);
        REQUIRE(event["ts"].get<double>() >= free[track] - 1e-3);  // a nanosecond
        free[track] = event["ts"].get<double>() + event["dur"].get<double>();
      } else if (phase == "s") {
        REQUIRE(open.emplace(event["id"], event["ts"]).second);
      } else if (phase == "f") {
        REQUIRE(open.count(event["id"]) == 1);
        REQUIRE(event["ts"].get<double>() >= open[event["id"]]);
        open.erase(event["id"]);
      } else {
        REQUIRE(phase == "C");
        REQUIRE(event["args"]["GiB"].get<double>() > 0);
      }
    }
    CHECK(open.empty());
    CHECK(named == used);
    CHECK(processes.size() ==
          trace["otherData"]["stages"].get<std::size_t>() + 1);  // and one layer
    CHECK(processes[1] == "stage 1");
    CHECK(processes.rbegin()->second == "one layer");
    run_lockstep(with);
    CHECK(read_file(path) == text);
  }
  // Nothing is left beside it.
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("simulate --trace does not overwrite the scenario", "[cli][trace]") {
  const TemporaryFolder folder;
  const std::filesystem::path copy = folder.path() / "scenario.yaml";
  std::filesystem::copy_file(bundled("llama3-70b-64xh100.yaml"), copy);
  const std::string before = read_file(copy);
  const Finished finished =
      run_lockstep({"simulate", copy.string(), "--plan", "tp8-pp2", "--trace", copy.string()});
  CHECK(finished.code == 2);
  CHECK(finished.err ==
        "lockstep: --trace would overwrite the scenario\n  = hint: name another file\n  = help: "
        "lockstep simulate --help\n");
  CHECK(read_file(copy) == before);
}

TEST_CASE("simulate --trace - prints the trace in the report's place", "[cli][trace]") {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "step.json").string();
  run_lockstep(simulate({"--trace", path}));
  const Finished finished = run_lockstep(simulate({"--trace", "-"}));
  CHECK(finished.code == 0);
  CHECK(finished.out == read_file(path));
}

TEST_CASE("simulate --trace takes a device as it is, and a link's target", "[cli][trace]") {
  CHECK(run_lockstep(simulate({"--trace", "/dev/null"})).code == 0);
  CHECK(std::filesystem::is_character_file("/dev/null"));
  const TemporaryFolder folder;
  const std::filesystem::path target = folder.path() / "target.json";
  const std::filesystem::path link = folder.path() / "link.json";
  std::filesystem::create_symlink(target, link);
  CHECK(run_lockstep(simulate({"--trace", link.string()})).code == 0);
  CHECK(std::filesystem::is_symlink(link));
  CHECK_THAT(read_file(target), Matchers::StartsWith("{\"displayTimeUnit\""));
}

TEST_CASE("a trace that cannot be written is said so, and nothing is left of it", "[cli][trace]") {
  const TemporaryFolder folder;
  const auto check = [](const std::string& path, const std::string& why) {
    const Finished finished = run_lockstep(simulate({"--trace", path}));
    CHECK(finished.code == 2);
    CHECK(finished.out.empty());
    CHECK(finished.err == "lockstep: --trace: " + path + " cannot be written: " + why +
                              "\n  = hint: a path in a folder that exists and where there is room"
                              "\n  = help: lockstep simulate --help\n");
  };
  check((folder.path() / "no" / "step.json").string(), "No such file or directory");
  check(folder.path().string(), "Is a directory");
  check("/dev/full", "No space left on device");
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("options of the timeline that do not go together", "[cli][timeline]") {
  const auto check = [](const std::vector<std::string>& more, const std::string& message) {
    const Finished finished = run_lockstep(simulate(more));
    CHECK(finished.code == 2);
    CHECK(finished.out.empty());
    CHECK(finished.err == "lockstep: " + message + "\n  = help: lockstep simulate --help\n");
  };
  check({"--timeline", "--format", "json"},
        "--timeline goes with --format text\n  = hint: --format json has it as numbers");
  check({"--ascii", "--format", "csv"}, "--ascii goes with --format text");
  for (const std::string other : {"timeline", "format", "ascii"}) {
    std::vector<std::string> more{"--trace", "-", "--" + other};
    if (other == "format") more.emplace_back("json");
    if (other == "format") {
      check(more,
            "--trace - leaves no room for --format\n"
            "  = hint: --trace FILE writes the trace beside the report");
    } else {
      check(more, "--trace - leaves no room for --" + other +
                      "\n  = hint: --trace FILE writes the trace beside the report");
    }
  }
}

TEST_CASE("the JSON has the timeline in numbers that agree with each other", "[cli][timeline]") {
  const nlohmann::json plan =
      nlohmann::json::parse(run_lockstep(simulate({"--format", "json"})).out)["plans"][0];
  const nlohmann::json& timeline = plan["timeline"];
  CHECK(timeline["stages"].size() == 2);
  const double window =
      timeline["last_pass_s"].get<double>() - timeline["first_pass_s"].get<double>();
  double most = 0;
  for (const auto& stage : timeline["stages"]) {
    CHECK(stage["busy_s"].get<double>() + stage["bubble_s"].get<double>() == Approx(window));
    CHECK(stage["bubble_fraction"].get<double>() ==
          Approx(stage["bubble_s"].get<double>() / window));
    CHECK(stage["most_in_flight"].get<double>() > 0);
    most = std::max(most, stage["peak_allocated_bytes"].get<double>());
  }
  double path = 0;
  for (const auto& part : timeline["critical_path"]) path += part["seconds"].get<double>();
  CHECK(path == Approx(timeline["step_s"].get<double>()).epsilon(1e-9));
  CHECK(timeline["closed_form_bubble"]["seconds"].get<double>() > 0);
  const nlohmann::json& curve = timeline["memory_curve"];
  CHECK(curve["time_s"].size() == curve["bytes"].size());
  CHECK(curve["time_s"].size() <= 128);
  CHECK(std::is_sorted(curve["time_s"].begin(), curve["time_s"].end()));
  double highest = 0;
  for (const auto& bytes : curve["bytes"]) highest = std::max(highest, bytes.get<double>());
  CHECK(highest == most);
  CHECK(curve["peak"]["bytes"].get<double>() == most);
  double held = 0;
  for (const auto& share : curve["peak"]["memory"]) held += share["bytes"].get<double>();
  CHECK(held == Approx(most));
}

TEST_CASE("completion knows the options of the timeline", "[cli][timeline]") {
  const std::string script = run_lockstep({"completion", "bash"}).out;
  CHECK_THAT(script,
             Matchers::Contains("--trace) COMPREPLY=($(compgen -f -- \"$word\")); return ;;"));
  CHECK_THAT(script, Matchers::Contains("--timeline --ops --trace --html --ascii"));
}
