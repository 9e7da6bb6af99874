// Small integers that show whether a collective gave every element to the right place.
#pragma once

#include <cstdint>
#include <vector>

#include "topology/collectives/collective_model.hpp"

namespace lockstep {

// Element i of rank r's input is i mod 31 + r mod 13: where an element or a rank's part goes astray
// other numbers arrive, since parts of buffers are seldom multiples of 31. Sums of such small
// integers are exact in a float for up to 390,000 ranks.
struct CheckValues {
  Collective collective = Collective::all_reduce;
  std::int64_t ranks = 1;
  std::int64_t rank = 0;
  std::int64_t root = 0;

  // A value that is no result.
  void poison(std::vector<float>& buffer) const;
  // The rank's input. With `in_output` the buffer has the size of the output and the input lies
  // where the collective looks for it in place; what is no input stays as it is.
  void input(std::vector<float>& buffer, bool in_output) const;
  // Elements of the rank's output that are wrong; `buffer` has the size of the whole call.
  [[nodiscard]] std::int64_t wrong(const std::vector<float>& buffer) const;
};

}  // namespace lockstep
