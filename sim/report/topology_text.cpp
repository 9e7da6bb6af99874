// The text of `lockstep topology`.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scenarios/utf8.hpp"
#include "sim/certainty.hpp"
#include "sim/report/display.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/text.hpp"
#include "sim/report/topology_report.hpp"
#include "topology/failures.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep {
namespace {

using text::paragraph;

std::string bytes_text(Bytes bytes) {
  return scaled(bytes.value()) + "B";
}

std::string rate_text(BytesPerSecond rate) {
  if (rate <= BytesPerSecond{}) return "none";
  return std::isfinite(rate.value()) ? to_text(rate) : "—";
}

// "1 rail", "8 rails".
std::string counted(std::int64_t count, const char* word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

std::string busy_text(Seconds time) {
  return std::isfinite(time.value()) ? duration(time.value()) : "for ever";
}

std::string relative_text(double now, double before) {
  if (before <= 0.0 || !std::isfinite(now) || !std::isfinite(before)) return "—";
  const double change = now / before - 1.0;
  if (std::abs(change) < 0.0005) return "=";
  return fmt::format("{}{:.{}f} %", change > 0 ? "+" : "−", std::abs(100 * change),
                     std::abs(change) < 0.1 ? 1 : 0);
}

class Text {
 public:
  Text(const TopologyReport& report, const TextOptions& options)
      : report_(report),
        cluster_(report.request.cluster),
        system_(cluster_.system),
        options_(options),
        width_(static_cast<std::size_t>(options.width)) {}

  std::string render() {
    head();
    if (report_.route) {
      route();
    } else {
      out_ += '\n' + node_drawing(system_, cluster_, width_);
      fabric();
      distances();
      halves();
      loads();
    }
    if (report_.changed_figures) before_after();
    what_ifs();
    return std::move(out_);
  }

 private:
  void title(const std::string& words) {
    out_ += "\n  " + painted(words, Tone::strong, options_.color) + '\n';
  }
  void table(const Table& rows, std::string_view indent = "  ") {
    out_ += rows.render(width_, indent, options_.color);
  }

  void head() {
    out_ +=
        painted(cut(printable(report_.request.title), width_), Tone::strong, options_.color) + '\n';
    Cluster shown = cluster_;
    shown.gpus = gpu_count(cluster_);
    std::string facts = printable(system_.name) + " · " + summarize(shown);
    if (report_.request.plan) facts += " · plan " + printable(report_.request.plan->plan.name);
    out_ += wrap(facts, width_, "", "") + '\n';
    for (const FailedItem& item : failed_items(report_.changed))
      out_ += painted("  " + printable(item.text), Tone::bad, options_.color) + '\n';
  }

  void fabric() {
    if (cluster_.nodes < 2) return;
    const FabricShape& fabric = report_.fabric;
    title("FABRIC");
    Table rows({{"", Align::left}, {"", Align::right}, {"", Align::left}});
    rows.add({{"nodes"},
              {std::to_string(cluster_.nodes)},
              {fmt::format(
                  "{}, {} each: {} into the fabric", counted(system_.gpus_per_node, "GPU"),
                  counted(system_.nics_per_node, "NIC"),
                  to_text(*system_.nic_bandwidth * static_cast<double>(system_.nics_per_node)))}});
    if (cluster_.fabric.type == FabricType::single_switch) {
      rows.add({{"switch"}, {"1"}, {"every NIC at full rate to every other"}});
      table(rows);
      return;
    }
    const bool rails = cluster_.fabric.type == FabricType::rail_optimized;
    rows.add({{"leaves"},
              {std::to_string(fabric.units * fabric.leaves_per_unit)},
              {fmt::format("{} of {} nodes × {}: {} down, {} up each ({:g}:1)",
                           counted(fabric.units, "unit"), fabric.nodes_per_unit,
                           rails ? counted(fabric.leaves_per_unit, "rail") : "1 leaf",
                           to_text(fabric.leaf_downlinks),
                           to_text(fabric.uplink * static_cast<double>(fabric.spines)),
                           cluster_.fabric.oversubscription)}});
    rows.add(
        {{"spines"},
         {std::to_string(fabric.spines * fabric.pods)},
         {fabric.has_cores() ? fmt::format("{} in each of {} pods, {} from a leaf to each",
                                           fabric.spines, fabric.pods, to_text(fabric.uplink))
                             : fmt::format("{} from every leaf to each", to_text(fabric.uplink))}});
    if (fabric.has_cores()) {
      rows.add({{"cores"},
                {std::to_string(fabric.cores)},
                {fmt::format("{} from every spine to each ({:g}:1)", to_text(fabric.core_uplink),
                             cluster_.fabric.core_oversubscription)}});
    }
    table(rows);
  }

  void distances() {
    if (report_.distances.empty()) return;
    title("DISTANCES");
    Table rows({{"from GPU 0", Align::left},
                {"to", Align::left},
                {"hops", Align::right},
                {"path", Align::left},
                {"widest way", Align::right}});
    for (const Distance& each : report_.distances) {
      rows.add({{each.relation},
                {each.to},
                {each.hops == 0 ? "none" : std::to_string(each.hops)},
                {to_string(each.path)},
                {rate_text(each.bandwidth)}});
    }
    table(rows);
  }

  std::string bisection_words(const Bisection& cut) const {
    const std::string halves =
        cut.nodes > 0 ? fmt::format("{} nodes", cut.nodes) : fmt::format("{} GPUs", cut.gpus);
    return fmt::format("{} per direction between halves of {}: {} of full bisection, by {}",
                       rate_text(cut.bandwidth), halves, percent(cut.share),
                       cut.by_flow ? "maximum flow" : "counting");
  }

  void halves() {
    if (report_.figures.gpus < 2) return;
    title("BISECTION");
    out_ += paragraph(bisection_words(report_.figures.bisection), options_);
    if (cluster_.nodes > 1) {
      out_ +=
          paragraph(fmt::format("all-gather over {} GPUs: {} per GPU (bus bandwidth), bound by "
                                "{}",
                                report_.figures.gpus, rate_text(report_.figures.all_gather.rate()),
                                report_.figures.all_gather_bound),
                    options_);
    }
  }

  static std::string link_name(const LinkLoad& load) {
    return load.to.empty() ? load.from : load.from + " → " + load.to;
  }

  void loads() {
    const LinkLoads& loads = report_.figures.loads;
    if (!loads.bottleneck) return;
    title("LINK LOADS of one step, all groups of the plan, busiest link of each class");
    const double step = report_.figures.step ? report_.figures.step->value() : 0.0;
    Table rows({{"class", Align::left},
                {"link", Align::left},
                {"bandwidth", Align::right},
                {"carries", Align::right},
                {"busy", Align::right},
                {"of the step", Align::right}});
    for (std::size_t i = 0; i < loads.classes.size(); ++i) {
      const LinkLoad& load = loads.classes[i];
      const Tone tone = i == *loads.bottleneck ? Tone::warning : Tone::plain;
      rows.add({{to_string(load.link_class), tone},
                {link_name(load), tone},
                {rate_text(load.bandwidth)},
                {bytes_text(load.bytes)},
                {busy_text(load.busy), tone},
                {step > 0 && std::isfinite(load.busy.value()) ? percent(load.busy.value() / step)
                                                              : "—"}});
    }
    table(rows);
    out_ += '\n' + paragraph(bottleneck_words(loads), options_);
    if (!loads.complete)
      out_ += paragraph("Uneven degrees: only a part of the nodes was looked at.", options_);
  }

  static std::string bottleneck_words(const LinkLoads& loads) {
    const LinkLoad& load = loads.classes[*loads.bottleneck];
    std::vector<FlowLoad> flows = load.flows;
    std::stable_sort(flows.begin(), flows.end(),
                     [](const FlowLoad& a, const FlowLoad& b) { return a.busy > b.busy; });
    std::string carried;
    for (const FlowLoad& flow : flows) {
      carried += fmt::format("{}{} ({}, {})", carried.empty() ? "" : " + ", flow.flow,
                             bytes_text(flow.bytes), percent(flow.bytes / load.bytes));
    }
    return fmt::format("Bottleneck: {}, busy {}, carrying {}.", link_name(load),
                       busy_text(load.busy), carried);
  }

  void route() {
    const RouteReport& route = *report_.route;
    title(fmt::format("ROUTE from {} to {}", route.from, route.to));
    if (route.route.parts.empty()) {
      out_ += paragraph("No way is left between them.", options_);
      return;
    }
    Table rows({{"", Align::right},
                {"from", Align::left},
                {"to", Align::left},
                {"over", Align::left},
                {"bandwidth", Align::right}});
    for (std::size_t i = 0; i < route.hops.size(); ++i) {
      const RouteHop& hop = route.hops[i];
      const bool narrow = hop.bandwidth <= route.route.bandwidth;
      const Tone tone = narrow ? Tone::warning : Tone::plain;
      rows.add({{std::to_string(i + 1)},
                {hop.from, tone},
                {hop.to, tone},
                {to_string(hop.kind)},
                {rate_text(hop.bandwidth), tone}});
    }
    table(rows);
    if (route.hops.empty()) return;
    out_ += '\n' + paragraph(fmt::format("{} hop{}, {} ({}): bottleneck {} → {}, {}.",
                                         route.hops.size(), route.hops.size() == 1 ? "" : "s",
                                         rate_text(route.route.bandwidth), to_string(route.path),
                                         route.route.bottleneck.from, route.route.bottleneck.to,
                                         to_string(route.route.bottleneck.kind)),
                             options_);
  }

  std::string step_text(const ClusterFigures& figures) const {
    if (figures.step) return duration(figures.step->value());
    return figures.no_step.empty() ? "—" : "does " + figures.no_step;
  }

  void before_after() {
    const ClusterFigures &before = report_.figures, &after = *report_.changed_figures;
    title("WHAT IF");
    Table rows({{"", Align::left},
                {"before", Align::right},
                {"after", Align::right},
                {"change", Align::right}});
    const auto row = [&](const char* name, BytesPerSecond a, BytesPerSecond b) {
      if (a <= BytesPerSecond{}) return;
      rows.add({{name},
                {rate_text(a)},
                {rate_text(b)},
                {relative_text(b.value(), a.value()), b < a ? Tone::bad : Tone::plain}});
    };
    const auto count = [&](const char* name, std::int64_t a, std::int64_t b) {
      rows.add({{name},
                {std::to_string(a)},
                {std::to_string(b)},
                {relative_text(static_cast<double>(b), static_cast<double>(a)),
                 b < a ? Tone::bad : Tone::plain}});
    };
    count("GPUs in use", before.gpus, after.gpus);
    const std::int64_t ranks =
        std::min(system_.gpus_per_nvlink_domain, std::max<std::int64_t>(2, before.gpus));
    row("between GPUs of a domain", before.routes.link(ranks), after.routes.link(ranks));
    if (cluster_.nodes > 1) {
      count("NICs up, worst node", before.nics_up, after.nics_up);
      row("network per GPU, worst", before.routes.gpu_network, after.routes.gpu_network);
      row("all-gather over all GPUs, per GPU", before.all_gather.rate(), after.all_gather.rate());
    }
    row("bisection", before.bisection.bandwidth, after.bisection.bandwidth);
    if (report_.request.plan) {
      rows.add(
          {{"step time"},
           {step_text(before)},
           {step_text(after)},
           {before.step && after.step ? relative_text(after.step->value(), before.step->value())
                                      : "—",
            Tone::plain}});
    }
    table(rows);
    if (!after.loads.cut_off.empty())
      out_ += '\n' + paragraph(fmt::format("No step ends: {} has no NIC left to send through.",
                                           after.loads.cut_off),
                               options_);
    else if (after.loads.bottleneck)
      out_ += '\n' + paragraph(bottleneck_words(after.loads), options_);
  }

  void what_ifs() {
    if (report_.what_ifs.empty()) return;
    title("WHAT IF");
    const bool plan = report_.request.plan.has_value();
    std::vector<Column> columns{
        {"", Align::left},  {"", Align::left, 8},        {"all-gather/GPU", Align::right},
        {"", Align::right}, {"bisection", Align::right}, {"", Align::right}};
    if (plan) {
      columns.push_back({"step", Align::right});
      columns.push_back({"", Align::right});
    }
    Table rows(columns);
    const ClusterFigures& base = report_.figures;
    const auto add = [&](const std::string& name, const std::string& what,
                         const ClusterFigures& figures, bool changed) {
      const auto tone = [&](double now, double before) {
        return changed && now < before * 0.9995 ? Tone::bad : Tone::plain;
      };
      const auto change = [&](double now, double before) {
        return changed ? relative_text(now, before) : std::string{};
      };
      const double gather = figures.all_gather.rate().value();
      const double gather_before = base.all_gather.rate().value();
      const double half = figures.bisection.bandwidth.value();
      const double half_before = base.bisection.bandwidth.value();
      std::vector<Cell> row{{name},
                            {what, Tone::quiet},
                            {rate_text(figures.all_gather.rate()), tone(gather, gather_before)},
                            {change(gather, gather_before), tone(gather, gather_before)},
                            {rate_text(figures.bisection.bandwidth), tone(half, half_before)},
                            {change(half, half_before), tone(half, half_before)}};
      if (plan) {
        row.push_back({figures.step ? step_text(figures) : "—"});
        const bool both = changed && figures.step && base.step;
        row.push_back({both ? relative_text(figures.step->value(), base.step->value()) : ""});
      }
      rows.add(std::move(row));
    };
    add("as it is", "", base, false);
    for (const WhatIf& each : report_.what_ifs) add(each.name, each.what, each.figures, true);
    table(rows);
    for (const WhatIf& each : report_.what_ifs) {
      if (!each.figures.no_step.empty())
        out_ += paragraph(fmt::format("{}: the plan does {}.", each.name, each.figures.no_step),
                          options_);
    }
  }

  const TopologyReport& report_;
  const Cluster& cluster_;
  const System& system_;
  TextOptions options_;
  std::size_t width_;
  std::string out_;
};

}  // namespace

std::string topology_text(const TopologyReport& report, const TextOptions& options) {
  return Text(report, options).render();
}

}  // namespace lockstep
