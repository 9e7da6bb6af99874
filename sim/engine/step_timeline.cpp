#include "sim/engine/step_timeline.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "sim/engine/step_run.hpp"

namespace lockstep {

namespace {

using namespace step_run;

// Passes that a stage places before another one has its turn: bounds what is under way where no
// stage waits for another one for long (GPipe).
constexpr int passes_per_turn = 32;

constexpr std::array kind_of_pass{SliceKind::forward, SliceKind::backward,
                                  SliceKind::weight_gradient};
constexpr std::array send_streams{Stream::send_forward, Stream::send_backward};

// Where the result of a chunk's pass goes.
struct Hop {
  std::int32_t arrivals = -1;  // the receiver's queue; -1: nobody waits for the result
  std::int32_t stage = 0;
  std::int32_t send = -1;  // index into send_streams; -1: stays on the stage
  double blocking = 0;
  double hidden = 0;
};

struct Chunk {
  std::array<double, 3> length{};  // by PassKind
  std::array<bool, 2> waits{};     // for another chunk's result, by PassKind
  std::array<Hop, 2> hops{};       // by PassKind
  Pieces gather;
  double gather_late_end = 0;
  Pieces reduce;
};

struct Lane {
  std::unique_ptr<PassOrder> order;
  ChunkPass pass;  // the next one, where `open`
  bool open = false;
  bool queued = true;
  std::int32_t blocked_on = -1;  // queue
  Moment now;                    // when the compute stream is free
  Moment data;                   // when the data stream is free
  std::array<Moment, 2> sent{};  // when each send stream is free
  double busy = 0;
  double sending = 0;
  double first_start = -1;
  double gather_exposed = 0;
  std::int64_t in_flight = 0;
  std::int64_t most_in_flight = 0;
};

class Run {
 public:
  Run(const StepWork& work, SliceSink* sink)
      : work_(work),
        sink_(sink),
        stages_(static_cast<std::int64_t>(work.stages.size())),
        last_micro_batch_(static_cast<std::int32_t>(work.micro_batches - 1)),
        last_kind_(work.schedule->splits_backward ? PassKind::weight_gradient : PassKind::backward),
        chunks_(work.stages.size() * static_cast<std::size_t>(work.interleave)),
        lanes_(work.stages.size()),
        arrivals_(2 * chunks_.size()) {
    for (std::int64_t i = 0; i < stages_; ++i) open_lane(i);
    connect_chunks();
  }

  StepResult finish() {
    place_passes();
    return finish_stages();
  }

 private:
  [[nodiscard]] PipelinePosition position(std::int64_t stage) const {
    return {stage, stages_, work_.interleave, work_.micro_batches};
  }
  [[nodiscard]] std::size_t index(std::int64_t stage, std::int64_t chunk) const {
    return static_cast<std::size_t>(stage * work_.interleave + chunk);
  }

  void open_lane(std::int64_t stage) {
    const auto i = static_cast<std::size_t>(stage);
    const StageWork& work = work_.stages[i];
    Lane& lane = lanes_[i];
    lane.order = work_.schedule->order(position(stage));
    for (std::int64_t c = 0; c < work_.interleave; ++c) {
      const auto k = static_cast<std::size_t>(c);
      Chunk& chunk = chunks_[index(stage, c)];
      const PassCost& cost = work.chunks[k];
      chunk.length = {cost.forward.value(), cost.backward.value(), cost.weight_gradient.value()};
      if (!work.reduce.empty()) chunk.reduce = Pieces(work.reduce[k]);
      if (!work.gather.empty()) open_gather(stage, c, Pieces(work.gather[k]));
    }
  }

  void open_gather(std::int64_t stage, std::int64_t chunk, const Pieces& gather) {
    if (!gather.any()) return;
    Chunk& of = chunks_[index(stage, chunk)];
    Moment& data = lanes_[static_cast<std::size_t>(stage)].data;
    of.gather = gather;
    place_sync(stage, chunk, SliceKind::parameter_gather, data.time, gather.late);
    of.gather_late_end = data.time + gather.late;
    if (sink_ != nullptr) {
      for (std::int64_t j = 0; j < gather.count; ++j) {
        place_sync(stage, chunk, SliceKind::parameter_gather,
                   of.gather_late_end + static_cast<double>(j) * gather.piece, gather.piece);
      }
    } else {
      tasks_ += gather.piece > 0 ? gather.count : 0;
    }
    data.spend(SliceKind::parameter_gather, gather.late + gather.overlapped());
  }

  // Every chunk's results to the chunk that continues, by virtual stage.
  void connect_chunks() {
    std::vector<std::size_t> by_virtual;
    for (std::int64_t n = 0; n < stages_ * work_.interleave; ++n) {
      const ChunkPlace place = chunk_place(work_.schedule->layout, stages_, n);
      by_virtual.push_back(index(place.stage, place.chunk));
    }
    for (std::size_t n = 0; n + 1 < by_virtual.size(); ++n) {
      connect(by_virtual[n], by_virtual[n + 1], PassKind::forward);
      connect(by_virtual[n + 1], by_virtual[n], PassKind::backward);
    }
  }

  void connect(std::size_t from, std::size_t to, PassKind kind) {
    const auto k = static_cast<std::size_t>(kind);
    const auto per_stage = static_cast<std::size_t>(work_.interleave);
    const std::size_t sender = from / per_stage;
    const std::size_t receiver = to / per_stage;
    const StageWork& work = work_.stages[sender];
    Hop hop;
    hop.arrivals = static_cast<std::int32_t>(2 * to + k);
    hop.stage = static_cast<std::int32_t>(receiver);
    if (sender != receiver) {
      const bool forward = sends_forward(static_cast<std::int64_t>(sender),
                                         static_cast<std::int64_t>(receiver), stages_, kind);
      hop.send = forward ? 0 : 1;
      hop.blocking = (forward ? work.forward_send_blocking : work.backward_send_blocking).value();
      hop.hidden = (forward ? work.forward_send_hidden : work.backward_send_hidden).value();
    }
    chunks_[from].hops[k] = hop;
    chunks_[to].waits[k] = true;
  }

  void place_passes() {
    turns_.resize(lanes_.size());
    std::iota(turns_.begin(), turns_.end(), 0);
    waiting_turns_ = turns_.size();
    std::size_t done = 0;
    while (waiting_turns_ > 0) {
      const std::int32_t stage = turns_[first_turn_];
      first_turn_ = first_turn_ + 1 == turns_.size() ? 0 : first_turn_ + 1;
      --waiting_turns_;
      if (take_turn(stage)) ++done;
    }
    if (done < lanes_.size()) {
      throw std::logic_error("the pipeline schedule's stages wait for each other");
    }
  }

  void give_turn(std::int32_t stage) {
    std::size_t at = first_turn_ + waiting_turns_++;
    if (at >= turns_.size()) at -= turns_.size();
    turns_[at] = stage;
  }

  // True once the stage has done all its passes.
  bool take_turn(std::int32_t stage) {
    Lane& lane = lanes_[static_cast<std::size_t>(stage)];
    for (int i = 0; i < passes_per_turn; ++i) {
      if (!lane.open && !lane.order->next(lane.pass)) return true;
      lane.open = true;
      const std::size_t at = index(stage, lane.pass.chunk);
      const Chunk& chunk = chunks_[at];
      if (lane.pass.kind != PassKind::weight_gradient) {
        const auto kind = static_cast<std::size_t>(lane.pass.kind);
        if (chunk.waits[kind]) {
          Arrivals& arrivals = arrivals_[2 * at + kind];
          if (arrivals.empty()) {
            lane.blocked_on = static_cast<std::int32_t>(2 * at + kind);
            return false;
          }
          if (arrivals.front().time > lane.now.time) lane.now = arrivals.front();
          arrivals.pop();
          --arrived_;
        }
      }
      place_pass(stage, lane, chunk);
      lane.open = false;
    }
    give_turn(stage);
    return false;
  }

  void place_pass(std::int32_t stage, Lane& lane, const Chunk& chunk) {
    const ChunkPass pass = lane.pass;
    const auto kind = static_cast<std::size_t>(pass.kind);
    const double length = chunk.length[kind];
    double start = lane.now.time;
    if (pass.kind == last_kind_) {
      --lane.in_flight;
      if (pass.micro_batch == last_micro_batch_ && chunk.reduce.piece > 0) {
        place_reduce(stage, lane, chunk, length);
      }
    }
    if (pass.kind == PassKind::forward) {
      lane.most_in_flight = std::max(lane.most_in_flight, ++lane.in_flight);
    }
    if (pass.kind == PassKind::forward && pass.micro_batch == 0 && chunk.gather.any()) {
      const Moment end = end_beside_gather(lane.now, chunk.gather, chunk.gather_late_end, length);
      lane.gather_exposed += end.time - (start + length);
      lane.now = end;
      start = std::max(start, chunk.gather_late_end + chunk.gather.piece);
    } else {
      lane.now.spend(kind_of_pass[kind], length);
    }
    lane.busy += length;
    if (lane.first_start < 0) lane.first_start = start;
    ++tasks_;
    if (sink_ != nullptr) {
      sink_->add({stage, Stream::compute, kind_of_pass[kind], pass.chunk, pass.micro_batch, start,
                  lane.now.time});
    }
    if (pass.kind != PassKind::weight_gradient) send(stage, lane, chunk.hops[kind], start);
  }

  // Of the pass that started at `pass_start` and is done now.
  void send(std::int32_t stage, Lane& lane, const Hop& hop, double pass_start) {
    if (hop.arrivals < 0) return;
    Moment arrival = lane.now;
    if (hop.send >= 0) {
      lane.now.spend(SliceKind::transfer, hop.blocking);
      lane.sending += hop.blocking;
      arrival = lane.now;
      Moment& sent = lane.sent[static_cast<std::size_t>(hop.send)];
      const double time = hop.blocking + hop.hidden;
      // No transfer starts before the one before it has ended, or before its pass has begun.
      const double start = std::max({sent.time, pass_start, arrival.time - time});
      if (start + time > arrival.time) {
        if (sent.time > pass_start) arrival = sent;
        arrival.spend(SliceKind::transfer, start + time - arrival.time);
      }
      sent = arrival;
      ++tasks_;
      if (sink_ != nullptr && time > 0) {
        sink_->add({stage, send_streams[static_cast<std::size_t>(hop.send)], SliceKind::transfer,
                    lane.pass.chunk, lane.pass.micro_batch, start, arrival.time});
      }
    }
    arrivals_[static_cast<std::size_t>(hop.arrivals)].push(arrival);
    most_arrived_ = std::max(most_arrived_, ++arrived_);
    Lane& receiver = lanes_[static_cast<std::size_t>(hop.stage)];
    if (receiver.blocked_on == hop.arrivals) {
      receiver.blocked_on = -1;
      give_turn(hop.stage);
    }
  }

  // Beside the chunk's last pass, which starts now.
  void place_reduce(std::int32_t stage, Lane& lane, const Chunk& chunk, double length) {
    const Pieces& reduce = chunk.reduce;
    const double start = lane.now.time;
    if (sink_ != nullptr) {
      double free = lane.data.time;
      for (std::int64_t j = 1; j <= reduce.count; ++j) {
        const double ready =
            start + length * static_cast<double>(j) / static_cast<double>(reduce.count);
        place_sync(stage, lane.pass.chunk, SliceKind::gradient_reduce, std::max(free, ready),
                   reduce.piece);
        free = std::max(free, ready) + reduce.piece;
      }
    } else {
      tasks_ += reduce.count;
    }
    lane.data = end_beside_pass(lane.data, reduce, lane.now,
                                kind_of_pass[static_cast<std::size_t>(last_kind_)], length);
  }

  void place_sync(std::int64_t stage, std::int64_t chunk, SliceKind kind, double start,
                  double time) {
    if (time <= 0) return;
    ++tasks_;
    if (sink_ == nullptr) return;
    sink_->add({static_cast<std::int32_t>(stage), Stream::data, kind,
                static_cast<std::int32_t>(chunk), -1, start, start + time});
  }

  // What is left of the reductions once the stage has done its passes.
  Moment finish_reduce(std::int64_t stage, StageResult& result) {
    const auto i = static_cast<std::size_t>(stage);
    const StageWork& work = work_.stages[i];
    const Lane& lane = lanes_[i];
    Moment end = later(lane.now, lane.data);
    for (std::int64_t c = 0; c < work_.interleave; ++c) {
      const double late = chunks_[index(stage, c)].reduce.late;
      place_sync(stage, c, SliceKind::gradient_reduce, end.time, late);
      end.spend(SliceKind::gradient_reduce, late);
    }
    result.reduce_exposed = Seconds{end.time - lane.now.time};
    place_sync(stage, -1, SliceKind::gradient_reduce, end.time, work.after_reduce.value());
    end.spend(SliceKind::gradient_reduce, work.after_reduce.value());
    return end;
  }

  StepResult finish_stages() {
    StepResult result;
    result.stages.resize(lanes_.size());
    Moment barrier;
    Seconds optimizer;
    for (std::int64_t i = 0; i < stages_; ++i) {
      const auto at = static_cast<std::size_t>(i);
      StageResult& stage = result.stages[at];
      const Lane& lane = lanes_[at];
      barrier = later(barrier, finish_reduce(i, stage));
      stage.busy = Seconds{lane.busy};
      stage.sending = Seconds{lane.sending};
      stage.first_start = Seconds{lane.first_start};
      stage.end_of_passes = Seconds{lane.now.time};
      stage.waiting =
          std::max(Seconds{}, stage.end_of_passes - stage.first_start - stage.busy - stage.sending);
      stage.gather_exposed = Seconds{lane.gather_exposed};
      stage.most_in_flight_chunks = lane.most_in_flight;
      result.passes = std::max(result.passes, stage.end_of_passes);
      optimizer = std::max(optimizer, work_.stages[at].optimizer);
    }
    finish_step(result, barrier, optimizer);
    return result;
  }

  void finish_step(StepResult& result, const Moment& barrier, Seconds optimizer) {
    const Seconds updated = Seconds{barrier.time} + optimizer;
    result.total = updated + work_.host;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      result.stages[i].idle = result.total - result.stages[i].busy;
      place_end(i, SliceKind::optimizer, Seconds{barrier.time}, work_.stages[i].optimizer);
      place_end(i, SliceKind::host, updated, work_.host);
    }
    for (std::size_t k = 0; k < barrier.chain.size(); ++k) {
      result.path.by_kind[k] = Seconds{barrier.chain[k]};
    }
    result.path.by_kind[kind_index(SliceKind::optimizer)] = optimizer;
    result.path.by_kind[kind_index(SliceKind::host)] = work_.host;
    result.tasks = tasks_;
    result.most_arrived = most_arrived_;
  }

  void place_end(std::size_t stage, SliceKind kind, Seconds start, Seconds time) {
    if (sink_ == nullptr || time.value() <= 0) return;
    sink_->add({static_cast<std::int32_t>(stage), Stream::compute, kind, -1, -1, start.value(),
                (start + time).value()});
  }

  const StepWork& work_;
  SliceSink* sink_;
  std::int64_t stages_;
  std::int32_t last_micro_batch_;
  PassKind last_kind_;  // that ends a micro-batch's stay on a chunk
  std::vector<Chunk> chunks_;
  std::vector<Lane> lanes_;
  std::vector<Arrivals> arrivals_;   // two per chunk: activations, gradients
  std::vector<std::int32_t> turns_;  // stages that can go on, a ring
  std::size_t first_turn_ = 0;
  std::size_t waiting_turns_ = 0;
  std::int64_t tasks_ = 0;
  std::int64_t arrived_ = 0;
  std::int64_t most_arrived_ = 0;
};

}  // namespace

StepResult run_step(const StepWork& work, SliceSink* sink) {
  check(work);
  return Run(work, sink).finish();
}

}  // namespace lockstep
