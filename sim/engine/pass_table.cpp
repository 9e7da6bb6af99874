#include "sim/engine/pass_table.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>

#include "sim/engine/step_run.hpp"

namespace lockstep {

namespace {

struct WavePass {
  std::int32_t wave = 0;  // when it is done if every pass takes as long as every other
  std::int32_t stage = 0;
  ChunkPass pass;
};

// A result on its way: from which chunk, by virtual stage, and whether on the way back.
std::size_t queue_of(std::int64_t virtual_stage, PassKind kind) {
  return static_cast<std::size_t>(2 * virtual_stage + (kind == PassKind::backward ? 1 : 0));
}

struct Queues {
  std::optional<std::size_t> waits;
  std::optional<std::size_t> gives;
};

Queues queues_of(const PassTableShape& shape, std::int64_t stage, const ChunkPass& pass) {
  Queues queues;
  if (pass.kind == PassKind::weight_gradient) return queues;
  const std::int64_t way = pass.kind == PassKind::forward ? 1 : -1;
  const std::int64_t chunks = shape.stages * shape.interleave;
  const std::int64_t here =
      virtual_stage(shape.schedule->layout, shape.stages, {stage, pass.chunk});
  const auto inside = [&](std::int64_t n) { return n >= 0 && n < chunks; };
  if (inside(here - way)) queues.waits = queue_of(here - way, pass.kind);
  if (inside(here + way)) queues.gives = queue_of(here, pass.kind);
  return queues;
}

// All passes by waves, in a wave by stages. A pass is in a later wave than those it waits for, and
// neighbours in the list mostly do not wait for each other.
class Waves {
 public:
  explicit Waves(const PassTableShape& shape)
      : shape_(shape),
        lanes_(static_cast<std::size_t>(shape.stages)),
        done_(static_cast<std::size_t>(2 * shape.stages * shape.interleave)) {}

  std::vector<WavePass> passes() {
    for (std::int64_t i = 0; i < shape_.stages; ++i) {
      Lane& lane = lanes_[static_cast<std::size_t>(i)];
      lane.order =
          shape_.schedule->order({i, shape_.stages, shape_.interleave, shape_.micro_batches});
      lane.open = lane.order->next(lane.pass);
    }
    while (go_round()) {
    }
    for (const Lane& lane : lanes_) {
      if (lane.open) throw std::logic_error("the pipeline schedule's stages wait for each other");
    }
    return by_waves();
  }

 private:
  struct Lane {
    std::unique_ptr<PassOrder> order;
    ChunkPass pass;
    bool open = false;
    std::int32_t wave = 0;
    std::vector<WavePass> passes;
  };

  bool go_round() {
    bool any = false;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      while (lanes_[i].open && place(static_cast<std::int32_t>(i), lanes_[i])) any = true;
    }
    return any;
  }

  bool place(std::int32_t stage, Lane& lane) {
    const Queues queues = queues_of(shape_, stage, lane.pass);
    const auto micro_batch = static_cast<std::size_t>(lane.pass.micro_batch);
    if (queues.waits) {
      const std::vector<std::int32_t>& ready = done_[*queues.waits];
      if (ready.size() <= micro_batch) return false;
      lane.wave = std::max(lane.wave, ready[micro_batch]);
    }
    lane.passes.push_back({lane.wave++, stage, lane.pass});
    if (queues.gives) done_[*queues.gives].push_back(lane.wave);
    lane.open = lane.order->next(lane.pass);
    return true;
  }

  std::vector<WavePass> by_waves() {
    std::int32_t waves = 0;
    for (const Lane& lane : lanes_) waves = std::max(waves, lane.wave);
    std::vector<std::size_t> at(static_cast<std::size_t>(waves) + 1, 0);
    for (const Lane& lane : lanes_) {
      for (const WavePass& pass : lane.passes) ++at[static_cast<std::size_t>(pass.wave) + 1];
    }
    for (std::size_t i = 1; i < at.size(); ++i) at[i] += at[i - 1];
    std::vector<WavePass> sorted(at.back());
    for (const Lane& lane : lanes_) {
      for (const WavePass& pass : lane.passes) {
        sorted[at[static_cast<std::size_t>(pass.wave)]++] = pass;
      }
    }
    return sorted;
  }

  PassTableShape shape_;
  std::vector<Lane> lanes_;
  std::vector<std::vector<std::int32_t>> done_;  // waves after results, by queue and micro-batch
};

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

// As alternating.hpp does, which makes groups of equal size only where they divide evenly.
bool in_groups(const PassTableShape& shape) {
  return shape.interleave > 1 && shape.schedule->layout == ChunkLayout::round_robin;
}

// Micro-batches after which every stage's order repeats itself: a group, else one, but two leave
// room for what waits.
std::int64_t repeating(const PassTableShape& shape) {
  constexpr std::int64_t apart = 2;
  return in_groups(shape) ? shape.stages : apart;
}

bool repeats(const PassTableShape& shape) {
  return !in_groups(shape) || shape.micro_batches % shape.stages == 0;
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
                    static_cast<std::int32_t>(repeating(shape))};
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
  if (!repeats(shape)) return std::nullopt;
  Round round;
  PassTableShape longer = shape;
  longer.micro_batches += repeating(shape);
  round.more = Waves(longer).passes();
  round.most_waiting = std::max(most_waiting(shape, passes), most_waiting(longer, round.more));
  const WaveRange range = waves_of_round(shape, passes, round.more);
  round.at = range.last;
  if (!range.has(round.at) || round.most_waiting > repeating(shape)) return std::nullopt;
  PassTableShape longest = longer;
  longest.micro_batches += repeating(shape);
  const WaveRange second = waves_of_round(longer, round.more, Waves(longest).passes());
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

}  // namespace

std::size_t PassTable::bytes() const {
  return (opening.capacity() + round.capacity() + closing.capacity()) * sizeof(PassTask) +
         (first.capacity() + last.capacity()) * sizeof(std::uint32_t) +
         held.capacity() * sizeof(std::uint16_t) + counts.capacity() * sizeof(Counts) +
         sender.capacity() + sizeof(PassTable);
}

std::optional<PassTable> pass_table(const PassTableShape& shape) {
  const std::vector<WavePass> passes = Waves(shape).passes();
  const std::optional<Round> round = find_round(shape, passes);
  std::int32_t closing_at = passes.back().wave + 1;
  PassTable table;
  table.micro_batches = shape.micro_batches;
  std::int64_t slots = 0;
  if (round) {
    table.round_micro_batches = repeating(shape);
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
    longer.micro_batches += repeating(shape);
    if (Counter(longer).count(round->more) != table.counts) table.counts.clear();
  }
  for (std::vector<PassTask>* part : {&table.opening, &table.round, &table.closing}) {
    part->shrink_to_fit();
  }
  return table;
}

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
  const std::int64_t round = repeating(shape);
  for (std::int64_t half = first_half; half <= last_half && repeats(shape); ++half) {
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
