#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "validate/collectives.hpp"
#include "validate/runs.hpp"

namespace lockstep {
namespace {

constexpr std::size_t width = 100;

std::string percent_of(const std::optional<double>& share) {
  return share ? fmt::format("{:.1f} %", 100.0 * *share) : std::string("-");
}

std::string name_of(const LogResult& log) {
  return printable(std::filesystem::path(log.file).stem().string());
}

// The compared logs of each system, the worst first; the system with the worst log first.
std::vector<std::vector<const LogResult*>> by_system(const CollectivesReport& report) {
  const auto worse = [](const LogResult* a, const LogResult* b) { return *a->median_abs_error > *b->median_abs_error; };
  std::map<std::string, std::vector<const LogResult*>> systems;
  for (const LogResult& log : report.logs) {
    if (log.compared()) systems[log.system].push_back(&log);
  }
  std::vector<std::vector<const LogResult*>> out;
  for (auto& [system, logs] : systems) {
    std::stable_sort(logs.begin(), logs.end(), worse);
    out.push_back(std::move(logs));
  }
  std::stable_sort(out.begin(), out.end(), [&](const auto& a, const auto& b) { return worse(a.front(), b.front()); });
  return out;
}

std::size_t compared(const CollectivesReport& report) {
  return static_cast<std::size_t>(
      std::count_if(report.logs.begin(), report.logs.end(), [](const LogResult& log) { return log.compared(); }));
}

// Median over the tables of their medians; nothing where no table has one.
std::optional<double> overall(const CollectivesReport& report, std::optional<double> LogResult::*median) {
  std::vector<double> values;
  for (const LogResult& log : report.logs) {
    if (log.compared() && log.healthy() && log.*median) values.push_back(*(log.*median));
  }
  return values.empty() ? std::nullopt : std::optional<double>(quantile(std::move(values), 0.5));
}

std::string summary(const CollectivesReport& report) {
  return fmt::format("median over the tables not noted as unhealthy: {}; from 16 MB on: {}",
                     percent_of(overall(report, &LogResult::median_abs_error)),
                     percent_of(overall(report, &LogResult::median_abs_error_16mb)));
}

std::string escaped(const std::string& text) {
  std::string out = printable(text);
  for (std::size_t at = 0; (at = out.find('|', at)) != std::string::npos; at += 2) out.insert(at, "\\");
  return out;
}

}  // namespace

std::string collectives_text(const CollectivesReport& report) {
  std::string out = fmt::format("{} tables: {} compared, {} not.\n", report.logs.size(), compared(report),
                                report.logs.size() - compared(report));
  if (compared(report) > 0) out += "\nMedian over the sizes of |predicted / measured - 1|; 16 MB+: from 16 MB on\n";
  for (const auto& logs : by_system(report)) {
    Table table({{printable(logs.front()->system), Align::left, 20, 0},
                 {"collective", Align::left},
                 {"GPUs", Align::right},
                 {"nodes", Align::right},
                 {"median", Align::right},
                 {"16 MB+", Align::right},
                 {"health", Align::left}});
    for (const LogResult* log : logs) {
      table.add({{name_of(*log)},
                 {log->collective},
                 {fmt::format("{}", log->gpus)},
                 {fmt::format("{}", log->nodes)},
                 {percent_of(log->median_abs_error)},
                 {percent_of(log->median_abs_error_16mb)},
                 {printable(log->health)}});
    }
    out += '\n' + table.render(width, "  ", false);
  }
  if (compared(report) > 0) out += "\n  " + summary(report) + '\n';
  std::string left_out;
  for (const LogResult& log : report.logs) {
    if (!log.compared()) left_out += wrap(name_of(log) + ": " + printable(log.status), width, "  ", "      ") + '\n';
  }
  return left_out.empty() ? out : out + "\nNot compared\n" + left_out;
}

std::string collectives_markdown(const CollectivesReport& report) {
  std::string out = fmt::format(
      "# Collectives against predictions\n\n"
      "Error is |predicted / measured - 1|, the median over the sizes of a table. {} tables: {} compared, {} not.\n\n"
      "| table | system | collective | GPUs | nodes | sizes | median | from 16 MB | health |\n"
      "|---|---|---|--:|--:|--:|--:|--:|---|\n",
      report.logs.size(), compared(report), report.logs.size() - compared(report));
  for (const auto& logs : by_system(report)) {
    for (const LogResult* log : logs) {
      out += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", escaped(name_of(*log)),
                         escaped(log->system), log->collective, log->gpus, log->nodes, log->rows.size(),
                         percent_of(log->median_abs_error), percent_of(log->median_abs_error_16mb),
                         escaped(log->health));
    }
  }
  const std::string text = summary(report);
  out += "\nM" + text.substr(1) + ".\n";
  std::string left_out;
  for (const LogResult& log : report.logs) {
    if (!log.compared()) left_out += fmt::format("| {} | {} |\n", escaped(name_of(log)), escaped(log.status));
  }
  return left_out.empty() ? out : out + "\n## Not compared\n\n| table | reason |\n|---|---|\n" + left_out;
}

}  // namespace lockstep
