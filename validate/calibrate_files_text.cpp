// The report of a calibration out of any files, and its points.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "validate/calibrate_files.hpp"
#include "validate/constant_search.hpp"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t width = 100;

std::string quoted_cell(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

std::string csv_row(const std::string& file, const std::string& kind, const std::string& what,
                    const std::string& shape, double measured, double fitted,
                    const std::string& dropped) {
  const bool known = fitted > 0 && measured > 0;
  return fmt::format("{},{},{},{},{:.6g},{},{},{},{}\n", quoted_cell(file), kind, quoted_cell(what),
                     quoted_cell(shape), measured, known ? fmt::format("{:.6g}", fitted) : "",
                     known ? fmt::format("{:.4f}", fitted / measured - 1) : "",
                     dropped.empty() ? "kept" : "dropped", quoted_cell(dropped));
}

const char* kind_text(SampleKind kind) {
  constexpr const char* names[] = {"gemm", "memory", "attention", "copy", "overlap"};
  return names[static_cast<std::size_t>(kind)];
}

// What the catalog has for kernels alone.
double catalog_value(const CalibratedConstant& constant, const Catalog& catalog) {
  Cluster cluster;
  if (constant.folder() == "gpus") {
    cluster.system.gpu = catalog.gpu(constant.entry());
  } else {
    cluster.system = catalog.system(constant.entry());
  }
  double value = 0;
  for_each_constant(cluster, [&](const std::string& path, const ConstantBase& found) {
    if (path == constant.path()) value = found.fit.empty() ? found.value : found.prior;
  });
  return value;
}

std::string constants_table(const std::vector<CalibratedConstant>& constants,
                            const Catalog& catalog) {
  Table table({{"constant", Align::left, 30, 0},
               {"measured", Align::right},
               {"spread", Align::right},
               {"catalog", Align::right},
               {"points", Align::right},
               {"confidence", Align::left}});
  for (const CalibratedConstant& one : constants) {
    const Dimension dimension = constant_info(one.of)->dimension;
    table.add({{one.of},
               {constant_text(one.value, dimension)},
               {fmt::format("{:.1f} %", 100 * one.spread)},
               {constant_text(catalog_value(one, catalog), dimension)},
               {std::to_string(one.points)},
               {to_string(one.confidence)}});
  }
  return table.render(width, "  ", false);
}

std::string paragraphs(const std::vector<std::string>& all) {
  std::string out;
  for (const std::string& words : all) out += wrap(printable(words), width, "  ", "      ") + '\n';
  return out;
}

std::string refusals_text(const std::vector<Refusal>& refusals, bool broken) {
  std::vector<std::string> lines;
  for (const Refusal& refusal : refusals) {
    if (refusal.broken == broken)
      lines.push_back(fmt::format("{}, {}: {}", refusal.file, refusal.what, refusal.why));
  }
  return paragraphs(lines);
}

void section(std::string& out, const char* title, const std::string& text) {
  if (text.empty()) return;
  if (!out.empty()) out += '\n';
  out += title;
  out += '\n' + text;
}

Json constant_json(const CalibratedConstant& one) {
  return {{"of", one.of},         {"value", one.value},
          {"spread", one.spread}, {"confidence", to_string(one.confidence)},
          {"points", one.points}, {"source", one.source}};
}

Json machine_json(const CalibratedMachine& machine) {
  return {{"date", machine.date}, {"driver", machine.driver}, {"cuda", machine.cuda},
          {"nccl", machine.nccl}, {"hosts", machine.hosts},   {"gpus", machine.gpus}};
}

}  // namespace

std::string points_csv(const FilesCalibration& calibration) {
  std::string out = "file,kind,what,shape,measured_s,fitted_s,residual,kept,why\n";
  for (const CalibratedLog& log : calibration.collectives.logs) {
    const std::string what = fmt::format("{} of {} on {}", log.collective, log.gpus, log.nodes);
    for (const LogPoint& point : log.fates) {
      const double fitted = log.fitted() ? evaluate(log.calibration.pieces, point.time.bytes) : 0.0;
      const std::string why = log.fitted() ? point.dropped : log.status;
      out += csv_row(log.file, "collective", what, fmt::format("{:.0f} B", point.time.bytes),
                     point.time.seconds, fitted, why);
    }
  }
  for (const KernelSample& sample : calibration.constants.samples) {
    const double measured = sample.kind == SampleKind::overlap ? sample.slowdown : sample.seconds;
    out += csv_row(sample.file, kind_text(sample.kind), sample.what, sample.shape, measured,
                   sample.fitted, sample.dropped);
  }
  return out;
}

std::string constants_text(const FilesCalibration& calibration, const Catalog& catalog) {
  const ConstantsReport& report = calibration.constants;
  std::string out;
  if (!report.constants.empty()) {
    section(out, "Constants, of kernels and copies alone (what a step loses against them stays)",
            constants_table(report.constants, catalog));
  }
  section(out, "Refused", refusals_text(report.refusals, true));
  section(out, "Left out", refusals_text(report.refusals, false) + paragraphs(report.notes));
  section(out, "The files contradict each other", paragraphs(calibration.merged.contradictions));
  return out;
}

std::string files_calibration_text(const FilesCalibration& calibration, const Catalog& catalog) {
  const std::string constants = constants_text(calibration, catalog);
  const bool logs = !calibration.collectives.logs.empty() || constants.empty();
  std::string out = logs ? calibration_text(calibration.collectives) : std::string{};
  if (logs && !constants.empty()) out += '\n';
  return out + constants;
}

std::string files_calibration_json(const FilesCalibration& calibration) {
  Json json = Json::parse(calibration_json(calibration.collectives));
  json["machine"] = machine_json(calibration.merged.machine);
  json["contradictions"] = calibration.merged.contradictions;
  json["constants"] = Json::array();
  for (const CalibratedConstant& one : calibration.constants.constants)
    json["constants"].push_back(constant_json(one));
  json["refusals"] = Json::array();
  for (const Refusal& one : calibration.constants.refusals) {
    json["refusals"].push_back(
        {{"file", one.file}, {"what", one.what}, {"why", one.why}, {"broken", one.broken}});
  }
  json["notes"] = calibration.constants.notes;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace lockstep
