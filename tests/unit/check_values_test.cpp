// Values that show where a collective put what.
#include "tests/catch.hpp"

#include "validate/measure/check_values.hpp"

using namespace lockstep;

namespace {

constexpr std::int64_t ranks = 3;
using Buffers = std::vector<std::vector<float>>;  // of each rank
constexpr std::size_t elements = 99;              // 33 for each rank, more than a cycle of 31

CheckValues values(Collective collective, std::size_t rank) {
  return {collective, ranks, static_cast<std::int64_t>(rank), 0};
}

Buffers inputs(Collective collective) {
  Buffers all(ranks, std::vector<float>(elements));
  for (std::size_t rank = 0; rank < ranks; ++rank) values(collective, rank).input(all[rank], false);
  return all;
}

Buffers poisoned(Collective collective) {
  Buffers all(ranks, std::vector<float>(elements, 7.0F));
  for (std::size_t rank = 0; rank < ranks; ++rank) values(collective, rank).poison(all[rank]);
  return all;
}

// What each collective does, written out as the standard of MPI has it.
Buffers performed(Collective collective) {
  const Buffers in = inputs(collective);
  Buffers out = poisoned(collective);
  const std::size_t part = elements / ranks;
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    for (std::size_t i = 0; i < elements; ++i) {
      const float sum = in[0][i] + in[1][i] + in[2][i];
      float& to = out[rank][i];
      switch (collective) {
        case Collective::all_reduce: to = sum; break;
        case Collective::reduce: if (rank == 0) to = sum; break;
        case Collective::broadcast: to = in[0][i]; break;
        case Collective::all_gather: to = in[i / part][i % part]; break;
        case Collective::reduce_scatter:
          if (i / part == rank) out[rank][i % part] = sum;
          break;
        case Collective::all_to_all: to = in[i / part][rank * part + i % part]; break;
        case Collective::send_recv: to = in[(rank + ranks - 1) % ranks][i]; break;
      }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("A right result has no wrong element, an untouched one has no right one", "[measure]") {
  for (const Collective collective : all_collectives) {
    INFO(to_string(collective));
    const Buffers right = performed(collective);
    const Buffers nothing = poisoned(collective);
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      CHECK(values(collective, rank).wrong(right[rank]) == 0);
      std::int64_t all = elements;
      if (collective == Collective::reduce_scatter) all = elements / ranks;
      if (collective == Collective::reduce && rank != 0) all = 0;
      CHECK(values(collective, rank).wrong(nothing[rank]) == all);
    }
  }
}

TEST_CASE("Elements and ranks that are mixed up show", "[measure]") {
  // Every input is another rank's, or one element further on.
  for (const Collective collective : {Collective::all_reduce, Collective::all_gather, Collective::broadcast,
                                      Collective::all_to_all, Collective::send_recv}) {
    INFO(to_string(collective));
    Buffers right = performed(collective);
    std::rotate(right[1].begin(), right[1].begin() + 1, right[1].end());
    CHECK(values(collective, 1).wrong(right[1]) > 90);
  }
  const Buffers gathered = performed(Collective::send_recv);
  CHECK(values(Collective::send_recv, 0).wrong(gathered[1]) == elements);
  // 0/0 is no right number either
  Buffers broken = performed(Collective::all_reduce);
  broken[0][5] = std::numeric_limits<float>::quiet_NaN();
  CHECK(values(Collective::all_reduce, 0).wrong(broken[0]) == 1);
}

TEST_CASE("In place the input lies where the collective looks for it", "[measure]") {
  // all_gather: rank 1's part of the output; reduce_scatter: the whole buffer
  std::vector<float> gather(elements);
  values(Collective::all_gather, 1).poison(gather);
  values(Collective::all_gather, 1).input(gather, true);
  CHECK(gather[32] == -1.0F);
  CHECK(gather[33] == 1.0F);  // element 0 of rank 1: 0 + 1
  CHECK(gather[65] == 2.0F);  // element 32: 32 mod 31 + 1
  CHECK(gather[66] == -1.0F);
  // broadcast: only the root has one
  std::vector<float> leaf(elements, 5.0F);
  values(Collective::broadcast, 2).input(leaf, true);
  CHECK(leaf[0] == 5.0F);
}
