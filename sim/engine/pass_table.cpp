#include "sim/engine/pass_table.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "sim/engine/pass_waves.hpp"
#include "sim/engine/step_run.hpp"

namespace lockstep {

namespace {

using namespace pass_waves;

// Most results that wait in one queue at once.
std::int64_t most_waiting(const PassTableShape& shape, const std::vector<WavePass>& passes) {
  std::vector<std::int64_t> waiting(static_cast<std::size_t>(2 * shape.stages * shape.interleave));
  std::int64_t most = 1;
  for (const WavePass& pass : passes) {
    const Queues queues = queues_of(shape, pass.stage, pass.pass);
    if (queues.waits) --waiting[*queues.waits];
    if (queues.gives) most = std::max(most, ++waiting[*queues.gives]);
  }
  return most;
}

PassKind last_kind(const PassTableShape& shape) {
  return shape.schedule->splits_backward ? PassKind::weight_gradient : PassKind::backward;
}

bool is_first(const WavePass& pass) {
  return pass.pass.kind == PassKind::forward && pass.pass.micro_batch == 0;
}

bool is_last(const PassTableShape& shape, const WavePass& pass) {
  return pass.pass.kind == last_kind(shape) && pass.pass.micro_batch == shape.micro_batches - 1;
}

struct Apart {
  std::int32_t waves = 0;
  std::int32_t micro_batches = 0;
};

bool same_pass(const WavePass& a, const WavePass& b, const Apart& apart) {
  return a.wave + apart.waves == b.wave && a.stage == b.stage && a.pass.chunk == b.pass.chunk &&
         a.pass.kind == b.pass.kind &&
         a.pass.micro_batch + apart.micro_batches == b.pass.micro_batch;
}

// Waves, from the first to the last.
struct WaveRange {
  std::int32_t first = 0;
  std::int32_t last = -1;

  [[nodiscard]] bool has(std::int32_t wave) const { return first <= wave && wave <= last; }
};

// The waves of `fewer` before which a round can be put in to give `more`: up to them both are the
// same, and from them on but for the round's waves and micro-batches. First passes come before,
// last passes after.
WaveRange waves_of_round(const PassTableShape& shape, const std::vector<WavePass>& fewer,
                         const std::vector<WavePass>& more) {
  const Apart apart{more.back().wave - fewer.back().wave,
                    static_cast<std::int32_t>(round_of(shape))};
  std::size_t same = 0;
  while (same < fewer.size() && same_pass(fewer[same], more[same], {})) ++same;
  std::size_t shifted = 0;
  while (shifted < fewer.size() &&
         same_pass(fewer[fewer.size() - 1 - shifted], more[more.size() - 1 - shifted], apart)) {
    ++shifted;
  }
  WaveRange range{0, fewer.back().wave + 1};
  if (same < fewer.size()) range.last = std::min(fewer[same].wave, more[same].wave);
  if (shifted < fewer.size()) range.first = fewer[fewer.size() - 1 - shifted].wave + 1;
  for (const WavePass& pass : fewer) {
    if (is_first(pass)) range.first = std::max(range.first, pass.wave + 1);
    if (is_last(shape, pass)) range.last = std::min(range.last, pass.wave);
  }
  return range;
}

// The round between the shape's passes and those of one round more, and where it goes.
struct Round {
  std::vector<WavePass> more;
  std::int32_t at = 0;  // wave
  std::int64_t most_waiting = 0;
};

// A list with a round is the same list for every number of rounds where a second round can go both
// before and after the first one: then the second is the first again.
std::optional<Round> find_round(const PassTableShape& shape, const std::vector<WavePass>& passes) {
  if (!has_rounds(shape)) return std::nullopt;
  Round round;
  PassTableShape longer = shape;
  longer.micro_batches += round_of(shape);
  round.more = passes_in_waves(longer);
  round.most_waiting = std::max(most_waiting(shape, passes), most_waiting(longer, round.more));
  const WaveRange range = waves_of_round(shape, passes, round.more);
  round.at = range.last;
  if (!range.has(round.at) || round.most_waiting > round_of(shape)) return std::nullopt;
  PassTableShape longest = longer;
  longest.micro_batches += round_of(shape);
  const WaveRange second = waves_of_round(longer, round.more, passes_in_waves(longest));
  const std::int32_t waves = round.more.back().wave - passes.back().wave;
  if (!second.has(round.at) || !second.has(round.at + waves)) return std::nullopt;
  return round;
}

// PassTable::counts of these passes.
class Counter {
 public:
  explicit Counter(const PassTableShape& shape)
      : shape_(shape), kinds_(shape.schedule->splits_backward ? 3 : 2) {}

  std::vector<PassTable::Counts> count(const std::vector<WavePass>& passes) const {
    std::vector<Turns> turns(static_cast<std::size_t>(shape_.stages));
    for (std::size_t i = 0; i < passes.size(); ++i) {
      Turns& stage = turns[static_cast<std::size_t>(passes[i].stage)];
      if (passes[i].pass.kind == PassKind::forward) stage.last_forward = i;
      if (passes[i].pass.kind == PassKind::backward) stage.last_backward = i;
      if (passes[i].pass.kind == PassKind::backward && stage.first_backward == never) {
        stage.first_backward = i;
      }
      stage.last = i;
    }
    if (!std::all_of(turns.begin(), turns.end(),
                     [&](const Turns& stage) { return as_expected(passes, stage); })) {
      return {};
    }
    std::vector<PassTable::Counts> counts(
        static_cast<std::size_t>(shape_.stages * shape_.interleave) * kinds_);
    for (std::size_t i = 0; i < passes.size(); ++i) {
      const WavePass& at = passes[i];
      const Turns& stage = turns[static_cast<std::size_t>(at.stage)];
      const auto chunk = static_cast<std::size_t>(at.stage * shape_.interleave + at.pass.chunk);
      PassTable::Counts& op = counts[chunk * kinds_ + static_cast<std::size_t>(at.pass.kind)];
      if (i < stage.first_backward) ++op.lead;
      if (i > stage.last_forward) ++op.trail;
      if (i > stage.last_backward) ++op.after;
    }
    return counts;
  }

 private:
  static constexpr std::size_t never = std::numeric_limits<std::size_t>::max();
  struct Turns {
    std::size_t first_backward = never;
    std::size_t last_forward = 0;
    std::size_t last_backward = 0;
    std::size_t last = 0;
  };

  [[nodiscard]] bool as_expected(const std::vector<WavePass>& passes, const Turns& stage) const {
    const auto end = static_cast<std::int32_t>(shape_.micro_batches - 1);
    const auto deepest = static_cast<std::int32_t>(shape_.interleave - 1);
    const auto is = [&](std::size_t i, std::int32_t chunk, std::int32_t micro_batch) {
      return passes[i].pass.chunk == chunk && passes[i].pass.micro_batch == micro_batch;
    };
    return is(stage.first_backward, deepest, 0) && is(stage.last_forward, deepest, end) &&
           is(stage.last_backward, 0, end) && is(stage.last, 0, end);
  }

  PassTableShape shape_;
  std::size_t kinds_;
};

// Turns passes into tasks.
class Writer {
 public:
  Writer(const PassTableShape& shape, std::int64_t slots_per_queue)
      : shape_(shape),
        per_queue_(static_cast<std::size_t>(slots_per_queue)),
        kinds_(shape.schedule->splits_backward ? 3 : 2) {}

  [[nodiscard]] PassTask task(const WavePass& at) const {
    const ChunkPass& pass = at.pass;
    const auto chunk = static_cast<std::size_t>(at.stage * shape_.interleave + pass.chunk);
    const Queues queues = queues_of(shape_, at.stage, pass);
    PassTask task;
    task.stage = static_cast<std::uint16_t>(at.stage);
    task.op = static_cast<std::uint16_t>(chunk * kinds_ + static_cast<std::size_t>(pass.kind));
    task.waits = queues.waits ? slot(*queues.waits, pass) : PassTable::at_once;
    task.gives = queues.gives ? slot(*queues.gives, pass) : PassTable::nobody;
    return task;
  }

  // False if there is more than a task's numbers can count.
  [[nodiscard]] bool describe(PassTable& table) const {
    const auto chunks = static_cast<std::size_t>(shape_.stages * shape_.interleave);
    table.kinds = kinds_;
    table.slots = first_slot + 2 * chunks * per_queue_;
    if (std::max(table.slots, chunks * kinds_) > std::numeric_limits<std::uint16_t>::max()) {
      return false;
    }
    table.sender.assign(chunks * kinds_, PassTable::none);
    for (std::int64_t n = 0; n < shape_.stages * shape_.interleave; ++n) {
      name_sender(table, n, n + 1, PassKind::forward);
      name_sender(table, n, n - 1, PassKind::backward);
    }
    return true;
  }

 private:
  static constexpr std::size_t first_slot = 2;  // after at_once and nobody

  [[nodiscard]] std::uint16_t slot(std::size_t queue, const ChunkPass& pass) const {
    const auto micro_batch = static_cast<std::size_t>(pass.micro_batch);
    return static_cast<std::uint16_t>(first_slot + queue * per_queue_ + micro_batch % per_queue_);
  }

  void name_sender(PassTable& table, std::int64_t from, std::int64_t to, PassKind kind) const {
    if (to < 0 || to >= shape_.stages * shape_.interleave) return;
    const ChunkPlace here = chunk_place(shape_.schedule->layout, shape_.stages, from);
    const ChunkPlace there = chunk_place(shape_.schedule->layout, shape_.stages, to);
    if (here.stage == there.stage) return;
    const bool forward = step_run::sends_forward(here.stage, there.stage, shape_.stages, kind);
    const auto chunk = static_cast<std::size_t>(here.stage * shape_.interleave + here.chunk);
    table.sender[chunk * kinds_ + static_cast<std::size_t>(kind)] =
        forward ? PassTable::forward : PassTable::backward;
  }

  PassTableShape shape_;
  std::size_t per_queue_;
  std::size_t kinds_;
};

// Slots that are given to and not yet waited for after these tasks, where no slot is given to twice
// before it is waited for.
std::vector<std::uint16_t> held_after(const std::vector<PassTask>& tasks, std::size_t slots) {
  std::vector<bool> full(slots, false);
  for (const PassTask& task : tasks) {
    full[task.waits] = false;
    full[task.gives] = true;
  }
  std::vector<std::uint16_t> held;
  for (std::size_t slot = PassTable::nobody + 1; slot < slots; ++slot) {
    if (full[slot]) held.push_back(static_cast<std::uint16_t>(slot));
  }
  return held;
}

// The least divisor of `whole` that is at least `least`; `whole` must be.
std::int64_t divisor_from(std::int64_t whole, std::int64_t least) {
  while (whole % least != 0) ++least;
  return least;
}

// As alternating.hpp does, which makes groups of equal size only where they divide evenly.
bool in_groups(const PassTableShape& shape) {
  return shape.interleave > 1 && shape.schedule->layout == ChunkLayout::round_robin;
}

}  // namespace

std::int64_t round_of(const PassTableShape& shape) {
  constexpr std::int64_t apart = 2;
  return in_groups(shape) ? shape.stages : apart;
}

bool has_rounds(const PassTableShape& shape) {
  return !in_groups(shape) || shape.micro_batches % shape.stages == 0;
}

std::size_t PassTable::bytes() const {
  return (opening.capacity() + round.capacity() + closing.capacity()) * sizeof(PassTask) +
         (first.capacity() + last.capacity()) * sizeof(std::uint32_t) +
         held.capacity() * sizeof(std::uint16_t) + counts.capacity() * sizeof(Counts) +
         sender.capacity() + sizeof(PassTable);
}

std::optional<PassTable> pass_table(const PassTableShape& shape) {
  const std::vector<WavePass> passes = passes_in_waves(shape);
  const std::optional<Round> round = find_round(shape, passes);
  std::int32_t closing_at = passes.back().wave + 1;
  PassTable table;
  table.micro_batches = shape.micro_batches;
  std::int64_t slots = 0;
  if (round) {
    table.round_micro_batches = round_of(shape);
    slots = divisor_from(table.round_micro_batches, round->most_waiting);
    closing_at = round->at;
  } else {
    slots = most_waiting(shape, passes);
  }
  const Writer writer(shape, slots);
  if (!writer.describe(table)) return std::nullopt;
  table.counts = Counter(shape).count(passes);
  for (const WavePass& pass : passes) {
    std::vector<PassTask>& part = pass.wave < closing_at ? table.opening : table.closing;
    if (is_first(pass)) table.first.push_back(static_cast<std::uint32_t>(part.size()));
    if (is_last(shape, pass)) table.last.push_back(static_cast<std::uint32_t>(part.size()));
    part.push_back(writer.task(pass));
  }
  if (round) {
    const std::size_t begin = table.opening.size();
    const std::size_t end = begin + round->more.size() - passes.size();
    for (std::size_t i = begin; i < end; ++i) table.round.push_back(writer.task(round->more[i]));
    table.held = held_after(table.opening, table.slots);
    PassTableShape longer = shape;
    longer.micro_batches += round_of(shape);
    if (Counter(longer).count(round->more) != table.counts) table.counts.clear();
  }
  for (std::vector<PassTask>* part : {&table.opening, &table.round, &table.closing}) {
    part->shrink_to_fit();
  }
  return table;
}

}  // namespace lockstep
