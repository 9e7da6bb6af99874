// What chunks of a stage hold at worst.
#include "strategies/memory/held.hpp"

#include "tests/catch.hpp"

using namespace lockstep;
using namespace lockstep::memory;

namespace {

using Vectors = std::vector<std::vector<double>>;

Vectors sorted(const MaximalVectors& all) {
  Vectors vectors;
  for (std::size_t i = 0; i < all.size(); ++i) vectors.emplace_back(all[i].begin(), all[i].end());
  std::sort(vectors.begin(), vectors.end());
  return vectors;
}

Vectors most(const char* schedule, PipelinePosition at) {
  return sorted(most_held(*find_schedule(schedule), at));
}

}  // namespace

TEST_CASE("maximal vectors: what another one exceeds everywhere goes") {
  MaximalVectors vectors(2);
  CHECK(vectors.largest_product(std::vector<double>{1, 1}) == 0);
  for (const std::vector<double>& one : Vectors{{1, 1}, {0, 3}, {1, 1}, {2, 1}, {2, 0}}) {
    vectors.insert(one);
  }
  CHECK(sorted(vectors) == Vectors{{0, 3}, {2, 1}});  // (2, 1) exceeds (1, 1) and (2, 0)
  CHECK(vectors.largest_product(std::vector<double>{1, 1}) == 3);    // 0 + 3 and 2 + 1
  CHECK(vectors.largest_product(std::vector<double>{10, 1}) == 21);  // 2 x 10 + 1
  vectors.insert(std::vector<double>{3, 3});
  CHECK(sorted(vectors) == Vectors{{3, 3}});
}

TEST_CASE("held at worst: 1F1B's stage i of p holds p - i, GPipe's all") {
  CHECK(most("1f1b", {0, 4, 1, 16}) == Vectors{{4}});
  CHECK(most("1f1b", {3, 4, 1, 16}) == Vectors{{1}});
  CHECK(most("1f1b", {0, 4, 1, 2}) == Vectors{{2}});
  CHECK(most("gpipe", {2, 4, 1, 8}) == Vectors{{8}});
}

// Two stages of two chunks, four micro-batches in groups of two. Stage 0 warms up with
// 2 (2 - 0 - 1) + (2 - 1) 2 = 4 forward passes, the first group through both chunks. The next one
// takes the third micro-batch through chunk 0: (3, 2). Then chunk 1 gives one back and chunk 0
// takes one: (4, 1); chunk 1 for chunk 1: (4, 1); chunk 0 for chunk 1: (3, 2). No forward pass is
// left.
TEST_CASE("held at worst: chunks of an interleaved stage take turns") {
  CHECK(most("1f1b", {0, 2, 2, 4}) == Vectors{{3, 2}, {4, 1}});
}

// Stage 0 of two in ZB-V: three forward passes of chunk 0, then F1 B1 W1 twice: (3, 1) each time.
// With a fourth micro-batch F0 makes it (4, 0) before W0 gives one back.
TEST_CASE("held at worst: ZB-V holds a micro-batch until its weight gradient") {
  CHECK(most("zb-v", {0, 2, 2, 3}) == Vectors{{3, 1}});
  CHECK(most("zb-v", {0, 2, 2, 8}) == Vectors{{3, 1}, {4, 0}});
}
