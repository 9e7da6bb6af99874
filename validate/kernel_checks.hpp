// Whether times of kernels and copies can be: what no sound measurement shows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lockstep {

struct CheckedTime {
  std::string shape;
  std::int64_t device = 0;
  double seconds = 0;
  double work = 0;                      // FLOPs or bytes
  double stated_rate = 0;               // work per second as the file says; 0: it does not
  std::optional<double> second_path_s;  // the same timed in another way
  bool cached = false;                  // may be faster than the limit: a cache holds it
  std::vector<double> sides;  // M, N, K of a product, or the bytes; larger: none of them is smaller
};

// What no rate can be above.
struct Limit {
  double rate = 0;  // 0: not known
  std::string name;
};

inline constexpr double most_above_limit = 1.05;
inline constexpr double most_slower = 1.15;  // than the fastest sibling
inline constexpr double most_between_paths = 0.05;
inline constexpr double most_disagreeing = 0.2;  // of the points

// The two ways of timing differ by more than 5 %.
bool disagrees(const CheckedTime& time);

// Why the part is refused: no time above 0, a rate that contradicts the time, a rate above the
// limit, two ways of timing that disagree on more than a fifth of the points, a GPU that is far
// slower than its siblings at the same work, a larger size that is far faster. "" where it is
// sound.
std::string refusal_of(const std::vector<CheckedTime>& times, const std::string& unit,
                       const Limit& limit);

}  // namespace lockstep
