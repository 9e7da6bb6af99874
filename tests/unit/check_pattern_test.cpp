#include "tests/catch.hpp"

#if LOCKSTEP_HAS_NCCL

#include <cstring>
#include <vector>

#include "validate/nccl/check_pattern.hpp"

namespace {

using namespace lockstep;

std::vector<float> floats(const std::vector<std::byte>& bytes) {
  std::vector<float> out(bytes.size() / sizeof(float));
  std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

constexpr auto sum = CheckPattern::sum;

}  // namespace

TEST_CASE("check pattern: the sum is what the ranks' values add up to, and repeats after a prime",
          "[unit]") {
  const CheckPattern pattern(ElementType::float32, 5);
  const auto total = floats(pattern.bytes(sum, 0, CheckPattern::period + 3));
  for (std::size_t i = 0; i < 100; ++i) {
    float added = 0;
    for (std::int64_t rank = 0; rank < 5; ++rank)
      added += static_cast<float>(pattern.value(rank, static_cast<std::int64_t>(i)));
    CHECK(total[i] == added);
  }
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(total[static_cast<std::size_t>(CheckPattern::period) + i] == total[i]);
}

TEST_CASE("check pattern: sums stay exact in every type, whatever the number of ranks", "[unit]") {
  const std::vector<std::pair<ElementType, std::int64_t>> limits{
      {ElementType::bf16, 256}, {ElementType::half, 2048}, {ElementType::float32, 1 << 24}};
  for (const auto& [type, limit] : limits) {
    for (const std::int64_t ranks : {1, 2, 8, 300, 5000}) {
      const CheckPattern pattern(type, ranks);
      std::int64_t most = 0;
      for (std::int64_t index = 0; index < 40; ++index) {
        std::int64_t total = 0;
        for (std::int64_t rank = 0; rank < ranks; ++rank) total += pattern.value(rank, index);
        most = std::max(most, total);
      }
      INFO(ranks << " ranks, limit " << limit);
      CHECK(most > 0);
      CHECK(most <= limit);
    }
  }
}

TEST_CASE("check pattern: one wrong element is one, a part at the wrong place is most of it",
          "[unit]") {
  for (const ElementType type : {ElementType::float32, ElementType::bf16, ElementType::half}) {
    const CheckPattern pattern(type, 4);
    const std::int64_t count = 3 * CheckPattern::period + 5;
    std::vector<std::byte> bytes = pattern.bytes(2, 17, count);
    CHECK(pattern.count_wrong(bytes, 2, 17) == 0);
    CHECK(pattern.count_wrong(bytes, 1, 17) > count / 2);
    CHECK(pattern.count_wrong(bytes, 2, 17 + 4096) > count / 2);
    bytes[bytes.size() / 2] ^= std::byte{1};
    CHECK(pattern.count_wrong(bytes, 2, 17) == 1);
  }
}

TEST_CASE("check pattern: parts of each collective", "[unit]") {
  // 2 ranks, 64 bytes of float: 16 elements, parts of 32 bytes and 8 elements; this is rank 1.
  const auto expected = [](Collective collective) {
    return expected_parts({collective, 64, false}, 1, 2, 4);
  };
  const auto all_gather = expected(Collective::all_gather);
  REQUIRE(all_gather.size() == 2);
  CHECK(all_gather[1].offset == 32);
  CHECK(all_gather[1].source == 1);
  CHECK(all_gather[1].phase == 0);
  const auto scattered = expected(Collective::reduce_scatter);
  REQUIRE(scattered.size() == 1);
  CHECK(scattered[0].bytes == 32);
  CHECK(scattered[0].source == sum);
  CHECK(scattered[0].phase == 8);
  const auto to_all = expected(Collective::all_to_all);
  REQUIRE(to_all.size() == 2);
  CHECK(to_all[0].source == 0);
  CHECK(to_all[0].phase == 8);  // rank 0's second part
  CHECK(to_all[1].offset == 32);
  CHECK(expected(Collective::send_recv)[0].source == 0);
  CHECK(expected(Collective::broadcast)[0].source == 0);
  CHECK(expected(Collective::reduce).empty());  // only rank 0 has a result
  CHECK(expected(Collective::all_reduce)[0].source == sum);
  CHECK(sent_parts({Collective::broadcast, 64, false}, 1, 2, 4).empty());
  CHECK(sent_parts({Collective::all_gather, 64, false}, 1, 2, 4)[0].bytes == 32);
  CHECK(sent_parts({Collective::all_to_all, 64, false}, 1, 2, 4)[0].bytes == 64);
}

#endif
