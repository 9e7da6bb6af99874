#include "sim/engine/pipeline_time.hpp"

#include <algorithm>
#include <vector>

#include "sim/engine/pipeline_view.hpp"
#include "sim/engine/step_run.hpp"

namespace lockstep {

namespace {

using step_run::Instant;
using step_run::Pieces;

// A stage with one chunk, transfers that block added to the passes before them. A result leaves no
// sooner after the one before than the longer one of pass and hidden part takes.
struct Station {
  double forward = 0;        // pass and transfer
  double backward = 0;       // pass and transfer
  double forward_apart = 0;  // from one result to the next
  double backward_apart = 0;
  double last_pass = 0;
  double last_transfer = 0;
  double first_arrival = 0;      // of the first micro-batch's result; the last stage's end of it
  double last_backward_end = 0;  // transfer included

  [[nodiscard]] double total() const { return forward + backward; }
  [[nodiscard]] bool sends_beside() const {
    return forward_apart <= forward && backward_apart <= backward;
  }
};

bool no_collectives(const StageWork& stage) {
  const auto free = [](const std::vector<SyncCost>& costs) {
    return std::all_of(costs.begin(), costs.end(),
                       [](const SyncCost& cost) { return cost.time.value() <= 0; });
  };
  return free(stage.gather) && free(stage.reduce) && stage.after_reduce.value() <= 0;
}

bool no_transfers(const PipelineWork::Sends& sends) {
  return sends.forward_blocking <= 0 && sends.forward_hidden <= 0 && sends.backward_blocking <= 0 &&
         sends.backward_hidden <= 0;
}

Station station_of(const PipelineView& work, std::size_t i) {
  const PassCost& pass = work.stages[i]->chunks.front();
  const PipelineWork::Sends sends = work.sends[i];
  const bool sends_forward = i + 1 < work.stages.size();
  const bool sends_backward = i > 0;
  Station station;
  station.last_pass = pass.backward.value();
  station.last_transfer = sends_backward ? sends.backward_blocking : 0;
  const double transfer = sends_forward ? sends.forward_blocking : 0;
  station.forward = pass.forward.value() + transfer;
  station.backward = station.last_pass + station.last_transfer;
  station.forward_apart = station.forward;
  station.backward_apart = station.backward;
  if (sends_forward) {
    station.forward_apart = transfer + std::max(pass.forward.value(), sends.forward_hidden);
  }
  if (sends_backward) {
    station.backward_apart =
        station.last_transfer + std::max(station.last_pass, sends.backward_hidden);
  }
  return station;
}

// When the first result of a stage arrives whose input arrives at `arrival`.
double first_result(const StageWork& stage, const Station& station, double arrival) {
  if (stage.gather.empty()) return arrival + station.forward_apart;
  const double pass = stage.chunks.front().forward.value();
  const Pieces gather(stage.gather.front());
  if (!gather.any()) return arrival + station.forward_apart;
  const double end = end_beside_gather(Instant{arrival}, gather, gather.late, pass).time;
  const double start = std::max(arrival, gather.late + gather.piece);
  return std::max(end + (station.forward - pass), start + station.forward_apart);
}

std::vector<Station> stations_of(const PipelineView& work) {
  std::vector<Station> stations;
  stations.reserve(work.stages.size());
  double arrival = 0;
  for (std::size_t i = 0; i < work.stages.size(); ++i) {
    Station station = station_of(work, i);
    arrival = first_result(*work.stages[i], station, arrival);
    station.first_arrival = arrival;
    stations.push_back(station);
  }
  return stations;
}

// Ends of the last backward passes of GPipe. A job of a flow shop ends on its last machine after
// the longest way through the table of jobs and machines; where the first job leaves machine i at
// e_i, that is max over i of e_i + sum of what follows on j > i + (m - 1) times the slowest of
// j >= i. A send stream that is slower than the passes beside it sets its machine's pace, though
// not that of the machine's own passes.
void place_flow_shops(std::vector<Station>& stations, double further_jobs) {
  double forward_end = 0;
  double slowest = 0;
  double sum = 0;
  for (std::size_t i = stations.size(); i-- > 0;) {
    slowest = std::max(slowest, stations[i].forward_apart);
    forward_end = std::max(forward_end, stations[i].first_arrival + sum + further_jobs * slowest);
    sum += stations[i].forward_apart;
  }
  slowest = 0;
  sum = 0;
  for (std::size_t i = stations.size(); i-- > 0;) {
    const double own = stations[i].backward;
    stations[i].last_backward_end = forward_end + sum + own + further_jobs * std::max(slowest, own);
    slowest = std::max(slowest, stations[i].backward_apart);
    sum += stations[i].backward_apart;
  }
}

bool slowest_is_last(const std::vector<Station>& stations) {
  return std::all_of(stations.begin(), stations.end(), [&](const Station& station) {
    return station.sends_beside() && station.total() <= stations.back().total();
  });
}

void place_one_f_one_b(std::vector<Station>& stations, double further_jobs) {
  double end = stations.back().first_arrival + further_jobs * stations.back().total();
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
    const Instant start{station.last_backward_end - station.last_transfer - station.last_pass};
    if (reduce.piece > 0) {
      data = end_beside_pass(Instant{data}, reduce, start, SliceKind::backward, station.last_pass)
                 .time;
    }
  }
  return std::max(data, station.last_backward_end) + late + stage.after_reduce.value();
}

std::optional<Seconds> one_chunk_form(const PipelineView& work, bool phases_apart) {
  std::vector<Station> stations = stations_of(work);
  const auto further_jobs = static_cast<double>(work.micro_batches - 1);
  if (phases_apart) {
    place_flow_shops(stations, further_jobs);
  } else if (slowest_is_last(stations)) {
    place_one_f_one_b(stations, further_jobs);
  } else {
    return std::nullopt;
  }
  double end = 0;
  for (std::size_t i = 0; i < stations.size(); ++i) {
    end = std::max(end, end_of_reductions(*work.stages[i], stations[i]));
  }
  return Seconds{end} + ends_of_step(work);
}

bool same_costs(const PassCost& a, const PassCost& b) {
  return a.forward == b.forward && a.backward == b.backward &&
         a.weight_gradient == b.weight_gradient;
}

std::optional<Seconds> equal_chunks_form(const PipelineView& work) {
  if (!std::all_of(work.sends.begin(), work.sends.end(), no_transfers)) return std::nullopt;
  const PassCost& cost = work.stages.front()->chunks.front();
  for (const StageWork* stage : work.stages) {
    if (!no_collectives(*stage)) return std::nullopt;
    for (const PassCost& chunk : stage->chunks) {
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

std::optional<Seconds> closed_form(const PipelineView& work) {
  static const Schedule* const gpipe = find_schedule("gpipe");
  static const Schedule* const one_f_one_b = find_schedule("1f1b");
  if (work.schedule == gpipe) return one_chunk_form(work, true);
  if (work.schedule == one_f_one_b && work.interleave == 1) return one_chunk_form(work, false);
  return equal_chunks_form(work);
}

std::optional<Seconds> step_closed_form(const StepWork& work) {
  PipelineView view;
  view.look_at(work);
  return closed_form(view);
}

Seconds step_total(const StepWork& work) {
  PipelineDurations durations;
  return durations.total(work);
}

}  // namespace lockstep
