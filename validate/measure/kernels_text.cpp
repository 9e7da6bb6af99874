#include "validate/measure/kernels_text.hpp"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep {
namespace {

constexpr std::size_t width = 100;
constexpr double percent = 100.0;
constexpr double tera = 1e12;

std::string time_text(double seconds) {
  return to_text(Seconds{seconds});
}
std::string rate_text(double bytes_per_s) {
  return to_text(BytesPerSecond{bytes_per_s});
}
std::string share_text(double share) {
  return share > 0 ? fmt::format("{:.1f} %", percent * share) : "-";
}
// How far `value` lies from `from`.
std::string off_text(std::optional<double> value, double from) {
  if (!value || !(from > 0)) return "-";
  const std::string text = fmt::format("{:+.1f} %", percent * (*value / from - 1));
  return text == "-0.0 %" ? "+0.0 %" : text;
}

// The gradients' products as libraries call them, so that names fit.
std::string short_name(const std::string& op) {
  for (const auto& [full, brief] :
       {std::pair{", data gradient", ", dgrad"}, std::pair{", weight gradient", ", wgrad"}}) {
    const std::size_t at = op.find(full);
    if (at != std::string::npos) return std::string(op).replace(at, std::strlen(full), brief);
  }
  return op;
}

// What was measured, and where, if there are several GPUs.
std::string named(const Measurement& measurement, std::int64_t device, const std::string& what) {
  const bool several = measurement.machine.gpus.size() > 1;
  return several ? fmt::format("GPU {}: {}", device, what) : what;
}

std::string titled(const char* title, const Table& table) {
  return fmt::format("\n{}\n{}", title, table.render(width, "  ", false));
}

std::string machine_text(const Measurement& measurement, const std::string& catalog_gpu) {
  const MachineFacts& machine = measurement.machine;
  std::string out;
  for (const MeasuredGpu& gpu : machine.gpus) {
    constexpr double giga = 1e9;
    out += fmt::format("GPU {}: {}, {:.1f} GB\n", gpu.device, printable(gpu.name),
                       static_cast<double>(gpu.memory_bytes) / giga);
  }
  out += fmt::format("CUDA {}, cuBLASLt {}\n", machine.cuda, machine.cublas);
  if (catalog_gpu.empty())
    return out + "No GPU of this name is in the catalog: no shares of a peak, no predictions.\n";
  return out +
         wrap(fmt::format("Shares are of the peaks of {} in the catalog; predictions are "
                          "those without any calibration, their error predicted / measured "
                          "- 1.",
                          catalog_gpu),
              width, "", "") +
         '\n';
}

std::string gemms_text(const Measurement& measurement) {
  if (measurement.gemms.empty()) return {};
  Table table({{"", Align::left, 12, 0},
               {"type", Align::left},
               {"M", Align::right},
               {"N", Align::right},
               {"K", Align::right},
               {"time", Align::right},
               {"TFLOP/s", Align::right},
               {"of peak", Align::right},
               {"predicted", Align::right},
               {"2nd clock", Align::right}});
  for (const MeasuredGemm& gemm : measurement.gemms) {
    table.add({{named(measurement, gemm.device, short_name(gemm.op))},
               {gemm.dtype},
               {fmt::format("{}", gemm.m)},
               {fmt::format("{}", gemm.n)},
               {fmt::format("{}", gemm.k)},
               {time_text(gemm.time.median_s)},
               {fmt::format("{:.3g}", gemm.flops_per_s / tera)},
               {share_text(gemm.peak_share)},
               {off_text(gemm.predicted_s, gemm.time.median_s)},
               {off_text(gemm.second_path_s, gemm.time.median_s)}});
  }
  return titled("Matrix products", table);
}

std::string memory_text(const Measurement& measurement) {
  if (measurement.memory_ops.empty()) return {};
  Table table({{"", Align::left, 12, 0},
               {"read and written", Align::right},
               {"time", Align::right},
               {"rate", Align::right},
               {"of HBM", Align::right},
               {"predicted", Align::right}});
  for (const MeasuredMemoryOp& op : measurement.memory_ops) {
    table.add({{named(measurement, op.device, op.op)},
               {to_text(Bytes{op.bytes})},
               {time_text(op.time.median_s)},
               {rate_text(op.bytes_per_s)},
               {share_text(op.peak_share)},
               {off_text(op.predicted_s, op.time.median_s)}});
  }
  return titled("Memory-bound kernels", table);
}

std::string copies_text(const Measurement& measurement) {
  if (measurement.copies.empty()) return {};
  Table table({{"", Align::left, 12, 0},
               {"host memory", Align::left},
               {"copied", Align::right},
               {"time", Align::right},
               {"rate", Align::right},
               {"2nd clock", Align::right}});
  for (const MeasuredCopy& copy : measurement.copies) {
    const bool of_host = copy.direction.find("host") != std::string::npos;
    table.add({{named(measurement, copy.device, copy.direction)},
               {of_host ? (copy.pinned ? "pinned" : "pageable") : "-"},
               {to_text(Bytes{copy.bytes})},
               {time_text(copy.time.median_s)},
               {rate_text(copy.bytes_per_s)},
               {off_text(copy.second_path_s, copy.time.median_s)}});
  }
  return titled("Copies", table);
}

std::string launches_text(const Measurement& measurement) {
  if (measurement.launches.empty()) return {};
  Table table({{"", Align::left, 12, 0}, {"each", Align::right}, {"spread", Align::right}});
  for (const MeasuredLaunch& launch : measurement.launches) {
    table.add({{launch.what},
               {time_text(launch.time.median_s)},
               {fmt::format("{:.1f} %", percent * launch.time.spread)}});
  }
  return titled("Launches", table);
}

std::string overlaps_text(const Measurement& measurement) {
  if (measurement.overlaps.empty()) return {};
  Table table({{"beside", Align::left, 12, 0},
               {"products alone", Align::right},
               {"beside it", Align::right},
               {"it alone", Align::right},
               {"beside them", Align::right},
               {"lost per second", Align::right}});
  for (const MeasuredOverlap& overlap : measurement.overlaps) {
    table.add({{overlap.beside},
               {time_text(overlap.gemm_alone_s)},
               {time_text(overlap.gemm_beside_s)},
               {time_text(overlap.other_alone_s)},
               {time_text(overlap.other_beside_s)},
               {fmt::format("{:.3f} s", overlap.slowdown)}});
  }
  const MeasuredOverlap& first = measurement.overlaps.front();
  const std::string title =
      fmt::format("A queue of {} products of {} x {} x {} while something else runs", first.dtype,
                  first.m, first.n, first.k);
  return titled(title.c_str(), table);
}

}  // namespace

std::string kernels_text(const Measurement& measurement, const std::string& catalog_gpu,
                         const std::vector<std::string>& left_out) {
  std::string out = machine_text(measurement, catalog_gpu);
  out += gemms_text(measurement) + memory_text(measurement) + copies_text(measurement) +
         launches_text(measurement) + overlaps_text(measurement);
  if (left_out.empty()) return out;
  out += "\nLeft out\n";
  for (const std::string& one : left_out) out += wrap(printable(one), width, "  ", "      ") + '\n';
  return out;
}

}  // namespace lockstep
