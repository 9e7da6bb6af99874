#include "sim/engine/pipeline_time.hpp"

#include <algorithm>
#include <vector>

#include "sim/engine/step_run.hpp"

namespace lockstep {

namespace {

using step_run::Moment;
using step_run::Pieces;

// A stage with one chunk, transfers that block added to the passes before them.
struct Station {
  double forward = 0;   // pass and transfer
  double backward = 0;  // pass and transfer
  double last_pass = 0;
  double last_transfer = 0;
  double first_forward_end = 0;  // of the first micro-batch, gather and transfer included
  double last_backward_end = 0;  // transfer included

  [[nodiscard]] double total() const { return forward + backward; }
};

bool no_collectives(const StageWork& stage) {
  const auto free = [](const std::vector<SyncCost>& costs) {
    return std::all_of(costs.begin(), costs.end(),
                       [](const SyncCost& cost) { return cost.time.value() <= 0; });
  };
  return free(stage.gather) && free(stage.reduce) && stage.after_reduce.value() <= 0;
}

bool no_transfers(const StageWork& stage) {
  for (const Seconds time : {stage.forward_send_blocking, stage.forward_send_hidden,
                             stage.backward_send_blocking, stage.backward_send_hidden}) {
    if (time.value() > 0) return false;
  }
  return true;
}

Seconds ends_of_step(const StepWork& work) {
  Seconds optimizer;
  for (const StageWork& stage : work.stages) optimizer = std::max(optimizer, stage.optimizer);
  return optimizer + work.host;
}

// Stations of a pipeline with one chunk per stage; nothing where a transfer's hidden part does not
// fit beside the pass before it.
std::optional<std::vector<Station>> stations_of(const StepWork& work) {
  std::vector<Station> stations;
  double arrival = 0;
  for (std::size_t i = 0; i < work.stages.size(); ++i) {
    const StageWork& stage = work.stages[i];
    const PassCost& pass = stage.chunks.front();
    const bool sends_forward = i + 1 < work.stages.size();
    const bool sends_backward = i > 0;
    if (sends_forward && stage.forward_send_hidden > pass.forward) return std::nullopt;
    if (sends_backward && stage.backward_send_hidden > pass.backward) return std::nullopt;
    const double send = sends_forward ? stage.forward_send_blocking.value() : 0;
    Station station;
    station.last_pass = pass.backward.value();
    station.last_transfer = sends_backward ? stage.backward_send_blocking.value() : 0;
    station.forward = pass.forward.value() + send;
    station.backward = station.last_pass + station.last_transfer;
    Moment ready;
    ready.time = arrival;
    if (stage.gather.empty()) {
      arrival += station.forward;
    } else {
      const Pieces gather(stage.gather.front());
      arrival = end_beside_gather(ready, gather, gather.late, pass.forward.value()).time + send;
    }
    station.first_forward_end = arrival;
    stations.push_back(station);
  }
  return stations;
}

// Ends of the last backward passes of GPipe. A job of a flow shop ends on its last machine after
// the longest way through the table of jobs and machines; where the first job leaves machine i at
// e_i, that is max over i of e_i + sum of what follows on j > i + (m - 1) times the slowest of
// j >= i.
void place_flow_shops(std::vector<Station>& stations, double further_jobs) {
  double forward_end = 0;
  double slowest = 0;
  double sum = 0;
  for (std::size_t i = stations.size(); i-- > 0;) {
    slowest = std::max(slowest, stations[i].forward);
    forward_end =
        std::max(forward_end, stations[i].first_forward_end + sum + further_jobs * slowest);
    sum += stations[i].forward;
  }
  slowest = 0;
  sum = 0;
  for (std::size_t i = stations.size(); i-- > 0;) {
    slowest = std::max(slowest, stations[i].backward);
    sum += stations[i].backward;
    stations[i].last_backward_end = forward_end + sum + further_jobs * slowest;
  }
}

bool slowest_is_last(const std::vector<Station>& stations) {
  return std::all_of(stations.begin(), stations.end(), [&](const Station& station) {
    return station.total() <= stations.back().total();
  });
}

void place_one_f_one_b(std::vector<Station>& stations, double further_jobs) {
  double end = stations.back().first_forward_end + further_jobs * stations.back().total();
  for (std::size_t i = stations.size(); i-- > 0;) {
    end += stations[i].backward;
    stations[i].last_backward_end = end;
  }
}

// When a stage's reductions are through.
double end_of_reductions(const StageWork& stage, const Station& station) {
  double data = 0;
  double late = 0;
  if (!stage.gather.empty()) data = stage.gather.front().time.value();
  if (!stage.reduce.empty()) {
    const Pieces reduce(stage.reduce.front());
    late = reduce.late;
    Moment free;
    free.time = data;
    Moment start;
    start.time = station.last_backward_end - station.last_transfer - station.last_pass;
    if (reduce.piece > 0) {
      data = end_beside_pass(free, reduce, start, SliceKind::backward, station.last_pass).time;
    }
  }
  return std::max(data, station.last_backward_end) + late + stage.after_reduce.value();
}

std::optional<Seconds> one_chunk_form(const StepWork& work, bool phases_apart) {
  std::optional<std::vector<Station>> stations = stations_of(work);
  if (!stations) return std::nullopt;
  const auto further_jobs = static_cast<double>(work.micro_batches - 1);
  if (phases_apart) {
    place_flow_shops(*stations, further_jobs);
  } else if (slowest_is_last(*stations)) {
    place_one_f_one_b(*stations, further_jobs);
  } else {
    return std::nullopt;
  }
  double end = 0;
  for (std::size_t i = 0; i < stations->size(); ++i) {
    end = std::max(end, end_of_reductions(work.stages[i], (*stations)[i]));
  }
  return Seconds{end} + ends_of_step(work);
}

bool same_costs(const PassCost& a, const PassCost& b) {
  return a.forward == b.forward && a.backward == b.backward &&
         a.weight_gradient == b.weight_gradient;
}

std::optional<Seconds> equal_chunks_form(const StepWork& work) {
  const PassCost& cost = work.stages.front().chunks.front();
  for (const StageWork& stage : work.stages) {
    if (!no_transfers(stage) || !no_collectives(stage)) return std::nullopt;
    for (const PassCost& chunk : stage.chunks) {
      if (!same_costs(chunk, cost)) return std::nullopt;
    }
  }
  const auto stages = static_cast<std::int64_t>(work.stages.size());
  const std::optional<Seconds> bubble =
      work.schedule->bubble({0, stages, work.interleave, work.micro_batches}, cost);
  if (!bubble) return std::nullopt;
  Seconds pass = cost.forward + cost.backward;
  if (work.schedule->splits_backward) pass += cost.weight_gradient;
  Seconds total = static_cast<double>(work.interleave * work.micro_batches) * pass + *bubble;
  if (work.schedule->layout == ChunkLayout::v_shape) {
    total += static_cast<double>(stages - 1) * cost.forward;
  }
  return total + ends_of_step(work);
}

}  // namespace

std::optional<Seconds> step_closed_form(const StepWork& work) {
  check(work);
  const bool phases_apart = work.schedule == find_schedule("gpipe");
  if (phases_apart || (work.schedule == find_schedule("1f1b") && work.interleave == 1)) {
    return one_chunk_form(work, phases_apart);
  }
  return equal_chunks_form(work);
}

Seconds step_total(const StepWork& work) {
  const std::optional<Seconds> total = step_closed_form(work);
  return total ? *total : run_step_settled(work).total;
}

}  // namespace lockstep
