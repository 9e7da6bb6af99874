#include "validate/measure/collective_backend.hpp"

#include <algorithm>

namespace lockstep {
namespace {

// nccl-tests keeps each rank's part on a boundary that the widest load can take.
constexpr std::int64_t part_alignment = 16;

// Buffers with one part for each rank.
bool has_parts(Collective collective) {
  return collective == Collective::all_gather || collective == Collective::reduce_scatter ||
         collective == Collective::all_to_all;
}

}  // namespace

std::int64_t call_size(Collective collective, std::int64_t wanted_bytes, std::int64_t ranks,
                       std::int64_t element_bytes) {
  const std::int64_t multiple =
      has_parts(collective) ? ranks * std::max(part_alignment, element_bytes) : element_bytes;
  return wanted_bytes - wanted_bytes % multiple;
}

std::int64_t call_count(Collective collective, std::int64_t size_bytes, std::int64_t ranks,
                        std::int64_t element_bytes) {
  return size_bytes / element_bytes / (has_parts(collective) ? ranks : 1);
}

}  // namespace lockstep
