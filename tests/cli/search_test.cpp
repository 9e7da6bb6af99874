// Does `lockstep search` end as it should, and is its result the same in every form?
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "sim/cli/commands.hpp"
#include "sim/cli/progress_bar.hpp"
#include "sim/report/display.hpp"
#include "tests/catch.hpp"
#include "tests/cli/process.hpp"

using namespace lockstep::test;

namespace {

const std::string scenario = bundled("gpt3-175b-64xa100.yaml");

// A space of some dozens of combinations.
std::vector<std::string> small_search(const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{"search", scenario};
  for (const char* fixed :
       {"tensor=8", "stages=4..8", "schedule=1f1b", "context=1", "interleave=1..3", "sharding=none",
        "micro_batch=1", "placement=tp-dp-pp", "recompute_every=1", "recompute_parts=software",
        "tensor_overlap=software"}) {
    words.insert(words.end(), {"--fix", fixed});
  }
  words.insert(words.end(), {"--forbid", "offload", "--threads", "1"});
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

nlohmann::json json_of(const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = small_search(more);
  words.insert(words.end(), {"--format", "json"});
  return nlohmann::json::parse(run_lockstep(words).out);
}

}  // namespace

TEST_CASE("search: text, exit code, effort on stderr", "[cli][search]") {
  const Finished finished = run_lockstep(small_search());
  CHECK(finished.code == 0);
  CHECK_THAT(finished.out, Matchers::StartsWith("GPT-3 175B on 64 A100"));
  CHECK_THAT(finished.out, Matchers::Contains("\n  BEST   tp8-"));
  CHECK_THAT(finished.out, Matchers::Contains("\n  lockstep compare found.yaml\n"));
  CHECK_THAT(finished.err,
             Matchers::StartsWith("lockstep: ") && Matchers::Contains(" combinations in ") &&
                 Matchers::Contains(" with 1 thread: ") && Matchers::Contains("pruned"));
  CHECK(finished.err.find('\r') == std::string::npos);  // no bar where stderr is no terminal
  std::istringstream lines(finished.out);
  for (std::string line; std::getline(lines, line);) CHECK(lockstep::display_width(line) <= 100);
  CHECK(run_lockstep(small_search({"--progress", "never"})).err.empty());
}

TEST_CASE("search: the same on every run, and the same plans without pruning", "[cli][search]") {
  for (const std::string format : {"text", "json", "csv"}) {
    const std::string once = run_lockstep(small_search({"--format", format})).out;
    CHECK(once == run_lockstep(small_search({"--format", format})).out);
  }
  CHECK(run_lockstep(small_search({"--format", "csv"})).out ==
        run_lockstep(small_search({"--format", "csv", "--no-pruning"})).out);
  nlohmann::json pruned = json_of();
  nlohmann::json every = json_of({"--no-pruning"});
  CHECK(every["counts"]["too_slow"] == 0);
  pruned.erase("counts");
  every.erase("counts");
  CHECK(pruned == every);
}

TEST_CASE("search: what simulate says of the best plan", "[cli][search]") {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "found.yaml").string();
  const Finished finished =
      run_lockstep(small_search({"--write", file, "--top", "3", "--format", "json"}));
  CHECK(finished.code == 0);
  const nlohmann::json found = nlohmann::json::parse(finished.out);
  REQUIRE(found["best"].size() == 3);
  const Finished compared = run_lockstep({"compare", file, "--format", "json"});
  CHECK(compared.code == 0);
  const nlohmann::json plans = nlohmann::json::parse(compared.out)["plans"];
  REQUIRE(plans.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(plans[i]["name"] == found["best"][i]["name"]);
    CHECK(plans[i]["step_time_s"] == found["best"][i]["step_time_s"]);
    CHECK(plans[i]["peak_memory_bytes"] == found["best"][i]["peak_memory_bytes"]);
  }
}

TEST_CASE("search: limits from flags", "[cli][search]") {
  const nlohmann::json json = json_of({"--constraint", "peak_memory <= 60 GiB", "--headroom",
                                       "2 GiB", "--objective", "memory", "--top", "2"});
  CHECK(json["objective"] == "memory");
  CHECK(json["memory_headroom_bytes"] == 2.0 * (1ULL << 30U));
  CHECK(json["best"].size() == 2);
  for (const nlohmann::json& plan : json["best"]) {
    CHECK(plan["peak_memory_bytes"]["value"].get<double>() <= 60 * 0x1p30);
    CHECK(plan["plan"]["tensor"] == 8);
    CHECK(plan["plan"]["offload_optimizer"] == 0);
  }
  const nlohmann::json& counts = json["counts"];
  CHECK(counts["enumerated"] ==
        counts["illegal"].get<std::uint64_t>() + counts["too_slow"].get<std::uint64_t>() +
            counts["infeasible"].get<std::uint64_t>() + counts["feasible"].get<std::uint64_t>());
}

TEST_CASE("search: no plan fits", "[cli][search]") {
  const Finished finished = run_lockstep(small_search(
      {"--set", "gpus.a100-sxm-80gb.memory_capacity=4 GiB", "--write", "/nowhere/x.yaml"}));
  CHECK(finished.code == 4);
  CHECK_THAT(finished.out, Matchers::Contains("No plan fits: ") &&
                               Matchers::Contains("what comes nearest\n") &&
                               Matchers::Contains("The least memory: tp8-"));
  CHECK_THAT(finished.err, Matchers::Contains(
                               "lockstep: note: there is no plan to write into /nowhere/x.yaml\n"));
}

TEST_CASE("search: wrong flags end with 2 and say how to mend them", "[cli][search]") {
  const auto check = [](const std::vector<std::string>& more, const std::string& message) {
    CAPTURE(more);
    const Finished finished = run_lockstep(small_search(more));
    CHECK(finished.code == 2);
    CHECK(finished.out.empty());
    CHECK_THAT(finished.err, Matchers::StartsWith(message));
  };
  check({"--objective", "steptime"},
        "lockstep: --objective cannot be 'steptime'; it is one of: step_time, ");
  check({"--constraint", "memory"}, "lockstep: --constraint: ");
  check({"--fix", "tensro=8"}, "lockstep: --fix: ");
  check({"--forbid", "offlaod"}, "lockstep: --forbid: ");
  check({"--headroom", "4"}, "lockstep: --headroom: ");
  check({"--top", "0"}, "lockstep: --top: ");
  check({"--objective", "gpus_for_deadline"}, "lockstep: ");
  check({"--fix", "tensor=4"},
        "lockstep: --fix says twice what tensor may be\n"
        "  = hint: list the values in one, as in --fix tensor=4,8\n");
  check({"--fix", "data=2", "--headroom", "80 GiB"},
        "lockstep: head-room of 80.0 GiB leaves nothing of a GPU's 79.3 GiB\n"
        "  = hint: less than the GPU has\n");
  check({"--fix", "nodes=100000000"},
        "lockstep: the search is left without a value of nodes\n"
        "  = hint: possible here: 1, 2, 3, 4, 5, 6, 7, 8, …, 100000\n");
  check({"--write", scenario},
        "lockstep: --write would overwrite the scenario\n  = hint: name another file\n");
  const Finished threads = run_lockstep({"search", scenario, "--threads", "two"});
  CHECK(threads.code == 2);
  CHECK_THAT(
      threads.err,
      Matchers::StartsWith("lockstep: --threads cannot be 'two'\n  = hint: a whole number from 1 "
                           "to 1024\n"));
}

// Presses Ctrl-C as soon as a text is shown.
class Presser : public std::stringbuf {
 public:
  Presser(std::string at, std::atomic<bool>& pressed) : at_(std::move(at)), pressed_(pressed) {}

 private:
  int sync() override {
    if (str().find(at_) != std::string::npos) pressed_ = true;
    return 0;
  }
  std::string at_;
  std::atomic<bool>& pressed_;
};

TEST_CASE("search: what looks for the least memory shows how far it is, and can be stopped",
          "[cli][search]") {
  const std::vector<std::string> none_fits =
      small_search({"--set", "gpus.a100-sxm-80gb.memory_capacity=4 GiB"});
  CHECK_THAT(run_lockstep(none_fits).err,
             Matchers::Contains(" s more for the plan that needs the least") ||
                 Matchers::Contains("for the plan that needs\n"));
  std::atomic<bool> pressed{false};
  Presser presser("for the plan that needs the least memory", pressed);
  std::ostream progress(&presser);
  std::ostringstream out;
  std::ostringstream err;
  lockstep::cli::Environment environment;
  environment.catch_interrupts = [&] { return &pressed; };
  environment.progress_to = &progress;
  std::vector<std::string> words = none_fits;
  words.insert(words.end(), {"--progress", "always"});
  CHECK(lockstep::cli::run(words, out, err, environment) == 130);
  CHECK_THAT(out.str(), Matchers::Contains("No plan fits: ") &&
                            Matchers::Contains(
                                "  what comes nearest\n  The search for the plan that needs the "
                                "least memory was interrupted.\n"));
}

TEST_CASE("search: an interrupt before it begins leaves nothing found", "[cli][search]") {
  const std::atomic<bool> pressed{true};
  std::ostringstream out;
  std::ostringstream err;
  lockstep::cli::Environment environment;
  environment.catch_interrupts = [&] { return &pressed; };
  const int code = lockstep::cli::run(small_search(), out, err, environment);
  CHECK(code == 130);
  CHECK_THAT(out.str(), Matchers::Contains("INTERRUPTED after 0 % of the combinations") &&
                            Matchers::Contains("No plan that fits was found so far.") &&
                            Matchers::Contains("  Nothing is counted: "));
}

TEST_CASE("search: Ctrl-C prints the best so far and ends with 130", "[cli][search]") {
  const TemporaryFolder folder;
  const std::filesystem::path err = folder.path() / "err";
  const std::filesystem::path out = folder.path() / "out";
  std::vector<std::string> words{
      LOCKSTEP_TEST_PROGRAM, "search", scenario,   "--no-pruning", "--progress", "always",
      "--threads",           "1",      "--format", "json"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const ::pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    redirect(STDERR_FILENO, err.string());
    redirect(STDOUT_FILENO, out.string());
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  // The search has begun once it shows how far it is.
  int status = 0;
  while (read_file(err).find('%') == std::string::npos) {
    REQUIRE(::waitpid(child, &status, WNOHANG) == 0);
    std::this_thread::yield();
  }
  ::kill(child, SIGINT);
  ::waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 130);
  const nlohmann::json json = nlohmann::json::parse(read_file(out));
  CHECK(json["complete"] == false);
  CHECK(json["looked_at"].get<double>() < 1);
  CHECK_THAT(read_file(err),
             Matchers::Contains(" combinations, ") && Matchers::Contains("\rlockstep: "));
}

TEST_CASE("the progress bar says how far, how fast and how long", "[cli][search]") {
  using lockstep::cli::progress_line;
  CHECK(progress_line(0, 1000, "combinations", 0) ==
        "[....................]   0 %  0 of 1 000 combinations");
  // 250 thousand in 10 s are 25 thousand a second; 750 thousand take 30 s more.
  CHECK(progress_line(250'000, 1'000'000, "combinations", 10) ==
        "[#####...............]  25 %  250 thousand of 1 million combinations, 25 thousand/s, 30 s "
        "left");
  CHECK_THAT(progress_line(1, 1000, "plans", 1), Matchers::EndsWith(", 1/s, 17 min left"));
  CHECK_THAT(progress_line(1, 36'001, "plans", 1), Matchers::EndsWith(", 1/s, 10.0 h left"));
  CHECK(progress_line(1000, 1000, "plans", 10) ==
        "[####################] 100 %  1 000 of 1 000 plans, 100/s");
}

TEST_CASE("the progress bar takes itself away, and is silent without a stream", "[cli][search]") {
  std::ostringstream out;
  {
    lockstep::cli::ProgressBar bar(&out, "plans", std::chrono::milliseconds{0});
    bar.show(1, 2);
  }
  const std::string blank = "\r" + std::string(99, ' ') + "\r";
  REQUIRE(out.str().size() > blank.size());
  CHECK(out.str().substr(out.str().size() - blank.size()) == blank);
  lockstep::cli::ProgressBar(nullptr, "plans", std::chrono::milliseconds{0}).show(1, 2);
}
