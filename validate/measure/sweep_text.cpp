// Sweeps in the columns of nccl-tests since 2.13, so that whatever reads its tables reads these.
#include <fmt/format.h>

#include <algorithm>

#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "validate/measure/sweep.hpp"

namespace lockstep {
namespace {

constexpr std::size_t line_width = 100;

double microseconds(double seconds) {
  return seconds * 1e6;
}

// The names of nccl-tests' programs.
std::string program(Collective collective) {
  if (collective == Collective::all_to_all) return "alltoall_perf";
  if (collective == Collective::send_recv) return "sendrecv_perf";
  return fmt::format("{}_perf", to_string(collective));
}

int root(Collective collective) {
  return collective == Collective::broadcast || collective == Collective::reduce ? 0 : -1;
}

// As many digits as seven columns take.
std::string time_text(double seconds) {
  const double time = microseconds(seconds);
  if (time >= 99999.95) return fmt::format("{:7.0f}", time);
  return time >= 9999.995 ? fmt::format("{:7.1f}", time) : fmt::format("{:7.2f}", time);
}

// Gigabytes per second in six columns.
std::string rate_text(double bytes_per_s) {
  return fmt::format("{:6.2f}", bytes_per_s * 1e-9);
}

double algorithm_rate(std::int64_t bytes, const CollectiveSide& side) {
  return side.time.median_s > 0.0 ? static_cast<double>(bytes) / side.time.median_s : 0.0;
}

double bus_rate(const CollectiveSweep& sweep, std::int64_t bytes, const CollectiveSide& side) {
  return algorithm_rate(bytes, side) * bus_factor(sweep.collective, sweep.ranks);
}

std::string side_text(const CollectiveSweep& sweep, std::int64_t bytes,
                      const std::optional<CollectiveSide>& side) {
  if (!side) return fmt::format("  {:>7}  {:>6}  {:>6}  {:>5}", "N/A", "N/A", "N/A", "N/A");
  const std::string wrong = side->wrong ? fmt::format("{}", *side->wrong) : "N/A";
  return fmt::format("  {}  {}  {}  {:>5}", time_text(side->time.median_s),
                     rate_text(algorithm_rate(bytes, *side)),
                     rate_text(bus_rate(sweep, bytes, *side)), wrong);
}

std::string row(const CollectiveSweep& sweep, const CollectivePoint& point) {
  return fmt::format("{:12}  {:12}  {:>8}  {:>6}  {:6}{}{}\n", point.size_bytes, point.count,
                     sweep.type, sweep.redop, root(sweep.collective),
                     side_text(sweep, point.size_bytes, point.out_of_place),
                     side_text(sweep, point.size_bytes, point.in_place));
}

std::string plural(std::int64_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string group_text(const CollectiveSweep& sweep) {
  std::string text = fmt::format("# group: {}, {} on {}", printable(sweep.group),
                                 plural(sweep.ranks, "rank"), plural(sweep.nodes, "node"));
  text += sweep.groups > 1 ? fmt::format(", {} groups at once", sweep.groups) : "";
  return text + (sweep.registered ? "; buffers registered\n" : "\n");
}

std::string table(const CollectiveSweep& sweep) {
  std::string text =
      "#                                                              out-of-place"
      "                       in-place\n"
      "#       size         count      type   redop    root"
      "     time   algbw   busbw #wrong     time   algbw   busbw #wrong\n"
      "#        (B)    (elements)                          "
      "     (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)\n";
  for (const CollectivePoint& point : sweep.points) text += row(sweep, point);
  return text;
}

// The side that the blocks below the table speak of.
const CollectiveSide* main_side(const CollectivePoint& point) {
  if (point.out_of_place) return &*point.out_of_place;
  return point.in_place ? &*point.in_place : nullptr;
}

// "  12.34   -5.1 %": an expected time and how far it is from the measured one.
std::string expected_text(const std::optional<double>& expected, double measured) {
  if (!expected) return fmt::format("  {:>7} {:>8}", "-", "");
  const std::string error =
      measured > 0.0 ? fmt::format("{:+.1f} %", 100.0 * (*expected / measured - 1.0)) : "";
  return fmt::format("  {:>7} {:>8}", time_text(*expected), error);
}

// Repeats and spreads, and what NCCL and Lockstep expected: lines that readers of tables skip.
std::string block(const CollectiveSweep& sweep) {
  const auto any_of = [&](auto has) {
    return std::any_of(sweep.points.begin(), sweep.points.end(), has);
  };
  const bool of_nccl =
      any_of([](const CollectivePoint& p) { return p.nccl_estimate_s.has_value(); });
  const bool of_ours = any_of([](const CollectivePoint& p) { return p.predicted_s.has_value(); });
  std::string text = fmt::format("#\n#{:>11}   {:^19}  {:>8}  {:>7}  {:>6}{}{}\n", "size",
                                 "90 % of the median", "spread", "repeats", "calls",
                                 of_nccl ? fmt::format("  {:>16}", "NCCL expects") : "",
                                 of_ours ? fmt::format("  {:>16}", "Lockstep expects") : "");
  text += fmt::format("#{:>11}   {:^19}  {:>8}  {:>7}  {:>6}{}{}\n", "(B)", "(us)", "", "", "each",
                      of_nccl ? fmt::format("  {:>7} {:>8}", "(us)", "error") : "",
                      of_ours ? fmt::format("  {:>7} {:>8}", "(us)", "error") : "");
  for (const CollectivePoint& point : sweep.points) {
    const CollectiveSide* side = main_side(point);
    if (side == nullptr) continue;
    const RepeatedTime& time = side->time;
    text += fmt::format("#{:11}   {:>8} ..{:>8}   {:6.1f} %  {:7}  {:6}{}{}\n", point.size_bytes,
                        time_text(time.low_s), time_text(time.high_s), 100.0 * time.spread,
                        time.repeats, time.iterations,
                        of_nccl ? expected_text(point.nccl_estimate_s, time.median_s) : "",
                        of_ours ? expected_text(point.predicted_s, time.median_s) : "");
  }
  return text;
}

// nccl-tests' last lines: the sum of wrong elements, the mean of all bus bandwidths.
std::string foot(const CollectiveSweep& sweep) {
  std::int64_t wrong = 0;
  bool checked = false;
  double sum = 0;
  int sides = 0;
  for (const CollectivePoint& point : sweep.points) {
    for (const auto& side : {point.out_of_place, point.in_place}) {
      if (!side) continue;
      checked = checked || side->wrong.has_value();
      wrong += side->wrong.value_or(0);
      sum += bus_rate(sweep, point.size_bytes, *side);
      ++sides;
    }
  }
  return fmt::format("#\n# Out of bounds values : {}\n# Avg bus bandwidth    : {:g}\n#\n",
                     checked ? fmt::format("{} {}", wrong, wrong == 0 ? "OK" : "FAILED") : "N/A",
                     sides == 0 ? 0.0 : sum / sides * 1e-9);
}

std::string versions_text(const MachineFacts& machine) {
  std::vector<std::string> facts;
  const auto add = [&](const char* name, const std::string& version) {
    if (!version.empty()) facts.push_back(printable(name + version));
  };
  add("NCCL version ", machine.nccl);
  add("CUDA ", machine.cuda);
  add("driver ", machine.driver);
  add("", machine.mpi);
  return facts.empty() ? std::string{} : fmt::format("# {}\n", fmt::join(facts, ", "));
}

std::string hosts_text(const MachineFacts& machine) {
  std::vector<std::string> hosts;
  for (const std::string& host : machine.hosts) hosts.push_back(printable(host));
  if (hosts.empty()) return {};
  return wrap(fmt::format("hosts: {}", fmt::join(hosts, ", ")), line_width, "# ", "#   ") + '\n';
}

// As nccl-tests lists them, without process numbers.
std::string devices_text(const std::vector<MeasuredGpu>& gpus) {
  if (gpus.empty()) return {};
  std::string text = "#\n# Using devices\n";
  for (std::size_t rank = 0; rank < gpus.size(); ++rank) {
    const MeasuredGpu& gpu = gpus[rank];
    text +=
        fmt::format("#  Rank {:2} Group  0 on {:>10} device {:2} [{}] {}\n", rank,
                    printable(gpu.host), gpu.device, printable(gpu.bus_id), printable(gpu.name));
  }
  return text;
}

std::string head(const Measurement& measurement) {
  const MachineFacts& machine = measurement.machine;
  const std::string backend =
      measurement.collectives.empty() ? "" : measurement.collectives.front().backend;
  std::string text =
      fmt::format("# lockstep-validate {}, {}{}\n", printable(backend), machine.date,
                  machine.system.empty() ? "" : ", system " + printable(machine.system));
  text += versions_text(machine) + hosts_text(machine);
  if (!measurement.functional_only.empty())
    text += wrap("no calibration: " + printable(measurement.functional_only), line_width, "# ",
                 "#   ") +
            '\n';
  return text + devices_text(machine.gpus) + "#\n";
}

}  // namespace

std::string sweeps_text(const Measurement& measurement) {
  std::string text = head(measurement);
  for (const CollectiveSweep& sweep : measurement.collectives) {
    text += fmt::format("# Collective test starting: {}\n", program(sweep.collective));
    text += group_text(sweep) + table(sweep) + block(sweep) + foot(sweep);
    text += fmt::format("# Collective test concluded: {}\n#\n", program(sweep.collective));
  }
  return text;
}

}  // namespace lockstep
