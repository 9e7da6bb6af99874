#include "validate/calibrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "topology/routes.hpp"
#include "validate/runs.hpp"

namespace lockstep {
namespace {

// A time of which another takes less than this share is not just noisy.
constexpr double smallest_step = 0.6;
constexpr double most_dropped = 0.2;  // of the sizes; a run that needs more is broken
constexpr std::size_t many_sizes = 12;
constexpr std::size_t some_sizes = 8;
constexpr double close = 0.05;
constexpr double fair = 0.10;
constexpr double normal_p90 = 1.645;  // standard deviations at which |x| has its 90 % quantile
constexpr double least_spread = 0.01;

// The times of one size, of both sides; the median where a size occurs again.
struct SizeTimes {
  std::vector<double> counted;
  std::vector<double> other;
  bool wrong = false;
};

struct Points {
  std::vector<TimedSize> all;   // sizes rising, each once: what errors are measured on
  std::vector<TimedSize> kept;  // what the fit sees
  std::vector<LogPoint> fates;  // of all
  std::size_t wrong = 0;        // sizes with wrong results
  std::size_t disturbed =
      0;  // much slower than the next size, and than the other side of the same row
  std::vector<double> falls;  // sizes after which both sides fall: NCCL's choice, not a disturbance
};

std::map<std::int64_t, SizeTimes> times_of(const MeasuredTable& measured,
                                           std::vector<std::string>& notes) {
  const bool in_place = !has_out_of_place(measured.table);
  if (in_place) notes.emplace_back("in-place times: the log has no others");
  std::map<std::int64_t, SizeTimes> sizes;
  std::size_t without = 0;
  std::size_t empty = 0;
  std::size_t again = 0;
  for (const NcclRow& row : measured.table.rows) {
    const std::optional<double> time = time_of(row, in_place);
    if (row.size_bytes == 0) ++empty;
    if (row.size_bytes != 0 && !time) ++without;
    if (row.size_bytes == 0 || !time) continue;
    SizeTimes& of = sizes[row.size_bytes];
    if (!of.counted.empty()) ++again;
    of.counted.push_back(*time);
    if (const std::optional<double> other = time_of(row, !in_place)) of.other.push_back(*other);
    of.wrong = of.wrong || is_wrong(row);
  }
  const auto note = [&](std::size_t rows, const char* what) {
    if (rows > 0) notes.push_back(fmt::format("{} {} {}", rows, rows == 1 ? "row" : "rows", what));
  };
  note(empty, "of size 0 dropped");
  note(without, "without a time dropped");
  note(again, "for a size that is there already: the median counts");
  return sizes;
}

Points points_of(const MeasuredTable& measured, std::vector<std::string>& notes) {
  const std::map<std::int64_t, SizeTimes> sizes = times_of(measured, notes);
  Points points;
  for (auto at = sizes.begin(); at != sizes.end(); ++at) {
    const SizeTimes& now = at->second;
    const TimedSize point{static_cast<double>(at->first), quantile(now.counted, 0.5)};
    points.all.push_back(point);
    const auto next = std::next(at);
    const bool falls =
        next != sizes.end() && quantile(next->second.counted, 0.5) < smallest_step * point.seconds;
    const bool alone =
        !now.other.empty() && quantile(now.other, 0.5) < smallest_step * point.seconds;
    points.fates.push_back({point, now.wrong ? "wrong results"
                                   : alone   ? "disturbed: much slower than the next size and the "
                                               "other side of the row"
                                             : ""});
    if (now.wrong) {
      ++points.wrong;
    } else if (alone) {
      ++points.disturbed;
    } else {
      points.kept.push_back(point);
      if (falls) points.falls.push_back(point.bytes);
    }
  }
  if (points.wrong > 0)
    notes.push_back(fmt::format("{} {} with wrong results dropped", points.wrong,
                                points.wrong == 1 ? "size" : "sizes"));
  if (points.disturbed > 0) {
    notes.push_back(fmt::format(
        "{} disturbed {} dropped: slower by {:.0f} % and more than the other side of the row",
        points.disturbed, points.disturbed == 1 ? "size" : "sizes", 100.0 / smallest_step - 100.0));
  }
  for (const double bytes : points.falls) {
    notes.push_back(
        fmt::format("times fall after {:.0f} bytes, in place too; the curve stays level", bytes));
  }
  return points;
}

// Why a run is broken; "" where it is not.
std::string refusal(const MeasuredTable& measured, const Points& points) {
  const auto sizes = static_cast<double>(points.all.size());
  if (measured.health == "unhealthy") return "its notes call the run unhealthy";
  if (static_cast<double>(points.wrong) > most_dropped * sizes) {
    return fmt::format("{} of {} sizes gave wrong results", points.wrong, points.all.size());
  }
  const std::size_t unsteady = points.disturbed + points.falls.size();
  if (static_cast<double>(unsteady) > most_dropped * sizes) {
    return fmt::format("{} of {} sizes took much longer than the next: something disturbed the run",
                       unsteady, points.all.size());
  }
  if (points.kept.size() < fewest_sizes) {
    return fmt::format("{} sizes with a time: a fit needs {}", points.kept.size(), fewest_sizes);
  }
  return {};
}

Confidence confidence_of(const CalibratedLog& log) {
  if (!log.healthy()) return Confidence::low;
  if (log.points.size() >= many_sizes && log.left_out_median <= close) return Confidence::high;
  if (log.points.size() >= some_sizes && log.left_out_median <= fair) return Confidence::medium;
  return Confidence::low;
}

void fit(const MeasuredTable& measured, const std::vector<TimedSize>& kept, CalibratedLog& log) {
  const PiecewiseFit pieces = fit_pieces(kept);
  std::vector<double> errors;
  std::vector<double> sizes;
  for (const TimedSize& point : log.points) {
    const double ratio = evaluate(pieces.pieces, point.bytes) / point.seconds;
    errors.push_back(std::fabs(ratio - 1.0));
    sizes.push_back(std::fabs(std::log(ratio)));
  }
  log.median_abs_error = quantile(errors, 0.5);
  log.p90_abs_error = quantile(errors, 0.9);
  log.left_out_median = pieces.left_out_median;
  log.confidence = confidence_of(log);
  CollectiveCalibration& entry = log.calibration;
  entry.system = log.system;
  entry.collective = *measured.collective;
  entry.ranks = log.gpus;
  entry.nodes = log.nodes;
  entry.pieces = pieces.pieces;
  entry.spread = std::max(least_spread, quantile(sizes, 0.9) / normal_p90);
  entry.points = static_cast<std::int64_t>(kept.size());
  entry.smallest = Bytes{log.points.front().bytes};
  entry.largest = Bytes{log.points.back().bytes};
  entry.source = measured.source;
  entry.date = measured.date;
  entry.nccl_version = measured.nccl_version;
  entry.confidence = log.confidence;
}

double median_error(const nccl::NcclGroup& group, Collective collective,
                    const std::vector<TimedSize>& points) {
  std::vector<double> errors;
  for (const TimedSize& point : points) {
    errors.push_back(std::fabs(
        nccl::choose(group, collective, Bytes{point.bytes}).time.value() / point.seconds - 1.0));
  }
  return quantile(std::move(errors), 0.5);
}

CalibratedLog calibrated(const MeasuredTable& measured) {
  CalibratedLog log;
  log.file = measured.file;
  log.collective = measured.collective_name;
  log.gpus = measured.gpus;
  log.nodes = measured.nodes;
  log.system = measured.where.cluster.system.name;
  log.health = measured.health;
  log.status = measured.status;
  log.notes = measured.where.assumed;
  log.registered = measured.registered;
  if (!log.fitted()) return log;
  const LogCluster& where = measured.where;
  const nccl::NcclGroup group = nccl::prepare(where.cluster, routes(where.cluster), where.shape);
  log.fabric = nccl::fabric_prior(group.fabric).name;
  const Points points = points_of(measured, log.notes);
  log.points = points.all;
  log.fates = points.fates;
  if (!log.points.empty())
    log.uncalibrated_median = median_error(group, *measured.collective, log.points);
  const std::string refused = refusal(measured, points);
  if (refused.empty()) {
    fit(measured, points.kept, log);
  } else {
    log.status = "refused: " + refused;
  }
  return log;
}

auto group_key(const CalibratedLog& log) {
  return std::tuple(log.system, log.collective, log.gpus, log.nodes);
}

// Of the logs of one group the one with the most sizes is kept; of plain buffers where there is
// one, since frameworks seldom register theirs.
void settle(std::vector<CalibratedLog>& logs) {
  for (CalibratedLog& log : logs) {
    for (const CalibratedLog& other : logs) {
      if (!log.fitted() || !other.fitted() || &log == &other || group_key(log) != group_key(other))
        continue;
      const bool earlier = &other < &log;
      if (log.registered != other.registered) {
        log.in_file = log.in_file && !log.registered;
      } else if (other.points.size() > log.points.size() ||
                 (other.points.size() == log.points.size() && earlier)) {
        log.in_file = false;
      }
    }
  }
}

}  // namespace

std::vector<CollectiveCalibration> CalibrationReport::calibrations() const {
  std::vector<CollectiveCalibration> result;
  for (const CalibratedLog& log : logs) {
    if (log.fitted() && log.in_file) result.push_back(log.calibration);
  }
  return result;
}

CalibrationReport calibrate_logs(const std::vector<std::string>& files, const Catalog& catalog,
                                 const Aliases& aliases, const ClusterChoice& choice) {
  return calibrate_tables(read_tables(files, catalog, aliases, choice));
}

CalibrationReport calibrate_tables(MeasuredTables measured) {
  CalibrationReport report;
  report.problems = std::move(measured.problems);
  for (const MeasuredTable& table : measured.tables) report.logs.push_back(calibrated(table));
  settle(report.logs);
  return report;
}

std::vector<TransferPair> transfers(const CalibrationReport& report, const Catalog& catalog) {
  std::vector<TransferPair> pairs;
  for (const CalibratedLog& from : report.logs) {
    if (!from.fitted() || !from.healthy()) continue;
    std::shared_ptr<const Calibrations> calibrations;
    for (const CalibratedLog& to : report.logs) {
      if (!to.fitted() || !to.healthy() || from.system != to.system || from.fabric != to.fabric ||
          group_key(from) == group_key(to)) {
        continue;
      }
      if (!calibrations) {
        calibrations = std::make_shared<const Calibrations>(catalog.system(from.system),
                                                            std::vector{from.calibration});
      }
      Cluster cluster;
      cluster.system = calibrations->system();
      cluster.nodes = to.nodes;
      cluster.calibrations = calibrations;
      const nccl::NcclGroup group =
          nccl::prepare(cluster, routes(cluster), spread_group(cluster, to.gpus, to.nodes));
      TransferPair pair;
      pair.from = &from;
      pair.to = &to;
      pair.basis = group.calibrated[static_cast<std::size_t>(to.calibration.collective)].basis;
      pair.median_abs_error = median_error(group, to.calibration.collective, to.points);
      pair.uncalibrated_median = *to.uncalibrated_median;
      pairs.push_back(pair);
    }
  }
  return pairs;
}

}  // namespace lockstep
