// The fit report and the transfer table as text and Markdown.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "topology/quantity_text.hpp"
#include "validate/calibrate.hpp"
#include "validate/runs.hpp"

namespace lockstep {
namespace {

constexpr std::size_t width = 100;

std::string percent(double share) {
  return fmt::format("{:.1f} %", 100.0 * share);
}
std::string percent(const std::optional<double>& share) {
  return share ? percent(*share) : std::string("-");
}

std::string name_of(const CalibratedLog& log) {
  return printable(std::filesystem::path(log.file).stem().string());
}

std::string escaped(const std::string& text) {
  std::string out = printable(text);
  for (std::size_t at = 0; (at = out.find('|', at)) != std::string::npos; at += 2)
    out.insert(at, "\\");
  return out;
}

std::size_t fitted(const CalibrationReport& report) {
  return static_cast<std::size_t>(
      std::count_if(report.logs.begin(), report.logs.end(),
                    [](const CalibratedLog& log) { return log.fitted(); }));
}

std::string bytes_text(Bytes bytes) {
  return bytes.value() < 1024 ? fmt::format("{:.0f} B", bytes.value()) : to_text(bytes);
}

std::string piece_text(const CalibrationPiece& piece, std::int64_t ranks, Collective collective) {
  std::string out = fmt::format("from {}: {}", bytes_text(piece.from), to_text(piece.latency));
  if (piece.seconds_per_byte > 0) {
    const double bandwidth = 1.0 / piece.seconds_per_byte;
    out += fmt::format(" + bytes / {} (bus {})", to_text(BytesPerSecond{bandwidth}),
                       to_text(BytesPerSecond{bandwidth * bus_factor(collective, ranks)}));
  } else {
    out += ", flat";
  }
  return out;
}

// One log: what it is, its pieces, its errors.
std::string details(const CalibratedLog& log) {
  std::string out = fmt::format("{}\n", name_of(log));
  const CollectiveCalibration& entry = log.calibration;
  std::string of =
      fmt::format("{} on {}, {} GPUs, {} {}: {} sizes from {} to {}", log.collective,
                  printable(log.system), log.gpus, log.nodes, log.nodes == 1 ? "node" : "nodes",
                  entry.points, bytes_text(entry.smallest), bytes_text(entry.largest));
  if (!entry.nccl_version.empty()) of += ", NCCL " + printable(entry.nccl_version);
  if (!entry.date.empty()) of += ", " + printable(entry.date);
  out += wrap(of, width, "  ", "  ") + '\n';
  for (const CalibrationPiece& piece : entry.pieces) {
    out += "    " + piece_text(piece, entry.ranks, entry.collective) + '\n';
  }
  out += fmt::format(
      "  residual: median {}, p90 {}; left out and predicted: median {}; uncalibrated: {}\n",
      percent(log.median_abs_error), percent(log.p90_abs_error), percent(log.left_out_median),
      percent(log.uncalibrated_median));
  out += fmt::format("  confidence: {}\n", to_string(log.confidence));
  for (const std::string& note : log.notes)
    out += wrap(printable(note), width, "  ", "      ") + '\n';
  if (!log.in_file)
    out += "  not in the calibration: another log of the same group has more sizes\n";
  return out + '\n';
}

double overall(const std::vector<TransferPair>& pairs, double TransferPair::*member) {
  std::vector<double> values;
  for (const TransferPair& pair : pairs) values.push_back(pair.*member);
  return quantile(std::move(values), 0.5);
}

std::map<std::string, std::vector<const TransferPair*>> by_fabric(
    const std::vector<TransferPair>& pairs) {
  std::map<std::string, std::vector<const TransferPair*>> result;
  for (const TransferPair& pair : pairs)
    result[pair.from->system + ", " + pair.from->fabric].push_back(&pair);
  return result;
}

std::string summary(const std::vector<TransferPair>& pairs) {
  if (pairs.empty()) return "No two logs are of one system and fabric.";
  return fmt::format("Median over {} pairs: {}; uncalibrated: {}.", pairs.size(),
                     percent(overall(pairs, &TransferPair::median_abs_error)),
                     percent(overall(pairs, &TransferPair::uncalibrated_median)));
}

std::string group_of(const CalibratedLog& log) {
  return fmt::format("{} {}x{}", log.collective, log.nodes, (log.gpus + log.nodes - 1) / log.nodes);
}

}  // namespace

std::string calibration_text(const CalibrationReport& report) {
  std::string out = fmt::format("{} tables: {} fitted, {} not.\n\n", report.logs.size(),
                                fitted(report), report.logs.size() - fitted(report));
  std::string left_out;
  for (const CalibratedLog& log : report.logs) {
    if (log.fitted()) {
      out += details(log);
    } else {
      left_out += wrap(name_of(log) + ": " + printable(log.status), width, "  ", "      ") + '\n';
    }
  }
  if (!left_out.empty()) return out + "Not fitted\n" + left_out;
  out.pop_back();
  return out;
}

std::string calibration_markdown(const CalibrationReport& report) {
  std::string out = fmt::format(
      "# Collectives, calibrated on each table itself\n\n"
      "Error is |fitted / measured - 1| over the sizes of a table; left out: the median where each "
      "size is predicted by "
      "a fit without it. {} tables: {} fitted, {} not.\n\n"
      "| table | system | collective | GPUs | nodes | sizes | pieces | median | p90 | left out | "
      "uncalibrated | "
      "confidence | health |\n"
      "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|---|\n",
      report.logs.size(), fitted(report), report.logs.size() - fitted(report));
  std::string left_out;
  for (const CalibratedLog& log : report.logs) {
    if (!log.fitted()) {
      left_out += fmt::format("| {} | {} |\n", escaped(name_of(log)), escaped(log.status));
      continue;
    }
    out += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
                       escaped(name_of(log)), escaped(log.system), log.collective, log.gpus,
                       log.nodes, log.points.size(), log.calibration.pieces.size(),
                       percent(log.median_abs_error), percent(log.p90_abs_error),
                       percent(log.left_out_median), percent(log.uncalibrated_median),
                       to_string(log.confidence), escaped(log.health));
  }
  return left_out.empty() ? out
                          : out + "\n## Not fitted\n\n| table | reason |\n|---|---|\n" + left_out;
}

std::string transfer_text(const std::vector<TransferPair>& pairs) {
  std::string out =
      "Calibrated on one log, predicting another of its system and fabric: median over the sizes "
      "of\n"
      "|predicted / measured - 1|. Groups as nodes x GPUs of a node.\n";
  for (const auto& [fabric, of] : by_fabric(pairs)) {
    Table table({{printable(fabric), Align::left, 20, 0},
                 {"predicting", Align::left},
                 {"basis", Align::left},
                 {"median", Align::right},
                 {"uncalibrated", Align::right}});
    for (const TransferPair* pair : of) {
      table.add({{group_of(*pair->from)},
                 {group_of(*pair->to)},
                 {to_string(pair->basis)},
                 {percent(pair->median_abs_error)},
                 {percent(pair->uncalibrated_median)}});
    }
    out += '\n' + table.render(width, "  ", false);
  }
  return out + '\n' + summary(pairs) + '\n';
}

std::string transfer_markdown(const std::vector<TransferPair>& pairs) {
  std::string out =
      "# Calibrated on one table, predicting another\n\n"
      "Pairs of healthy tables of one system and fabric that differ in collective, nodes or GPUs. "
      "Error is the median "
      "over the sizes of |predicted / measured - 1|.\n\n"
      "| system, fabric | calibrated on | predicting | basis | median | uncalibrated "
      "|\n|---|---|---|---|--:|--:|\n";
  for (const auto& [fabric, of] : by_fabric(pairs)) {
    for (const TransferPair* pair : of) {
      out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", escaped(fabric),
                         escaped(name_of(*pair->from)), escaped(name_of(*pair->to)),
                         to_string(pair->basis), percent(pair->median_abs_error),
                         percent(pair->uncalibrated_median));
    }
  }
  return out + '\n' + summary(pairs) + '\n';
}

}  // namespace lockstep
