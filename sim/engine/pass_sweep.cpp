#include "sim/engine/pass_sweep.hpp"

#include <algorithm>
#include <limits>

#include "sim/engine/step_run.hpp"

namespace lockstep {

namespace {

using step_run::Instant;
using step_run::Pieces;

// What rounding may make of equal moves, relative to them.
constexpr double same = 1e-11;

// Of a stage that owns three: forward, backward and the one of results that stay.
constexpr std::size_t senders_per_stage = 3;

struct Place {
  std::size_t stage = 0;
  std::size_t chunk = 0;  // of all
  std::size_t own = 0;    // of the stage
};

Place place_of(const PipelineView& work, const PassTable& table, const PassTask& task) {
  const std::size_t chunk = task.op / table.kinds;
  return {task.stage, chunk, chunk % static_cast<std::size_t>(work.interleave)};
}

double length_of(const PassCost& cost, std::size_t kind) {
  if (kind == 0) return cost.forward.value();
  return (kind == 1 ? cost.backward : cost.weight_gradient).value();
}

}  // namespace

double PassSweep::end_of_reductions(const PipelineView& work, const PassTable& table) {
  load(work, table);
  if (slow_sends_) {
    run<true>(work, table);
  } else {
    run<false>(work, table);
  }
  if (reduces_) place_reductions(work, table);
  double end = 0;
  for (std::size_t i = 0; i < work.stages.size(); ++i) {
    const StageWork& stage = *work.stages[i];
    double stage_end = std::max(instants_[stages_at_ + i], data_[i]);
    for (const SyncCost& cost : stage.reduce) stage_end += Pieces(cost).late;
    end = std::max(end, stage_end + stage.after_reduce.value());
  }
  return end;
}

void PassSweep::load(const PipelineView& work, const PassTable& table) {
  const std::size_t stages = work.stages.size();
  stages_at_ = table.slots;
  senders_at_ = stages_at_ + stages;
  length_.resize(table.sender.size());
  transfer_.resize(table.sender.size());
  late_end_.resize(table.sender.size() / table.kinds);
  data_.assign(stages, 0.0);
  last_start_.clear();
  slow_sends_ = gathers_ = reduces_ = false;
  for (std::size_t i = 0; i < stages; ++i) load_stage(work, table, i);
  instants_.assign(senders_at_ + (slow_sends_ ? senders_per_stage * stages : 0), 0.0);
  if (!slow_sends_) return;
  sender_.resize(table.sender.size());
  const std::size_t ops_per_stage = table.sender.size() / stages;
  for (std::size_t op = 0; op < sender_.size(); ++op) {
    sender_[op] = senders_at_ + senders_per_stage * (op / ops_per_stage) + table.sender[op];
  }
}

void PassSweep::load_stage(const PipelineView& work, const PassTable& table, std::size_t stage) {
  const StageWork& one = *work.stages[stage];
  const PipelineWork::Sends& sends = work.sends[stage];
  const auto chunks = static_cast<std::size_t>(work.interleave);
  std::size_t op = stage * chunks * table.kinds;
  for (const PassCost& cost : one.chunks) {
    for (std::size_t kind = 0; kind < table.kinds; ++kind, ++op) {
      double blocking = 0;
      double hidden = 0;
      if (table.sender[op] == PassTable::forward) {
        blocking = sends.forward_blocking;
        hidden = sends.forward_hidden;
      } else if (table.sender[op] == PassTable::backward) {
        blocking = sends.backward_blocking;
        hidden = sends.backward_hidden;
      }
      const double length = length_of(cost, kind);
      length_[op] = length + blocking;
      transfer_[op] = blocking + hidden;
      slow_sends_ |= hidden > length;
    }
  }
  if (!one.gather.empty()) load_gathers(one, stage * chunks, data_[stage]);
  reduces_ |= !one.reduce.empty();
}

void PassSweep::load_gathers(const StageWork& stage, std::size_t first_chunk, double& data) {
  gathers_ = true;
  for (std::size_t c = 0; c < stage.gather.size(); ++c) {
    const Pieces gather(stage.gather[c]);
    late_end_[first_chunk + c] = data + gather.late;
    data += gather.late + gather.overlapped();
  }
}

template <bool slow_sends>
void PassSweep::run(const PipelineView& work, const PassTable& table) {
  rounds_run_ = 0;
  if (table.round_micro_batches == 0) {
    run_part<slow_sends>(work, table, table.opening, gathers_, reduces_);
    return;
  }
  run_part<slow_sends>(work, table, table.opening, gathers_, false);
  run_rounds<slow_sends>(table,
                         (work.micro_batches - table.micro_batches) / table.round_micro_batches);
  run_part<slow_sends>(work, table, table.closing, false, reduces_);
}

template <bool slow_sends>
void PassSweep::run_round(const PassTable& table) {
  run_tasks<slow_sends>(table.round.data(), table.round.data() + table.round.size());
  ++rounds_run_;
}

// The state to compare with is taken anew ever more seldom (R. P. Brent 1980, An improved Monte
// Carlo factorization algorithm, section 2), so that a period of any length is found soon after it
// begins.
template <bool slow_sends>
void PassSweep::run_rounds(const PassTable& table, std::int64_t rounds) {
  std::int64_t left = rounds;
  std::int64_t since = 0;
  std::int64_t renewed_after = 0;
  while (left > 0) {
    if (since == renewed_after) {
      keep_state(table);
      renewed_after += 1 + renewed_after / 2;
      since = 0;
    }
    run_round<slow_sends>(table);
    --left;
    ++since;
    const std::optional<double> moved = moved_as_one(table);
    if (!moved) continue;
    const double by = static_cast<double>(left / since) * *moved;
    visit_state(table, [&](double& instant) { instant += by; });
    for (left %= since; left > 0; --left) run_round<slow_sends>(table);
  }
}

template <bool slow_sends>
void PassSweep::run_part(const PipelineView& work, const PassTable& table,
                         const std::vector<PassTask>& tasks, bool with_first, bool with_last) {
  constexpr std::size_t never = std::numeric_limits<std::uint32_t>::max();
  std::size_t at = 0;
  auto first = with_first ? table.first.begin() : table.first.end();
  auto last = with_last ? table.last.begin() : table.last.end();
  while (first != table.first.end() || last != table.last.end()) {
    const std::size_t next_first = first != table.first.end() ? *first : never;
    const std::size_t next_last = last != table.last.end() ? *last : never;
    const std::size_t stop = std::min(next_first, next_last);
    run_tasks<slow_sends>(tasks.data() + at, tasks.data() + stop);
    const PassTask& task = tasks[stop];
    if (next_first == stop) {
      place_first<slow_sends>(work, table, task);
      ++first;
    } else {
      last_start_.push_back(start_of(task));
      run_tasks<slow_sends>(&task, &task + 1);
      ++last;
    }
    at = stop + 1;
  }
  run_tasks<slow_sends>(tasks.data() + at, tasks.data() + tasks.size());
}

// The whole cost of a step is here.
template <bool slow_sends>
void PassSweep::run_tasks(const PassTask* begin, const PassTask* end) {
  double* const slots = instants_.data();
  double* const stages = slots + stages_at_;
  const double* const lengths = length_.data();
  for (const PassTask* task = begin; task != end; ++task) {
    const double start = std::max(stages[task->stage], slots[task->waits]);
    const double done = start + lengths[task->op];
    stages[task->stage] = done;
    double there = done;
    if constexpr (slow_sends) {
      double& sent = slots[sender_[task->op]];
      there = std::max(done, std::max(sent, start) + transfer_[task->op]);
      sent = there;
    }
    slots[task->gives] = there;
  }
}

double PassSweep::start_of(const PassTask& task) const {
  return std::max(instants_[stages_at_ + task.stage], instants_[task.waits]);
}

template <bool slow_sends>
void PassSweep::place_first(const PipelineView& work, const PassTable& table,
                            const PassTask& task) {
  const Place place = place_of(work, table, task);
  const StageWork& stage = *work.stages[place.stage];
  const Pieces gather = stage.gather.empty() ? Pieces() : Pieces(stage.gather[place.own]);
  if (!gather.any()) {
    run_tasks<slow_sends>(&task, &task + 1);
    return;
  }
  const double length = stage.chunks[place.own].forward.value();
  const double blocking = length_[task.op] - length;
  const double ready = start_of(task);
  const double late_end = late_end_[place.chunk];
  const double done = end_beside_gather(Instant{ready}, gather, late_end, length).time + blocking;
  instants_[stages_at_ + task.stage] = done;
  double there = done;
  if constexpr (slow_sends) {
    const double start = std::max(ready, late_end + gather.piece);
    double& sent = instants_[sender_[task.op]];
    there = std::max(done, std::max(sent, start) + transfer_[task.op]);
    sent = there;
  }
  instants_[task.gives] = there;
}

// Calls visit(instant) for all that decides what comes after a round.
template <class Visit>
void PassSweep::visit_state(const PassTable& table, Visit visit) {
  for (const std::uint16_t slot : table.held) visit(instants_[slot]);
  for (std::size_t i = stages_at_; i < instants_.size(); ++i) visit(instants_[i]);
}

void PassSweep::keep_state(const PassTable& table) {
  before_.clear();
  visit_state(table, [&](double instant) { before_.push_back(instant); });
}

// Far from a period the first few instants tell.
std::optional<double> PassSweep::moved_as_one(const PassTable& table) {
  double least = std::numeric_limits<double>::infinity();
  double most = 0;
  bool as_one = true;
  std::size_t at = 0;
  visit_state(table, [&](double instant) {
    const double before = before_[at++];
    if (!as_one || instant <= 0) return;  // 0: a stream that nothing was sent on
    least = std::min(least, instant - before);
    most = std::max(most, instant - before);
    as_one = most - least <= same * most;
  });
  if (!as_one || most <= 0) return std::nullopt;
  return (least + most) / 2;
}

void PassSweep::place_reductions(const PipelineView& work, const PassTable& table) {
  const std::vector<PassTask>& tasks = table.closing.empty() ? table.opening : table.closing;
  const bool split = work.schedule->splits_backward;
  const SliceKind kind = split ? SliceKind::weight_gradient : SliceKind::backward;
  for (std::size_t i = 0; i < table.last.size(); ++i) {
    const Place place = place_of(work, table, tasks[table.last[i]]);
    const StageWork& stage = *work.stages[place.stage];
    if (stage.reduce.empty()) continue;
    const Pieces reduce(stage.reduce[place.own]);
    if (reduce.piece <= 0) continue;
    const double length = length_of(stage.chunks[place.own], split ? 2 : 1);
    double& data = data_[place.stage];
    data = end_beside_pass(Instant{data}, reduce, Instant{last_start_[i]}, kind, length).time;
  }
}

}  // namespace lockstep
