#include "sim/report/roofline_text.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "scenarios/utf8.hpp"
#include "sim/report/flop_conventions.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/roofline.hpp"
#include "sim/report/text.hpp"

namespace lockstep {

namespace {

double largest_peak(const std::vector<OpUse>& ops) {
  double peak = 0;
  for (const OpUse& op : ops) peak = std::max(peak, op.peak_flops_per_s);
  return peak;
}

std::string intensity_text(const OpUse& op) {
  return op.flops > 0 ? three_digits(op.intensity()) : "—";
}

// "tensor cores do 989 TFLOP/s, HBM 3.35 TB/s: below 295 FLOP/B an op waits for HBM".
std::string ridge_text(const PlanReport& plan, const std::vector<OpUse>& ops) {
  const Gpu& gpu = plan.cluster.system.gpu;
  const double peak = largest_peak(ops);
  return fmt::format("tensor cores do {}FLOP/s, HBM {}B/s: an op below {} FLOP/B is bound by HBM",
                     scaled(peak), scaled((*gpu.memory_bandwidth).value()),
                     three_digits(ridge(gpu, peak)));
}

// As the partition lists them.
std::vector<OpUse> in_order(std::vector<OpUse> lines, const std::vector<PartitionLine>& partition) {
  const auto place = [&](const OpUse& line) {
    return std::find_if(partition.begin(), partition.end(),
                        [&](const PartitionLine& one) { return one.name == line.name; });
  };
  std::stable_sort(lines.begin(), lines.end(),
                   [&](const OpUse& a, const OpUse& b) { return place(a) < place(b); });
  return lines;
}

}  // namespace

std::string roofs_text(const PlanReport& plan, const TextOptions& options) {
  if (plan.step.partition.empty()) return {};
  const std::vector<OpUse> ops = op_uses(plan);
  Table table({{"kernels under their roofs", Align::left, 30, 0},
               {"time", Align::right, 0, 2},
               {"FLOP", Align::right, 0, 2},
               {"bytes", Align::right, 0, 2},
               {"FLOP/B", Align::right, 0, 2},
               {"roof", Align::left, 0, 2},
               {"of it", Align::right, 0, 2}});
  for (const OpUse& line : in_order(by_line(ops), plan.step.partition)) {
    table.add({{line.name, Tone::plain},
               {duration(line.seconds), Tone::plain},
               {line.flops > 0 ? scaled(line.flops) : "—", Tone::plain},
               {memory(line.bytes), Tone::plain},
               {intensity_text(line), Tone::plain},
               {to_string(line.roof), Tone::plain},
               {percent(line.roof_fraction()), Tone::plain}});
  }
  return "\n" + table.render(static_cast<std::size_t>(options.width), "  ", options.color) +
         text::paragraph(ridge_text(plan, ops), options);
}

std::string ops_text(const PlanReport& plan, const TextOptions& options) {
  if (plan.step.partition.empty()) return {};
  Table table({{"op", Align::left, 24, 0},
               {"of", Align::left, 0, 2},
               {"pass", Align::left, 0, 2},
               {"ops", Align::right, 0, 2},
               {"time", Align::right, 0, 2},
               {"FLOP/B", Align::right, 0, 2},
               {"roof", Align::left, 0, 2},
               {"of it", Align::right, 0, 2}});
  for (const OpUse& op : op_uses(plan)) {
    table.add({{op.name, Tone::plain},
               {op.block, Tone::plain},
               {op.pass, Tone::plain},
               {scaled(op.count), Tone::plain},
               {duration(op.seconds), Tone::plain},
               {intensity_text(op), Tone::plain},
               {to_string(op.roof), Tone::plain},
               {percent(op.roof_fraction()), Tone::plain}});
  }
  return "\n" + table.render(static_cast<std::size_t>(options.width), "  ", options.color);
}

std::string conventions_text(const Report& report, const PlanReport& plan,
                             const TextOptions& options) {
  if (plan.step.partition.empty()) return {};
  Table table({{"FLOPs of the step, as counted by", Align::left, 30, 0},
               {"FLOP", Align::right, 0, 2},
               {"of the peak", Align::right, 0, 2},
               {"counts", Align::left, 12, 2}});
  for (const FlopConvention& convention : flop_conventions(report, plan)) {
    table.add({{convention.name, Tone::plain},
               {scaled(convention.flops), Tone::plain},
               {percent(convention.utilization), Tone::plain},
               {convention.meaning, Tone::quiet}});
  }
  return "\n" + table.render(static_cast<std::size_t>(options.width), "  ", options.color);
}

}  // namespace lockstep
