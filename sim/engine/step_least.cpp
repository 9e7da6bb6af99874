#include "sim/engine/step_least.hpp"

#include <algorithm>
#include <array>

#include "sim/engine/step_run.hpp"

namespace lockstep {

namespace {

using step_run::Instant;
using step_run::Pieces;

struct Send {
  double blocking = 0;
  double hidden = 0;
};

Send send_between(const PipelineView& work, std::int64_t from, std::int64_t to, PassKind kind) {
  const auto stages = static_cast<std::int64_t>(work.stages.size());
  if (to < 0 || to >= stages * work.interleave) return {};
  const std::int64_t here = chunk_place(work.schedule->layout, stages, from).stage;
  const std::int64_t there = chunk_place(work.schedule->layout, stages, to).stage;
  if (here == there) return {};
  const PipelineWork::Sends& sends = work.sends[static_cast<std::size_t>(here)];
  if (step_run::sends_forward(here, there, stages, kind)) {
    return {sends.forward_blocking, sends.forward_hidden};
  }
  return {sends.backward_blocking, sends.backward_hidden};
}

// Seconds that a stage's gathers take of its data stream.
double gathers(const StageWork& stage) {
  double sum = 0;
  for (const SyncCost& cost : stage.gather) {
    const Pieces gather(cost);
    sum += gather.late + gather.overlapped();
  }
  return sum;
}

}  // namespace

void StepLeast::load(const PipelineView& work) {
  const auto stages = static_cast<std::int64_t>(work.stages.size());
  const std::int64_t count = stages * work.interleave;
  chunks_.resize(static_cast<std::size_t>(count));
  for (std::int64_t n = 0; n < count; ++n) {
    const ChunkPlace place = chunk_place(work.schedule->layout, stages, n);
    const PassCost& cost = work.stages[static_cast<std::size_t>(place.stage)]
                               ->chunks[static_cast<std::size_t>(place.chunk)];
    const Send next = send_between(work, n, n + 1, PassKind::forward);
    const Send back = send_between(work, n, n - 1, PassKind::backward);
    Chunk& chunk = chunks_[static_cast<std::size_t>(n)];
    const double forward = cost.forward.value();
    const double backward = cost.backward.value();
    chunk.forward = forward + next.blocking;
    chunk.backward = backward + back.blocking;
    chunk.weight_gradient = work.schedule->splits_backward ? cost.weight_gradient.value() : 0;
    chunk.forward_through = next.blocking + std::max(forward, next.hidden);
    chunk.backward_through = back.blocking + std::max(backward, back.hidden);
  }
  for (std::size_t n = chunks_.size(); n-- > 0;) {
    const bool end = n + 1 == chunks_.size();
    chunks_[n].forward_beyond =
        end ? 0 : chunks_[n + 1].forward_beyond + chunks_[n + 1].forward_through;
    chunks_[n].backward_beyond =
        end ? 0 : chunks_[n + 1].backward_beyond + chunks_[n + 1].backward_through;
  }
}

StepLeast::Chunk& StepLeast::chunk(const PipelineView& work, std::size_t stage, std::size_t own) {
  const ChunkPlace place{static_cast<std::int64_t>(stage), static_cast<std::int64_t>(own)};
  const auto stages = static_cast<std::int64_t>(work.stages.size());
  return chunks_[static_cast<std::size_t>(virtual_stage(work.schedule->layout, stages, place))];
}

// When a stage's gathers let the first forward passes of its chunks end, however early they start.
void StepLeast::load_gathers(const PipelineView& work, std::size_t stage) {
  const StageWork& one = *work.stages[stage];
  double data = 0;
  for (std::size_t own = 0; own < one.gather.size(); ++own) {
    const Pieces gather(one.gather[own]);
    const double length = one.chunks[own].forward.value();
    const double late_end = data + gather.late;
    Chunk& of = chunk(work, stage, own);
    if (gather.any()) {
      of.gathered =
          end_beside_gather(Instant{}, gather, late_end, length).time + (of.forward - length);
    }
    data = late_end + gather.overlapped();
  }
}

void StepLeast::reach_chunks(const PipelineView& work) {
  for (Chunk& chunk : chunks_) chunk.gathered = 0;
  for (std::size_t i = 0; i < work.stages.size(); ++i) load_gathers(work, i);
  double start = 0;
  for (Chunk& chunk : chunks_) {
    chunk.start = start;
    start = std::max(start + chunk.forward_through, chunk.gathered);
  }
  forward_end_ = start;
}

StepLeast::Work StepLeast::work_of(const PipelineView& work, const PassTable* table,
                                   std::size_t stage) {
  Work sum;
  const auto times = static_cast<double>(work.micro_batches);
  std::int64_t forward_left = work.micro_batches * work.interleave;
  for (std::size_t own = 0; own < static_cast<std::size_t>(work.interleave); ++own) {
    const Chunk& of = chunk(work, stage, own);
    sum.all += times * (of.forward + of.backward + of.weight_gradient);
    if (table == nullptr || table->counts.empty()) continue;
    const std::size_t op = (stage * static_cast<std::size_t>(work.interleave) + own) * table->kinds;
    const std::array<double, 3> seconds{of.forward, of.backward, of.weight_gradient};
    forward_left -= table->counts[op].lead;
    for (std::size_t kind = 0; kind < table->kinds; ++kind) {
      const PassTable::Counts& count = table->counts[op + kind];
      sum.lead += count.lead * seconds[kind];
      sum.trail += count.trail * seconds[kind];
      sum.after += count.after * seconds[kind];
    }
  }
  sum.forward_leads = forward_left == 0;
  return sum;
}

// Of a stage whose passes end at `end`.
double StepLeast::reductions_after(const PipelineView& work, std::size_t stage, double end,
                                   bool ends_on_first_chunk) {
  const StageWork& one = *work.stages[stage];
  double data = gathers(one);
  double late = 0;
  for (std::size_t own = one.reduce.size(); own-- > 0;) {
    const Pieces reduce(one.reduce[own]);
    late += reduce.late;
    if (own > 0 || !ends_on_first_chunk || reduce.piece <= 0) {
      data += std::max(0.0, reduce.overlapped());
      continue;
    }
    const bool split = work.schedule->splits_backward;
    const PassCost& cost = one.chunks.front();
    const double length = (split ? cost.weight_gradient : cost.backward).value();
    const double taken = split ? length : chunk(work, stage, 0).backward;
    data = end_beside_pass(Instant{data}, reduce, Instant{end - taken}, SliceKind::backward, length)
               .time;
  }
  return std::max(end, data) + late + one.after_reduce.value();
}

double StepLeast::end_of_reductions(const PipelineView& work, const PassTable* table) {
  load(work);
  reach_chunks(work);
  const bool known = table != nullptr && !table->counts.empty();
  double latest = 0;
  double gradient = forward_end_ + chunks_[work.stages.size() - 1].backward_beyond;
  for (std::size_t i = work.stages.size(); i-- > 0;) {
    const Chunk& first = chunks_[i];
    const Chunk& deepest = chunk(work, i, static_cast<std::size_t>(work.interleave - 1));
    const Work sum = work_of(work, table, i);
    double last_backward = gradient;  // its start
    double end = std::max(first.start + sum.all, last_backward + first.backward);
    if (known) {
      const double first_backward =
          std::max(first.start + sum.lead, forward_end_ + deepest.backward_beyond);
      const double last_forward = sum.forward_leads
                                      ? first.start + sum.lead
                                      : first_backward + sum.all - sum.lead - sum.trail;
      last_backward =
          std::max({last_backward, first_backward + sum.all - sum.lead - first.backward - sum.after,
                    last_forward + deepest.forward_beyond + first.backward_beyond});
      end = last_backward + first.backward + sum.after;
    }
    latest = std::max(latest, reductions_after(work, i, end, known));
    gradient = last_backward + first.backward_through;
  }
  return latest;
}

}  // namespace lockstep
