// The layer timeline: what one pass of a block takes, with its collectives on their streams.
#pragma once

#include <string>
#include <vector>

#include "sim/engine/communication.hpp"
#include "sim/engine/parts.hpp"

namespace lockstep {

// Time of a pass, by kind of work. `weight_gradient` holds what a schedule may run later (empty
// unless the pass is split).
struct PassTime {
  Parts parts;
  Parts weight_gradient;
  std::vector<Seconds> exposed;  // of each of the pass's calls, as the compute stream waits for it
};

// A task of the layer timeline, for drawing. Seconds from the start of the pass.
struct LayerSlice {
  std::string name;
  const char* stream = "compute";
  double start = 0;
  double end = 0;
  double bytes = 0;
  double flops = 0;
  std::string detail;  // algorithm and protocol of a collective
};

struct PassOptions {
  bool recompute = false;               // the pass runs a forward again
  bool ends = false;                    // embedding or head: all its compute is one line
  bool splits_weight_gradient = false;  // the schedule runs weight gradients as passes of their own
};

// Places the pass's ops on the compute stream and its collectives on the streams of their groups.
// A collective between two ops is exposed by the share that the software profile states; one that
// spans ops runs beside them, slows them, and is exposed by what is left. `slices`, if not null,
// receives every task.
class LayerTimer {
 public:
  LayerTimer(const Cluster& cluster, const Plan& plan, const Communication& communication)
      : cluster_(cluster), plan_(plan), communication_(communication) {}

  [[nodiscard]] PassTime time(const Pass& pass, const PassOptions& options,
                              std::vector<LayerSlice>* slices = nullptr) const;

  // Share of a collective that stands between two ops which the step waits for.
  [[nodiscard]] double exposed_share(const CollectiveCall& call) const;

 private:
  const Cluster& cluster_;
  const Plan& plan_;
  const Communication& communication_;
};

}  // namespace lockstep
