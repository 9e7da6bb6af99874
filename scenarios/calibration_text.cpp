// The text of a calibration file.
#include <fmt/format.h>

#include "scenarios/calibration_file.hpp"
#include "scenarios/utf8.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep {
namespace {

constexpr double never_zero = 1e-300;

// Double quotes and what a YAML scalar between them escapes.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : printable(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string entry_text(const CollectiveCalibration& entry) {
  std::string out = fmt::format(
      "  - system: {}\n    collective: {}\n    ranks: {}\n    nodes: {}\n    spread: {:.4g}\n    "
      "points: {}\n"
      "    smallest: {:.0f} B\n    largest: {:.0f} B\n",
      entry.system, to_string(entry.collective), entry.ranks, entry.nodes, entry.spread,
      entry.points, entry.smallest.value(), entry.largest.value());
  if (!entry.source.empty()) out += fmt::format("    source: {}\n", quoted(entry.source));
  if (!entry.date.empty()) out += fmt::format("    date: {}\n", quoted(entry.date));
  if (!entry.nccl_version.empty())
    out += fmt::format("    nccl_version: {}\n", quoted(entry.nccl_version));
  if (entry.confidence != Confidence::unstated)
    out += fmt::format("    confidence: {}\n", to_string(entry.confidence));
  out += "    pieces:\n";
  for (const CalibrationPiece& piece : entry.pieces) {
    out += fmt::format("      - {{from: {:.0f} B, latency: {:.6g} us", piece.from.value(),
                       piece.latency.value() * 1e6);
    if (piece.seconds_per_byte > never_zero)
      out += fmt::format(", bandwidth: {:.6g} GB/s", 1e-9 / piece.seconds_per_byte);
    out += "}\n";
  }
  return out;
}

std::string list_text(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + quoted(word);
  return '[' + out + ']';
}

std::string machine_text(const CalibratedMachine& machine) {
  std::string out = "machine:\n";
  const auto line = [&](const char* key, const std::string& value) {
    if (!value.empty()) out += fmt::format("  {}: {}\n", key, quoted(value));
  };
  line("date", machine.date);
  line("driver", machine.driver);
  line("cuda", machine.cuda);
  line("nccl", machine.nccl);
  if (!machine.hosts.empty()) out += fmt::format("  hosts: {}\n", list_text(machine.hosts));
  if (!machine.gpus.empty()) out += fmt::format("  gpus: {}\n", list_text(machine.gpus));
  return out;
}

// With the unit that the reader asks for.
std::string value_text(const CalibratedConstant& constant) {
  const ConstantInfo* info = constant_info(constant.of);
  switch (info == nullptr ? Dimension::none : info->dimension) {
    case Dimension::bytes:
      return fmt::format("{:.6g} B", constant.value);
    case Dimension::seconds:
      return fmt::format("{:.4g} us", constant.value * 1e6);
    case Dimension::bytes_per_second:
      return fmt::format("{:.4g} GB/s", constant.value * 1e-9);
    case Dimension::flops:
      return fmt::format("{:.6g} FLOP", constant.value);
    case Dimension::flops_per_second:
      return fmt::format("{:.5g} TFLOP/s", constant.value * 1e-12);
    case Dimension::watts:
      return fmt::format("{:.4g} W", constant.value);
    case Dimension::none:
      break;
  }
  return fmt::format("{:.4g}", constant.value);
}

std::string constant_line(const CalibratedConstant& constant) {
  std::string out = fmt::format("  - {{of: {}, value: {}, spread: {:.3g}%", constant.of,
                                value_text(constant), 100.0 * constant.spread);
  if (constant.confidence != Confidence::unstated)
    out += fmt::format(", confidence: {}", to_string(constant.confidence));
  out += fmt::format(", points: {}", constant.points);
  if (!constant.source.empty()) out += fmt::format(", source: {}", quoted(constant.source));
  return out + "}\n";
}

}  // namespace

std::string calibration_file_text(const CalibrationContents& contents) {
  std::string out =
      contents.constants.empty()
          ? "# Measured collectives, fitted by `lockstep calibrate`; --calibration reads it.\n"
          : "# Measured on one machine, fitted by `lockstep calibrate`; --calibration reads it.\n"
            "# Constants are those of kernels and copies alone: what training steps lose against "
            "them stays\n# the catalog's.\n";
  out += "calibration: 1\n";
  if (contents.machine.stated()) out += machine_text(contents.machine);
  if (!contents.collectives.empty() || contents.constants.empty()) {
    out += contents.collectives.empty() ? "collectives: []\n" : "collectives:\n";
    for (const CollectiveCalibration& entry : contents.collectives) out += entry_text(entry);
  }
  if (!contents.constants.empty()) {
    out += "constants:\n";
    for (const CalibratedConstant& constant : contents.constants) out += constant_line(constant);
  }
  return out;
}

}  // namespace lockstep
