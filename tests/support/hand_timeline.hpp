// Timelines made by hand: passes in a given order per stage, placed by the plainest rule there is.
#pragma once

#include <algorithm>
#include <map>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/report/timeline_report.hpp"

namespace lockstep::test {

struct HandPass {
  SliceKind kind = SliceKind::forward;
  int chunk = 0;
  int micro_batch = 0;
};

struct HandTimes {
  double forward = 1;
  double backward = 2;
  double weight_gradient = 1;
  double transfer = 0;   // on the sender's stream, then the receiver may start
  double reduce = 0;     // after a stage's last pass, beside nothing
  double optimizer = 0;  // when all are reduced
};

using HandOrders = std::vector<std::vector<HandPass>>;  // of every stage

// 1F1B without interleaving: p - i - 1 forward passes, then one forward, one backward.
inline HandOrders one_forward_one_backward(int stages, int micro_batches) {
  HandOrders orders;
  for (int stage = 0; stage < stages; ++stage) {
    std::vector<HandPass> order;
    const int warmup = std::min(stages - stage - 1, micro_batches);
    for (int m = 0; m < warmup; ++m) order.push_back({SliceKind::forward, 0, m});
    for (int m = 0; m < micro_batches; ++m) {
      if (m + warmup < micro_batches) order.push_back({SliceKind::forward, 0, m + warmup});
      order.push_back({SliceKind::backward, 0, m});
    }
    orders.push_back(order);
  }
  return orders;
}

// Places every pass when its stage is free and its input is there; until all are placed.
inline std::vector<Slice> placed(const HandOrders& orders, int chunks, const HandTimes& times) {
  using Key = std::tuple<int, int, int>;  // kind, virtual stage, micro-batch
  std::vector<Slice> slices;
  std::map<Key, double> done;
  const int stages = static_cast<int>(orders.size());
  const int last = stages * chunks - 1;
  std::vector<std::size_t> next(orders.size(), 0);
  std::vector<double> free(orders.size(), 0.0);
  const auto ready = [&](const HandPass& pass, int at) {
    const auto find = [&](SliceKind kind, int where) {
      const auto found = done.find({static_cast<int>(kind), where, pass.micro_batch});
      return found == done.end() ? -1.0 : found->second;
    };
    if (pass.kind == SliceKind::forward) return at == 0 ? 0.0 : find(SliceKind::forward, at - 1);
    if (pass.kind == SliceKind::weight_gradient) return 0.0;
    if (find(SliceKind::forward, at) < 0) return -1.0;
    return at == last ? 0.0 : find(SliceKind::backward, at + 1);
  };
  std::size_t left = 0;
  for (const auto& order : orders) left += order.size();
  while (left > 0) {
    const std::size_t before = left;
    for (int stage = 0; stage < stages; ++stage) {
      const auto s = static_cast<std::size_t>(stage);
      while (next[s] < orders[s].size()) {
        const HandPass& pass = orders[s][next[s]];
        const int at = pass.chunk * stages + stage;
        const double input = ready(pass, at);
        if (input < 0) break;
        const double start = std::max(free[s], input);
        const bool forward = pass.kind == SliceKind::forward;
        const double length = forward                            ? times.forward
                              : pass.kind == SliceKind::backward ? times.backward
                                                                 : times.weight_gradient;
        free[s] = start + length;
        slices.push_back(
            {stage, Stream::compute, pass.kind, pass.chunk, pass.micro_batch, start, free[s]});
        double arrival = free[s];
        const bool sends = forward ? at < last : pass.kind == SliceKind::backward && at > 0;
        if (sends && times.transfer > 0) {
          arrival += times.transfer;
          slices.push_back({stage, forward ? Stream::send_forward : Stream::send_backward,
                            SliceKind::transfer, pass.chunk, pass.micro_batch, free[s], arrival});
          free[s] = arrival;
        }
        done[{static_cast<int>(pass.kind), at, pass.micro_batch}] = arrival;
        ++next[s];
        --left;
      }
    }
    if (left == before) throw std::logic_error("the orders block each other");
  }
  double reduced = 0;
  for (int stage = 0; stage < stages; ++stage) {
    const double end = free[static_cast<std::size_t>(stage)];
    if (times.reduce > 0) {
      slices.push_back(
          {stage, Stream::data, SliceKind::gradient_reduce, 0, -1, end, end + times.reduce});
    }
    reduced = std::max(reduced, end + times.reduce);
  }
  for (int stage = 0; stage < stages && times.optimizer > 0; ++stage) {
    slices.push_back(
        {stage, Stream::compute, SliceKind::optimizer, -1, -1, reduced, reduced + times.optimizer});
  }
  return slices;
}

inline TimelineReport hand_timeline(const HandOrders& orders, int chunks, int micro_batches,
                                    const HandTimes& times) {
  TimelineReport timeline;
  timeline.scenario = "by hand";
  timeline.plan = "plan";
  timeline.schedule = "1f1b";
  timeline.stages = static_cast<std::int64_t>(orders.size());
  timeline.interleave = chunks;
  timeline.micro_batches = micro_batches;
  const std::vector<Slice> slices = placed(orders, chunks, times);
  for (const Slice& slice : slices) {
    timeline.splits_backward |= slice.kind == SliceKind::weight_gradient;
    timeline.step_s = std::max(timeline.step_s, slice.end);
  }
  timeline.play = [slices](SliceSink& sink) {
    for (const Slice& slice : slices) sink.add(slice);
  };
  return timeline;
}

}  // namespace lockstep::test
