#include "sim/engine/layer_time.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "sim/compute/op_cost.hpp"
#include "sim/engine/timeline.hpp"

namespace lockstep {

namespace {

// Communication streams: NCCL runs each communicator's collectives on a stream of its own.
enum LayerStream : std::size_t { tensor_stream, context_stream, expert_stream, streams };
constexpr std::array<const char*, streams> stream_names{"tensor parallel", "context parallel",
                                                        "expert parallel"};

LayerStream stream_of(CommRole role) {
  if (role == CommRole::context_exchange) return context_stream;
  if (role == CommRole::expert_exchange) return expert_stream;
  return tensor_stream;
}

// Indices of a pass's calls in the order in which they start, and in which ops wait for them.
struct CallOrder {
  explicit CallOrder(const Pass& pass) : starts(pass.calls.size()) {
    std::iota(starts.begin(), starts.end(), std::size_t{0});
    const auto sort_by = [&](std::vector<std::size_t>& order, std::size_t CollectiveCall::*place) {
      const auto earlier = [&](std::size_t a, std::size_t b) {
        return pass.calls[a].*place < pass.calls[b].*place;
      };
      if (std::is_sorted(order.begin(), order.end(), earlier)) return;  // as nearly always
      std::stable_sort(order.begin(), order.end(), earlier);
    };
    sort_by(starts, &CollectiveCall::after);
    waits = starts;
    sort_by(waits, &CollectiveCall::before);
  }

  std::vector<std::size_t> starts;
  std::vector<std::size_t> waits;
};

bool costs_the_same(const CollectiveCall& a, const CollectiveCall& b) {
  return a.collective == b.collective && a.bytes == b.bytes && a.group == b.group &&
         a.copies == b.copies && a.most_nodes == b.most_nodes;
}

// One pass on its timeline.
class PassRun {
 public:
  PassRun(const Cluster& cluster, const Plan& plan, const Communication& communication,
          const LayerTimer& timer, const Pass& pass, const PassOptions& options,
          std::vector<LayerSlice>* slices)
      : gpu_(cluster.system.gpu),
        plan_(plan),
        communication_(communication),
        timer_(timer),
        pass_(pass),
        options_(options),
        slices_(slices),
        order_(pass),
        ends_(pass.calls.size()),
        timeline_(streams, *gpu_.overlap_slowdown) {}

  PassTime run() {
    result_.exposed.assign(pass_.calls.size(), Seconds{});
    for (std::size_t i = 0; i <= pass_.ops.size(); ++i) {
      issue(i);
      wait_for(i);
      if (i < pass_.ops.size()) compute(pass_.ops[i]);
    }
    result_.parts[StepPart::slowdown] += timeline_.lost();
    return result_;
  }

 private:
  // Starts what comes after the first `done` ops.
  void issue(std::size_t done) {
    chain_ = timeline_.now();
    for (; issued_ < order_.starts.size(); ++issued_) {
      const std::size_t call = order_.starts[issued_];
      if (pass_.calls[call].after > done) return;
      issue_call(call);
    }
  }

  // Ring steps cost what the one before did.
  const nccl::CollectiveChoice& cost(const CollectiveCall& call) {
    if (costed_ == nullptr || !costs_the_same(*costed_, call)) cost_ = communication_.cost(call);
    costed_ = &call;
    return cost_;
  }

  Seconds duration_of(const Op& op) {
    if (timed_ == nullptr || !(*timed_ == op)) duration_ = op_time(gpu_, plan_.software, op);
    timed_ = &op;
    return duration_;
  }

  void issue_call(std::size_t index) {
    const CollectiveCall& call = pass_.calls[index];
    const nccl::CollectiveChoice& choice = cost(call);
    const LayerStream stream = stream_of(call.role);
    const bool between = call.after == call.before;
    const Seconds shown = between ? timer_.exposed_share(call) * choice.time : choice.time;
    // What stands between the same two ops runs one after the other: each needs the one before.
    const Span span = timeline_.communicate(stream, shown, between ? chain_ : timeline_.now());
    if (between) chain_ = span.end;
    ends_[index] = span.end;
    if (slices_ == nullptr) return;
    slices_->push_back({call.name, stream_names[stream], span.start.value(), span.end.value(),
                        call.bytes.value(), 0.0,
                        fmt::format("{} {}", choice.algorithm, choice.protocol)});
  }

  // Waits, one after the other, for what op number `op` needs.
  void wait_for(std::size_t op) {
    for (; waited_ < order_.waits.size(); ++waited_) {
      const std::size_t index = order_.waits[waited_];
      const CollectiveCall& call = pass_.calls[index];
      if (call.before > op) break;
      const Seconds end = ends_[index];
      if (end <= now_) continue;
      result_.parts[part_of(call.role)] += end - now_;
      result_.exposed[index] += end - now_;
      now_ = end;
    }
    timeline_.compute(Seconds{}, now_);
  }

  void compute(const Op& op) {
    const Seconds duration = duration_of(op);
    const StepPart part = options_.ends ? StepPart::ends : part_of(op, options_.recompute);
    if (options_.splits_weight_gradient && op.weight_gradient) {
      result_.weight_gradient[part] += duration;
      return;
    }
    result_.parts[part] += duration;
    const Span span = timeline_.compute(duration, now_);
    now_ = span.end;
    if (slices_ == nullptr) return;
    slices_->push_back({op.name,
                        "compute",
                        span.start.value(),
                        span.end.value(),
                        op.bytes.value(),
                        op.flops.value(),
                        {}});
  }

  const Gpu& gpu_;
  const Plan& plan_;
  const Communication& communication_;
  const LayerTimer& timer_;
  const Pass& pass_;
  const PassOptions& options_;
  std::vector<LayerSlice>* slices_;
  CallOrder order_;
  std::size_t issued_ = 0;     // of order_.starts
  std::size_t waited_ = 0;     // of order_.waits
  std::vector<Seconds> ends_;  // of calls
  Timeline timeline_;
  Seconds now_;
  Seconds chain_;  // the end of the calls so far that stand between the same two ops
  // What was asked last.
  const CollectiveCall* costed_ = nullptr;
  nccl::CollectiveChoice cost_;
  const Op* timed_ = nullptr;
  Seconds duration_;
  PassTime result_;
};

}  // namespace

// Forward, nothing runs beside tensor collectives but userbuffer pipelining; backward, the weight
// gradient does (profile constants). Of dispatch and combine, what other micro-batches or shared
// experts don't hide.
double LayerTimer::exposed_share(const CollectiveCall& call) const {
  const Software& software = plan_.software;
  const bool of_tensor =
      call.role == CommRole::tensor_forward || call.role == CommRole::tensor_backward;
  // What the plan overlaps stands beside ops; the rest is exposed.
  if (of_tensor && plan_.tensor_overlap != Override::software) return 1.0;
  switch (call.role) {
    case CommRole::tensor_forward:
      return *software.tensor_forward_exposed;
    case CommRole::tensor_backward:
      return plan_.sequence_parallel ? *software.tensor_sequence_backward_exposed
                                     : *software.tensor_backward_exposed;
    case CommRole::expert_exchange:
      return *software.expert_exposed;
    default:
      return 1.0;
  }
}

PassTime LayerTimer::time(const Pass& pass, const PassOptions& options,
                          std::vector<LayerSlice>* slices) const {
  return PassRun(cluster_, plan_, communication_, *this, pass, options, slices).run();
}

}  // namespace lockstep
