// lockstep-search, alone and under mpirun: what `lockstep search` prints, byte for byte.
#include <algorithm>
#include <csignal>

#include "tests/catch.hpp"
#include "tests/cli/process.hpp"
#include "tests/support/mpirun.hpp"

#if LOCKSTEP_HAS_MPI
#include <iostream>

#include "sim/cli/input_digest.hpp"
#include "sim/cli/mpi/mpi_post.hpp"
#include "sim/cli/process_environment.hpp"
#include "sim/cli/spread_search.hpp"
#endif

using namespace lockstep;
using namespace lockstep::test;

namespace {

const std::string program = LOCKSTEP_TEST_SEARCH_PROGRAM;
const std::string scenario = bundled("llama3-70b-64xh100.yaml");

// A search of a few plans, in several items.
std::vector<std::string> small(const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{scenario, "--top", "3", "--progress", "never"};
  for (const char* fixed :
       {"tensor=4,8", "stages=1,2,4", "interleave=1", "schedule=1f1b", "context=1",
        "sharding=none,optimizer", "micro_batch=1", "recompute=none", "placement=tp-cp-dp-pp"}) {
    words.insert(words.end(), {"--fix", fixed});
  }
  words.insert(words.end(), {"--forbid", "offload,tensor-overlap"});
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Finished one_process(std::vector<std::string> words) {
  words.insert(words.begin(), "search");
  return run_lockstep(words);
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++found;
  return found;
}

// The same until it says so, three times at most: mpirun may drop the last words of processes that
// are ended.
Finished mpirun_saying(const std::string& text, const std::vector<std::string>& words) {
  Finished run;
  for (int attempt = 0; attempt < 3; ++attempt) {
    run = start(mpirun_program(), words, mpirun_options());
    if (count(run.err, text) > 0) break;
  }
  return run;
}

std::vector<std::string> ranks(int number, const std::vector<std::string>& words) {
  std::vector<std::string> all{"-np", std::to_string(number), program};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

// Rank 0 with these words, rank 1 with others.
std::vector<std::string> unlike(const std::vector<std::string>& first,
                                const std::vector<std::string>& second) {
  std::vector<std::string> all = ranks(1, first);
  all.emplace_back(":");
  const std::vector<std::string> other = ranks(1, second);
  all.insert(all.end(), other.begin(), other.end());
  return all;
}

}  // namespace

#if LOCKSTEP_HAS_MPI

TEST_CASE("lockstep-search alone is lockstep search", "[search][mpi]") {
  const Finished one = one_process(small());
  REQUIRE(one.code == 0);
  const Finished alone = start(program, small());
  CHECK(alone.code == 0);
  CHECK(alone.out == one.out);
  CHECK(alone.err == one.err);
  CHECK(start(program, {"--help"}).out == run_lockstep({"search", "--help"}).out);
  CHECK(start(program, {"--version"}).out == run_lockstep({"--version"}).out);
  const Finished wrong = start(program, {"--no-such"});
  CHECK(wrong.code == 2);
  CHECK(wrong.err == run_lockstep({"search", "--no-such"}).err);
}

TEST_CASE("lockstep-search prints the same on one, two and four ranks", "[search][mpi]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const auto check = [](const std::string& format, int number) {
    INFO(format << " on " << number);
    const std::vector<std::string> words = small({"--format", format});
    const Finished one = one_process(words);
    REQUIRE(one.code == 0);
    const Finished run = mpirun(number, program, words);
    CHECK(run.code == 0);
    CHECK(run.out == one.out);
    CHECK(run.err.empty());
  };
  check("text", 1);
  check("text", 2);
  check("text", 4);
  check("json", 2);
  check("csv", 4);
}

TEST_CASE("lockstep-search tells on stderr how many threads of all ranks worked", "[search][mpi]") {
  LOCKSTEP_NEEDS_MPIRUN();
  std::vector<std::string> words = small({"--threads", "2"});
  words.erase(std::find(words.begin(), words.end(), "--progress") + 1);  // "never"
  words.erase(std::find(words.begin(), words.end(), "--progress"));
  const Finished run = mpirun(2, program, words);
  CHECK(run.code == 0);
  CHECK(count(run.err, " with 4 threads: ") == 1);
}

TEST_CASE("lockstep-search where nothing fits ends like one process", "[search][mpi]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const std::vector<std::string> words = small({"--constraint", "peak_memory <= 1 MiB"});
  const Finished one = one_process(words);
  REQUIRE(one.code == 4);
  for (int attempt = 0; attempt < 3; ++attempt) {
    const Finished run = mpirun(2, program, words);
    CHECK(run.code == 4);
    if (run.out.empty() && attempt < 2) continue;  // dropped by mpirun
    CHECK(run.out == one.out);
    break;
  }
}

TEST_CASE("An error of every rank is said once", "[search][mpi]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const Finished missing = mpirun_saying("error[", ranks(2, {"/nonexistent.yaml"}));
  CHECK(missing.code == 3);
  CHECK(missing.out.empty());
  CHECK(count(missing.err, one_process({"/nonexistent.yaml"}).err) == 1);
  CHECK(count(missing.err, "error[") == 1);
  const Finished usage = mpirun_saying("lockstep: ", ranks(3, {scenario, "--top", "none"}));
  CHECK(usage.code == 2);
  CHECK(count(usage.err, one_process({scenario, "--top", "none"}).err) == 1);
}

TEST_CASE("A rank that reads other input ends the run", "[search][mpi]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const Finished other = mpirun_saying(
      "lockstep-search: ", unlike(small(), small({"--set", "training.global_batch=256"})));
  CHECK(other.code == 3);
  CHECK(other.out.empty());
  CHECK(count(other.err, "lockstep-search: rank 1 on ") == 1);
  CHECK(count(other.err, " reads another scenario, catalog or calibration than rank 0 on ") == 1);

  const Finished unread =
      mpirun_saying("lockstep-search: ", unlike(small(), {"/nonexistent.yaml"}));
  CHECK(unread.code == 3);
  CHECK(unread.out.empty());
  CHECK(count(unread.err, " cannot take part:\n") == 1);
  CHECK(count(unread.err, one_process({"/nonexistent.yaml"}).err) == 1);
}

TEST_CASE("A lost rank's share is done by the others where mpirun lets the run go on",
          "[search][mpi]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const Finished version = start(mpirun_program(), {"--version"});
  if (count(version.out + version.err, "(Open MPI) 4") == 0)
    LOCKSTEP_SKIP("this mpirun may end the others");
  const std::string own = std::filesystem::read_symlink("/proc/self/exe").string();
  const Finished run =
      start(mpirun_program(), {"--enable-recovery", "-np", "3", own, "[.one_rank_dies]"},
            mpirun_options());
  INFO(run.err);
  CHECK(run.code == 0);
  CHECK(run.out == one_process(small()).out);
  CHECK(count(run.err,
              "lockstep-search: rank 1 on here has said nothing for 3 s and counts as lost; "
              "its share is done again\n") == 1);
}

// A rank of the run above. Rank 1 dies after it has got its first share.
TEST_CASE("One of several ranks dies", "[.one_rank_dies]") {
  const std::unique_ptr<cli::MpiPost> post = cli::mpi_post();
  cli::Environment environment = cli::process_environment();
  environment.program = program;
  environment.stdout_is_terminal = false;
  cli::SpreadSetup setup;
  setup.hello.host = "here";
  setup.threads = 1;
  setup.patience = std::chrono::seconds(3);
  if (post->rank() == 1) {
    RankLetter hello{.kind = RankLetterKind::hello, .hello = setup.hello};
    hello.hello.inputs = cli::input_digest(small(), environment);
    post->send(0, to_bytes(hello));
    while (true) {
      const std::optional<Letter> letter = post->receive();
      if (letter && rank_letter(letter->bytes).kind == RankLetterKind::share) std::raise(SIGKILL);
    }
  }
  std::vector<std::string> words = small();
  words.insert(words.begin(), "search");
  const RunEnd end = cli::run_spread(*post, words, std::cout, std::cerr, environment, setup);
  post->finish(end.lost);
  std::cout.flush();
  std::_Exit(end.code);
}

#else

TEST_CASE("A build without MPI has no lockstep-search and says so", "[search][mpi]") {
  CHECK_FALSE(std::filesystem::exists(program));
  CHECK(run_lockstep({"--version"})
            .out.find("MPI    not found at build time: no lockstep-search\n") != std::string::npos);
}

#endif
