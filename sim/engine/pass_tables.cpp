#include <algorithm>
#include <optional>
#include <utility>

#include "sim/engine/pass_table.hpp"

namespace lockstep {

std::shared_ptr<const PassTable> PassTables::kept(const PassTableShape& shape) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = entries_.find(shape);
  if (found == entries_.end()) return nullptr;
  found->second.used = ++uses_;
  return found->second.table;
}

std::shared_ptr<const PassTable> PassTables::get(const PassTableShape& shape) {
  // Rounds show from about one to two micro-batches per stage on, which none of the schedules
  // makes much of: so many halves of `stages` are tried.
  constexpr std::int64_t first_half = 2;
  constexpr std::int64_t last_half = 8;
  const std::int64_t kinds = shape.schedule->splits_backward ? 3 : 2;
  const std::int64_t tasks_each = kinds * shape.stages * shape.interleave;
  const std::int64_t round = round_of(shape);
  for (std::int64_t half = first_half; half <= last_half && has_rounds(shape); ++half) {
    PassTableShape fewer = shape;
    const std::int64_t least = std::max<std::int64_t>(2, half * shape.stages / 2);
    // The least number of micro-batches that is that many or more, and whole rounds fewer.
    fewer.micro_batches -= (shape.micro_batches - least) / round * round;
    if (shape.micro_batches <= least) break;
    if (tasks_each * (fewer.micro_batches + round) > most_tasks) break;
    std::shared_ptr<const PassTable> table = add(fewer);
    if (table && table->round_micro_batches > 0) return table;
  }
  if (tasks_each * (shape.micro_batches + round) > most_tasks) return nullptr;
  return add(shape);
}

// Two threads may make the same table at once; the first one's is kept.
std::shared_ptr<const PassTable> PassTables::add(const PassTableShape& shape) {
  if (std::shared_ptr<const PassTable> table = kept(shape)) return table;
  std::optional<PassTable> made = pass_table(shape);
  if (!made) return nullptr;
  auto table = std::make_shared<const PassTable>(std::move(*made));
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto [entry, is_new] = entries_.try_emplace(shape, Entry{table, ++uses_});
  if (is_new) bytes_ += table->bytes();
  table = entry->second.table;
  make_room();
  return table;
}

void PassTables::make_room() {
  while (bytes_ > most_bytes_ && entries_.size() > 1) {
    const auto oldest = std::min_element(
        entries_.begin(), entries_.end(),
        [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
    bytes_ -= oldest->second.table->bytes();
    entries_.erase(oldest);
  }
}

std::size_t PassTables::bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return bytes_;
}

}  // namespace lockstep
