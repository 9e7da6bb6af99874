// What is sent so that wrong results show: small whole numbers whose sums are exact in the type,
// whatever the order they are added in, and that repeat only after a prime number of elements, so
// that a part at the wrong place shows too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "topology/collectives/collective_model.hpp"
#include "validate/measure/collective_backend.hpp"

namespace lockstep {

enum class ElementType { float32, bf16, half };

// "float", "bfloat16", "half", as nccl-tests prints them.
const char* to_string(ElementType type);
std::int64_t bytes_of(ElementType type);

// A stretch of a buffer that holds a pattern, from its element `phase` on.
struct PatternPart {
  std::int64_t offset = 0;  // bytes
  std::int64_t bytes = 0;
  std::int64_t source = 0;  // a rank, or CheckPattern::sum
  std::int64_t phase = 0;   // elements
};

class CheckPattern {
 public:
  static constexpr std::int64_t period = 4093;  // elements, a prime
  static constexpr std::int64_t sum = -1;

  CheckPattern(ElementType type, std::int64_t ranks);

  // The number that `rank` sends as its element `index`; a sum over all ranks stays within what the
  // type holds exactly: 2^24 in float, 2^11 in half, 2^8 in bfloat16.
  [[nodiscard]] std::int64_t value(std::int64_t rank, std::int64_t index) const;
  // The bytes of elements [phase, phase + count) of what a rank sends, or of the sum.
  [[nodiscard]] std::vector<std::byte> bytes(std::int64_t source, std::int64_t phase,
                                             std::int64_t count) const;
  // Elements that are not those of the pattern from `phase` on.
  [[nodiscard]] std::int64_t count_wrong(std::span<const std::byte> got, std::int64_t source,
                                         std::int64_t phase) const;

 private:
  const std::vector<std::byte>& two_periods(std::int64_t source) const;

  ElementType type_;
  std::int64_t ranks_;
  std::int64_t largest_ = 1;  // value of one rank
  std::int64_t every_ = 1;    // ranks that send other than 0 are this far apart
  mutable std::map<std::int64_t, std::vector<std::byte>> tables_;
};

// What `rank` of `ranks` has in its send buffer before the call (offsets from its begin) and in its
// receive buffer after it. Broadcasts and reduces have root 0; send_recv sends to the next rank.
std::vector<PatternPart> sent_parts(const TimedCall& call, std::int64_t rank, std::int64_t ranks,
                                    std::int64_t element_bytes);
std::vector<PatternPart> expected_parts(const TimedCall& call, std::int64_t rank,
                                        std::int64_t ranks, std::int64_t element_bytes);

}  // namespace lockstep
