#include "sim/engine/step_run.hpp"

namespace lockstep::step_run {

Moment end_beside_gather(const Moment& ready, const Pieces& gather, double late_end,
                         double length) {
  Moment end = ready;
  end.spend(SliceKind::forward, length);
  // From the start of the step the data stream did nothing but gather.
  const auto consider = [&](double gathered, double left) {
    if (gathered + left <= end.time) return;
    end = Moment{};
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

Moment end_beside_pass(const Moment& free, const Pieces& reduce, const Moment& start,
                       SliceKind kind, double length) {
  Moment end = free;
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

}  // namespace lockstep::step_run
