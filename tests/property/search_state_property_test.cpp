// A search's state as bytes: back as it was, and nothing else taken for one.
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>

#include "sim/search/search.hpp"
#include "tests/catch.hpp"

using namespace lockstep;

namespace {

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

bool same(const Candidate& a, const Candidate& b) {
  return a.number == b.number && a.nodes == b.nodes &&
         same_bits(a.costs.step_time_s, b.costs.step_time_s) &&
         same_bits(a.costs.peak_memory_bytes, b.costs.peak_memory_bytes) &&
         same_bits(a.costs.peak_allocated_bytes, b.costs.peak_allocated_bytes) &&
         same_bits(a.costs.host_bytes, b.costs.host_bytes) &&
         same_bits(a.objective, b.objective);
}

bool same(const std::vector<Candidate>& a, const std::vector<Candidate>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Candidate& x, const Candidate& y) { return same(x, y); });
}

void check_same(const SearchState& a, const SearchState& b) {
  CHECK(a.counts.enumerated == b.counts.enumerated);
  CHECK(a.counts.illegal == b.counts.illegal);
  CHECK(a.counts.infeasible == b.counts.infeasible);
  CHECK(a.counts.legal == b.counts.legal);
  CHECK(a.counts.feasible == b.counts.feasible);
  CHECK(a.counts.too_slow == b.counts.too_slow);
  CHECK(a.effort.timed == b.effort.timed);
  CHECK(a.effort.pruned == b.effort.pruned);
  CHECK(a.effort.threads == b.effort.threads);
  CHECK(same(a.best, b.best));
  CHECK(same(a.memory_front, b.memory_front));
  CHECK(same(a.gpu_front, b.gpu_front));
  REQUIRE(a.relaxed.size() == b.relaxed.size());
  for (std::size_t i = 0; i < a.relaxed.size(); ++i) {
    CHECK(a.relaxed[i].limit == b.relaxed[i].limit);
    CHECK(same(a.relaxed[i].best, b.relaxed[i].best));
  }
}

using Random = std::mt19937_64;

// Any bits at all: infinities, what is no number, negative zero.
double any_double(Random& random) {
  switch (random() % 6) {
    case 0:
      return std::numeric_limits<double>::infinity();
    case 1:
      return -0.0;
    case 2:
      return std::bit_cast<double>(random() | 0x7ff0'0000'0000'0001ULL);  // no number
    default:
      return std::bit_cast<double>(random());
  }
}

std::vector<Candidate> any_candidates(Random& random) {
  std::vector<Candidate> candidates(random() % 4);
  for (Candidate& candidate : candidates) {
    candidate.number = random();
    candidate.nodes = static_cast<std::int64_t>(random());
    candidate.costs = {any_double(random), any_double(random), any_double(random),
                       any_double(random)};
    candidate.objective = any_double(random);
  }
  return candidates;
}

std::map<std::string, std::uint64_t> any_reasons(Random& random) {
  std::map<std::string, std::uint64_t> reasons;
  for (std::uint64_t i = random() % 4; i > 0; --i)
    reasons["peak_memory ≤ " + std::to_string(random() % 100) + " GiB"] = random();
  return reasons;
}

SearchState any_state(Random& random) {
  SearchState state;
  state.counts = {random(), any_reasons(random), any_reasons(random), random(), random(), random()};
  state.effort = {random(), random(), static_cast<int>(random() % 1000)};
  state.best = any_candidates(random);
  state.memory_front = any_candidates(random);
  state.gpu_front = any_candidates(random);
  for (const Candidate& candidate : any_candidates(random))
    state.relaxed.push_back({random(), candidate});
  return state;
}

std::string refusal(const std::string& bytes) {
  try {
    (void)SearchState::from_bytes(bytes);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "taken";
}

constexpr int trials = 200;

}  // namespace

TEST_CASE("A state of a search comes back from its bytes bit for bit", "[search][state]") {
  Random random(1);
  check_same(SearchState::from_bytes(SearchState{}.to_bytes()), SearchState{});
  for (int trial = 0; trial < trials; ++trial) {
    const SearchState state = any_state(random);
    const std::string bytes = state.to_bytes();
    const SearchState again = SearchState::from_bytes(bytes);
    check_same(again, state);
    CHECK(again.to_bytes() == bytes);
  }
}

TEST_CASE("Bytes of a state that end early or late are refused", "[search][state]") {
  Random random(2);
  for (int trial = 0; trial < trials / 10; ++trial) {
    const std::string bytes = any_state(random).to_bytes();
    for (std::size_t length = 0; length < bytes.size(); ++length)
      REQUIRE(refusal(bytes.substr(0, length)) ==
              "the bytes are no state of a search: they are damaged");
    CHECK(refusal(bytes + '\0') == "the bytes are no state of a search: they are damaged");
  }
}

// What is read back may be another state, but nothing else than a runtime_error ends the reading.
TEST_CASE("A state with any byte changed is read or refused", "[search][state]") {
  Random random(3);
  for (int trial = 0; trial < trials / 20; ++trial) {
    std::string bytes = any_state(random).to_bytes();
    for (char& byte : bytes) {
      const char kept = byte;
      byte = static_cast<char>(random() & 0xff);
      CHECK_FALSE(refusal(bytes).empty());
      byte = kept;
    }
  }
}

TEST_CASE("Foreign bytes are no state of a search", "[search][state]") {
  const std::string start = "the bytes are no state of a search: ";
  CHECK(refusal("") == start + "they are damaged");
  CHECK(refusal("{}") == start + "they are damaged");
  CHECK(refusal("\x80") == start + "they begin otherwise");           // an empty list
  CHECK(refusal("\x82\x61x\x01") == start + "they begin otherwise");  // ["x", 1]
  std::string newer = SearchState{}.to_bytes();
  const std::size_t number = newer.find("state") + 5;  // the version follows the kind
  REQUIRE(newer[number] == 3);
  newer[number] = 4;
  CHECK(refusal(newer) == start + "they are of another version of lockstep");
}
