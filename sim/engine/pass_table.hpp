// The passes of all stages of a pipeline in one list that one sweep can place, kept from one step
// to the next: what of a schedule does not depend on how long anything takes.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "strategies/pipeline/schedule.hpp"

namespace lockstep {

// A pass of one micro-batch through one model chunk. Where results wait for the pass that needs
// them, each in a slot, is settled beforehand too.
struct PassTask {
  std::uint16_t stage = 0;
  std::uint16_t op = 0;     // (stage * interleave + chunk) * kinds + kind
  std::uint16_t waits = 0;  // slot of the result that it needs
  std::uint16_t gives = 0;  // slot of its own result

  bool operator==(const PassTask&) const = default;
};

// Passes after all that they wait for. Of many micro-batches only as many as show how the list
// begins, goes round and ends are written down; the rounds in between are all the same.
struct PassTable {
  static constexpr std::uint16_t at_once = 0;  // this slot's result is there from the start
  static constexpr std::uint16_t nobody = 1;   // no pass waits for what is put here

  // Streams that send the result of an op, by stage: 3 * stage + one of these.
  enum Sender : std::uint8_t { forward, backward, none };

  std::int64_t micro_batches = 0;        // of the list without rounds
  std::int64_t round_micro_batches = 0;  // that each round adds; 0: the list has none
  std::size_t kinds = 2;                 // of passes: 3 where backward is split
  std::size_t slots = 2;
  std::vector<std::uint8_t> sender;  // of each op
  std::vector<PassTask> opening;     // with the first pass of every chunk, if there are rounds
  std::vector<PassTask> round;
  std::vector<PassTask> closing;     // with the last pass of every chunk, if there are rounds
  std::vector<std::uint32_t> first;  // index into opening of each chunk's first pass, ascending
  std::vector<std::uint32_t> last;   // index into closing (opening without rounds) of each
                                     // chunk's last pass, ascending
  std::vector<std::uint16_t> held;   // slots of results that wait while a round ends

  // How often a stage does an op where it has nothing else to choose from.
  struct Counts {
    std::int32_t lead = 0;   // before its first backward pass
    std::int32_t trail = 0;  // after its last forward pass
    std::int32_t after = 0;  // after its last backward pass

    bool operator==(const Counts&) const = default;
  };
  // Of each op; empty where some stage's first backward pass or its last forward pass is not of its
  // chunk that lies last in the model, or its last backward pass and its last pass of all are not
  // of its chunk 0.
  std::vector<Counts> counts;

  [[nodiscard]] std::size_t bytes() const;
};

// Which list.
struct PassTableShape {
  const Schedule* schedule = nullptr;
  std::int64_t stages = 1;
  std::int64_t interleave = 1;
  std::int64_t micro_batches = 1;

  auto operator<=>(const PassTableShape&) const = default;
};

// Micro-batches after which every stage's order repeats itself: a group where chunks take turns,
// else one, but two leave room for what waits.
std::int64_t round_of(const PassTableShape& shape);

// Whether its order can repeat itself: not where groups are of different size.
bool has_rounds(const PassTableShape& shape);

// The list for so many micro-batches, with rounds where the list for one round more is the same
// with a piece put in. Nothing where there are more chunks than a task can count. Throws
// std::logic_error if the stages wait for each other.
std::optional<PassTable> pass_table(const PassTableShape& shape);

// Tables in use and those used last, up to a limit of bytes. Safe to use from several threads.
class PassTables {
 public:
  // Longer lists are not worth keeping.
  static constexpr std::int64_t most_tasks = 400'000;

  explicit PassTables(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  // A table of fewer micro-batches and rounds that make up for the rest, else one of all of them;
  // null where that would be longer than most_tasks. Throws as pass_table does.
  std::shared_ptr<const PassTable> get(const PassTableShape& shape);

  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Entry {
    std::shared_ptr<const PassTable> table;
    std::uint64_t used = 0;
  };

  std::shared_ptr<const PassTable> kept(const PassTableShape& shape);
  std::shared_ptr<const PassTable> add(const PassTableShape& shape);
  void make_room();

  std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::uint64_t uses_ = 0;
  std::map<PassTableShape, Entry> entries_;
  mutable std::mutex mutex_;
};

}  // namespace lockstep
