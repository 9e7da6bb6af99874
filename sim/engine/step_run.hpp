// The parts that the step timeline is made of, and the sweep that finds its total alone.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "sim/engine/step_timeline.hpp"

namespace lockstep::step_run {

constexpr std::size_t kind_index(SliceKind kind) {
  return static_cast<std::size_t>(kind);
}

// An instant, and what the chain of work that leads to it without gaps consists of.
struct Moment {
  double time = 0;
  std::array<double, kind_index(SliceKind::optimizer)> chain{};  // by SliceKind; sums to time

  void spend(SliceKind kind, double seconds) {
    time += seconds;
    chain[kind_index(kind)] += seconds;
  }
};

inline const Moment& later(const Moment& a, const Moment& b) {
  return b.time > a.time ? b : a;
}

// Results on their way to the stage that waits for them, first in, first out. Grows to the most
// that were under way at once, to the next power of two.
class Arrivals {
 public:
  [[nodiscard]] bool empty() const { return first_ == end_; }
  [[nodiscard]] const Moment& front() const { return slots_[first_ & (slots_.size() - 1)]; }
  void pop() { ++first_; }
  void push(const Moment& moment) {
    if (end_ - first_ == slots_.size()) grow();
    slots_[end_++ & (slots_.size() - 1)] = moment;
  }

 private:
  void grow() {
    std::vector<Moment> wider(slots_.empty() ? 4 : 2 * slots_.size());
    const std::size_t held = end_ - first_;
    for (std::size_t i = 0; i < held; ++i) {
      wider[i] = slots_[(first_ + i) & (slots_.size() - 1)];
    }
    slots_.swap(wider);
    first_ = 0;
    end_ = held;
  }

  std::vector<Moment> slots_;
  std::size_t first_ = 0;
  std::size_t end_ = 0;
};

// A chunk's collective in pieces.
struct Pieces {
  double late = 0;   // time of what overlaps with nothing
  double piece = 0;  // time of one of the others
  std::int64_t count = 0;

  Pieces() = default;
  explicit Pieces(const SyncCost& cost)
      : late(cost.time.value() * cost.late_share),
        piece((cost.time.value() - late) / static_cast<double>(cost.buckets)),
        count(cost.buckets) {}

  [[nodiscard]] bool any() const { return late > 0 || piece > 0; }
  [[nodiscard]] double overlapped() const { return piece * static_cast<double>(count); }
};

// An instant alone, for who does not ask what led to it.
struct Instant {
  double time = 0;

  void spend(SliceKind /*kind*/, double seconds) { time += seconds; }
};

// End of a pass of `length` that could start at `ready`, where the late share of its gather ends
// at `late_end` and pieces follow it one by one: piece j is there at late_end + j piece and needed
// when (j - 1)/n of the pass is done, so the pass ends no earlier than
//   late_end + j piece + (n - j + 1)/n length,
// which is linear in j: the first or the last piece decides.
template <class Time>
Time end_beside_gather(const Time& ready, const Pieces& gather, double late_end, double length) {
  Time end = ready;
  end.spend(SliceKind::forward, length);
  // From the start of the step the data stream did nothing but gather.
  const auto consider = [&](double gathered, double left) {
    if (gathered + left <= end.time) return;
    end = Time{};
    end.spend(SliceKind::parameter_gather, gathered);
    end.spend(SliceKind::forward, left);
  };
  consider(late_end, length);
  if (gather.piece > 0) {
    consider(late_end + gather.piece, length);
    consider(late_end + gather.overlapped(), length / static_cast<double>(gather.count));
  }
  return end;
}

// End of the overlapped pieces of a reduction on a data stream that is free at `free`, beside a
// pass of `length` and `kind` that starts at `start`: piece j starts no earlier than
// start + j/n length, so the last one ends no earlier than
//   start + j/n length + (n - j + 1) piece,
// and no earlier than n pieces after `free`.
template <class Time>
Time end_beside_pass(const Time& free, const Pieces& reduce, const Time& start, SliceKind kind,
                     double length) {
  Time end = free;
  end.spend(SliceKind::gradient_reduce, reduce.overlapped());
  const auto consider = [&](double done, double time) {
    if (start.time + done + time <= end.time) return;
    end = start;
    end.spend(kind, done);
    end.spend(SliceKind::gradient_reduce, time);
  };
  consider(length / static_cast<double>(reduce.count), reduce.overlapped());
  consider(length, reduce.piece);
  return end;
}

// Whether a result from one stage to another goes to the next one, round the corner from the last
// to the first, else to the one before. With two stages both neighbours are the same one: gradients
// go back.
inline bool sends_forward(std::int64_t from, std::int64_t to, std::int64_t stages, PassKind kind) {
  const bool next = to == (from + 1) % stages;
  const bool before = from == (to + 1) % stages;
  return next && before ? kind == PassKind::forward : next;
}

}  // namespace lockstep::step_run
