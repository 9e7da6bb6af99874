#include "validate/nccl/check_pattern.hpp"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <cstring>

namespace lockstep {
namespace {

constexpr std::int64_t exact_in_float = std::int64_t{1} << 24;
constexpr std::int64_t exact_in_half = std::int64_t{1} << 11;
constexpr std::int64_t exact_in_bf16 = std::int64_t{1} << 8;
constexpr std::int64_t most_of_one_rank = 15;
constexpr std::int64_t rank_step = 7;  // neighbours differ in most elements

std::int64_t exact_up_to(ElementType type) {
  switch (type) {
    case ElementType::bf16:
      return exact_in_bf16;
    case ElementType::half:
      return exact_in_half;
    case ElementType::float32:
      break;
  }
  return exact_in_float;
}

template <typename T>
void append(std::vector<std::byte>& out, const T& value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

void append_number(std::vector<std::byte>& out, ElementType type, std::int64_t number) {
  const auto value = static_cast<float>(number);
  switch (type) {
    case ElementType::float32:
      append(out, value);
      break;
    case ElementType::bf16:
      append(out, __float2bfloat16(value));
      break;
    case ElementType::half:
      append(out, __float2half(value));
      break;
  }
}

bool has_parts(Collective collective) {
  return collective == Collective::all_gather || collective == Collective::reduce_scatter ||
         collective == Collective::all_to_all;
}

}  // namespace

const char* to_string(ElementType type) {
  switch (type) {
    case ElementType::bf16:
      return "bfloat16";
    case ElementType::half:
      return "half";
    case ElementType::float32:
      break;
  }
  return "float";
}

std::int64_t bytes_of(ElementType type) {
  return type == ElementType::float32 ? 4 : 2;
}

CheckPattern::CheckPattern(ElementType type, std::int64_t ranks) : type_(type), ranks_(ranks) {
  const std::int64_t limit = exact_up_to(type);
  largest_ = std::clamp(limit / ranks, std::int64_t{1}, most_of_one_rank);
  every_ = (ranks + limit - 1) / limit;
}

std::int64_t CheckPattern::value(std::int64_t rank, std::int64_t index) const {
  const std::int64_t place = index % period;
  if ((rank + place) % every_ != 0) return 0;
  return (place / every_ + rank_step * (rank / every_)) % (largest_ + 1);
}

const std::vector<std::byte>& CheckPattern::two_periods(std::int64_t source) const {
  std::vector<std::byte>& table = tables_[source];
  if (!table.empty()) return table;
  for (std::int64_t i = 0; i < 2 * period; ++i) {
    std::int64_t number = 0;
    if (source != sum) number = value(source, i);
    for (std::int64_t rank = 0; source == sum && rank < ranks_; ++rank) number += value(rank, i);
    append_number(table, type_, number);
  }
  return table;
}

std::vector<std::byte> CheckPattern::bytes(std::int64_t source, std::int64_t phase,
                                           std::int64_t count) const {
  const std::vector<std::byte>& table = two_periods(source);
  const std::int64_t element = bytes_of(type_);
  std::vector<std::byte> out;
  out.reserve(static_cast<std::size_t>(count * element));
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t first = (phase + done) % period;
    const std::int64_t taken = std::min(count - done, period);
    out.insert(out.end(), table.begin() + first * element,
               table.begin() + (first + taken) * element);
    done += taken;
  }
  return out;
}

std::int64_t CheckPattern::count_wrong(std::span<const std::byte> got, std::int64_t source,
                                       std::int64_t phase) const {
  const std::vector<std::byte>& table = two_periods(source);
  const auto element = static_cast<std::size_t>(bytes_of(type_));
  const std::size_t count = got.size() / element;
  std::int64_t wrong = 0;
  for (std::size_t done = 0; done < count;) {
    const std::size_t first = (static_cast<std::size_t>(phase) + done) % period;
    const std::size_t taken = std::min<std::size_t>(count - done, period);
    const std::byte* expected = table.data() + first * element;
    const std::byte* here = got.data() + done * element;
    if (std::memcmp(here, expected, taken * element) != 0) {
      for (std::size_t i = 0; i < taken; ++i) {
        if (std::memcmp(here + i * element, expected + i * element, element) != 0) ++wrong;
      }
    }
    done += taken;
  }
  return wrong;
}

std::vector<PatternPart> sent_parts(const TimedCall& call, std::int64_t rank, std::int64_t ranks,
                                    std::int64_t /*element_bytes*/) {
  if (call.collective == Collective::broadcast && rank != 0) return {};
  if (call.collective == Collective::all_gather) return {{0, call.size_bytes / ranks, rank, 0}};
  return {{0, call.size_bytes, rank, 0}};
}

std::vector<PatternPart> expected_parts(const TimedCall& call, std::int64_t rank,
                                        std::int64_t ranks, std::int64_t element_bytes) {
  const std::int64_t part = has_parts(call.collective) ? call.size_bytes / ranks : call.size_bytes;
  const std::int64_t count = part / element_bytes;
  std::vector<PatternPart> out;
  switch (call.collective) {
    case Collective::all_reduce:
      return {{0, part, CheckPattern::sum, 0}};
    case Collective::reduce:
      if (rank == 0) out.push_back({0, part, CheckPattern::sum, 0});
      return out;
    case Collective::broadcast:
      return {{0, part, 0, 0}};
    case Collective::send_recv:
      return {{0, part, (rank + ranks - 1) % ranks, 0}};
    case Collective::reduce_scatter:
      return {{0, part, CheckPattern::sum, rank * count}};
    case Collective::all_gather:
    case Collective::all_to_all:
      break;
  }
  const std::int64_t phase = call.collective == Collective::all_to_all ? rank * count : 0;
  for (std::int64_t source = 0; source < ranks; ++source)
    out.push_back({source * part, part, source, phase});
  return out;
}

}  // namespace lockstep
