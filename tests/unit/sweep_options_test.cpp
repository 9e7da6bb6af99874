// Options of the commands that measure collectives.
#include "tests/catch.hpp"

#include "validate/measure/options.hpp"
#include "validate/measure/sweep_options.hpp"

using namespace lockstep;
using namespace lockstep::validation;

namespace {

constexpr std::int64_t most = std::int64_t{4} << 30;

Arguments arguments(const std::vector<std::string>& words) {
  return parse_arguments(words, with_measuring_options(sweep_options("4M")));
}

std::string refusal(const std::vector<std::string>& words) {
  try {
    const Arguments read = arguments(words);
    static_cast<void>(sweep_of(read, "4M", most));
    static_cast<void>(collectives_of(read));
    static_cast<void>(groups_of(read, 4, 4));
  } catch (const UsageError& error) {
    return std::string(error.what()) + " | " + error.hint();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("A sweep's options have nccl-tests' defaults and units", "[measure]") {
  const SweepOptions defaults = sweep_of(arguments({}), "4M", most);
  CHECK(defaults.smallest_bytes == 8);
  CHECK(defaults.largest_bytes == 4'194'304);
  CHECK(defaults.factor == 2.0);
  CHECK(defaults.interval == 0.02);
  CHECK(defaults.most_seconds == 2.0);
  const SweepOptions given =
      sweep_of(arguments({"--smallest", "64k", "--largest=1G", "--factor", "1.5", "--interval", "5%", "--seconds", "0.5"}),
               "4M", most);
  CHECK(given.smallest_bytes == 65'536);
  CHECK(given.largest_bytes == 1'073'741'824);
  CHECK(given.factor == 1.5);
  CHECK(given.interval == Approx(0.05));
  CHECK(given.most_seconds == 0.5);
}

TEST_CASE("Collectives are all, or named in either tool's words", "[measure]") {
  CHECK(collectives_of(arguments({})).size() == all_collectives.size());
  CHECK(collectives_of(arguments({"-c", "all"})).size() == all_collectives.size());
  CHECK(collectives_of(arguments({"-c", "all_gather,alltoall,sendrecv,all_to_all"})) ==
        std::vector<Collective>{Collective::all_gather, Collective::all_to_all, Collective::send_recv});
}

TEST_CASE("Groups come in the order of their rules", "[measure]") {
  CHECK(groups_of(arguments({}), 4, 4).at(0).name == "world");
  const std::vector<RankGroups> groups = groups_of(arguments({"--groups", "world,blocks:2,blocks:2+"}), 4, 4);
  REQUIRE(groups.size() == 3);
  CHECK(groups[1].name == "blocks of 2");
  CHECK_FALSE(groups[1].at_once);
  CHECK(groups[2].at_once);
}

TEST_CASE("Options of a sweep that cannot be are refused", "[measure]") {
  CHECK(refusal({"--largest", "1X"}) == "--largest is '1X' | bytes, or a number with K, M, G or T: 8, 64K, 16G");
  CHECK(refusal({"--smallest", "0"}) == "--smallest is '0' | bytes, or a number with K, M, G or T: 8, 64K, 16G");
  CHECK(refusal({"--largest", "G"}) == "--largest is 'G' | bytes, or a number with K, M, G or T: 8, 64K, 16G");
  CHECK(refusal({"--largest", "99999999999999T"}) ==
        "--largest is '99999999999999T' | bytes, or a number with K, M, G or T: 8, 64K, 16G");
  CHECK(refusal({"--largest", "8G"}) == "--largest is 8G | 4G at most");
  CHECK(refusal({"--smallest", "2M", "--largest", "1M"}) == "--smallest 2M is larger than --largest 1M | ");
  CHECK(refusal({"--factor", "1"}) == "--factor is '1' | a number above 1.05, at most 1024");
  CHECK(refusal({"--factor", "nan"}) == "--factor is 'nan' | a number above 1.05, at most 1024");
  CHECK(refusal({"--interval", "0"}) == "--interval is '0' | a number above 0, at most 1");
  CHECK(refusal({"--interval", "x%"}) == "--interval is 'x%' | a number above 0, at most 1");
  CHECK(refusal({"--seconds", "-1"}) == "--seconds is '-1' | a number above 0, at most 3600");
  CHECK(refusal({"-c", "all_reduces"}) == "there is no collective 'all_reduces' | did you mean all_reduce?");
  CHECK(refusal({"-c", "x,"}) ==
        "there is no collective 'x' | all, or some of all_reduce,all_gather,reduce_scatter,broadcast,reduce,"
        "all_to_all,send_recv");
  CHECK(refusal({"--groups", "world,"}) ==
        "--groups is '' | world, blocks:N, every:N or rails; with + at the end all groups at once: blocks:4+");
}

TEST_CASE("A measurement names its day and host", "[measure]") {
  const MachineFacts facts = machine_facts("lockstep-validate mpi");
  CHECK(facts.date.size() == 10);
  CHECK(facts.date == today());
  CHECK(facts.hosts.size() == 1);
  CHECK(facts.command == "lockstep-validate mpi");
}
