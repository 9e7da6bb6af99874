// The table in nccl-tests' own columns, so that a real run can be laid beside it.
#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "scenarios/utf8.hpp"
#include "sim/report/collective_table.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep {
namespace {

double microseconds(Seconds time) {
  return time.value() * 1e6;
}
double gigabytes(BytesPerSecond rate) {
  return rate.value() * 1e-9;
}

const char* reduction(Collective collective) {
  switch (collective) {
    case Collective::all_reduce:
    case Collective::reduce_scatter:
    case Collective::reduce:
      return "sum";
    default:
      return "none";
  }
}

int root(Collective collective) {
  return collective == Collective::broadcast || collective == Collective::reduce ? 0 : -1;
}

// nccl-tests: four or five digits in seven columns.
std::string time_text(double time) {
  if (time >= 10000.0) return fmt::format("{:7.0f}", time);
  return time >= 100.0 ? fmt::format("{:7.1f}", time) : fmt::format("{:7.2f}", time);
}

std::string graph_text(const char* name, const nccl::Graph& graph, bool several_nodes) {
  if (graph.channels == 0) return {};
  std::string text = fmt::format("  {} {} x {:g}", name, graph.channels, graph.inside);
  if (several_nodes) text += fmt::format("/{:g}", graph.across);
  return text;
}

std::string size_text(std::int64_t bytes) {
  constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  auto value = static_cast<double>(bytes);
  while (value >= 1024.0 && unit + 1 < std::size(units)) {
    value /= 1024.0;
    ++unit;
  }
  return fmt::format("{:.4g} {}", value, units[unit]);
}

std::string links_text(const nccl::ImportedTopology& topology) {
  if (topology.nvlinks == 0) return "no NVLink";
  return fmt::format("{} NVLinks each to {}", topology.nvlinks,
                     topology.nvswitch ? "NVSwitch" : "other GPUs");
}

// What the imported files gave, one comment line each.
std::string imported_text(const CollectiveTable& table) {
  std::string text;
  if (const auto& topology = table.imported.topology) {
    text += fmt::format("# topology: {}\n", printable(topology->file));
    if (topology->gpus > 0)
      text += fmt::format("#   {} GPUs of sm {}{}, {}, PCIe {} x{}\n", topology->gpus,
                          topology->compute_capability,
                          topology->hosts > 1 ? fmt::format(" in {} hosts", topology->hosts) : "",
                          links_text(*topology), topology->pcie_generation, topology->pcie_width);
    if (topology->nics > 0)
      text += fmt::format("#   {} NIC{} of {:g} Gb/s a host{}\n", topology->nics,
                          topology->nics == 1 ? "" : "s", topology->nic_rate * 8.0,
                          topology->rails > 0 ? fmt::format(", {} rails", topology->rails) : "");
    for (const std::string& note : topology->notes)
      text += fmt::format("#   {}\n", printable(note));
  }
  if (const auto& graphs = table.imported.graphs) {
    text += fmt::format("# graphs: {}\n", printable(graphs->file));
    for (const std::string& note : graphs->notes) text += fmt::format("#   {}\n", printable(note));
    text += fmt::format(
        "#   {}: for {} GPU{} on {}\n",
        table.graph_source == nccl::GraphSource::dump ? "used" : "not used, channels are searched",
        graphs->ranks_on_node, graphs->ranks_on_node == 1 ? "" : "s",
        graphs->several_nodes ? "each of several nodes" : "one node");
  }
  return text;
}

std::string channels_text(const CollectiveTable& table) {
  const bool several = table.request.nodes > 1;
  return fmt::format("# channels, GB/s {}:{}{}{}\n", several ? "inside/between nodes" : "each",
                     graph_text("ring", table.graphs.ring, several),
                     graph_text("tree", table.graphs.tree, several),
                     graph_text("nvls", table.graphs.nvls, several));
}

std::string calibration_text(const CollectiveTable& table) {
  const nccl::Basis basis =
      table.rows.empty() ? nccl::Basis::model : table.rows.front().choice.basis;
  switch (basis) {
    case nccl::Basis::model:
      return {};
    case nccl::Basis::measured:
      return "# calibrated: measured on this group\n";
    case nccl::Basis::scaled:
      return "# calibrated: measured on other groups, scaled by NCCL's form\n";
    case nccl::Basis::transferred:
      return "# calibrated: carried over from other collectives by NCCL's form\n";
  }
  return {};
}

std::string head(const CollectiveTable& table) {
  const CollectiveTableRequest& request = table.request;
  std::string text = fmt::format(
      "# lockstep predicts {} on {}: {} GPU{} on {} node{}\n# fabric: {}; NCCL {}\n",
      to_string(request.collective), table.system, request.gpus, request.gpus == 1 ? "" : "s",
      request.nodes, request.nodes > 1 ? "s" : "", table.fabric, table.nccl_version);
  if (request.groups > 1)
    text += fmt::format("# while {} such groups share the NICs of these nodes\n", request.groups);
  text += calibration_text(table);
  text += imported_text(table);
  text += table.busiest.empty()
              ? channels_text(table)
              : fmt::format("# busiest resource: {}, {} of the buffer; launch floor {}\n",
                            table.busiest, to_text(table.busiest_bandwidth),
                            to_text(table.launch_floor));
  const bool eight_bits = request.type.name[0] == 'f' && request.type.bytes == 1;
  if (eight_bits && request.gpus > 8 && table.busiest.empty())
    text += "# not modelled: NCCL avoids rings for fp8 on more than 8 GPUs\n";
  return text +
         "#\n"
         "#       size         count      type   redop    root     time   algbw   busbw algo/proto "
         "   "
         "bound by\n"
         "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)\n";
}

// 13 columns at most. The protocol only where the algorithm has several.
std::string choice_text(const nccl::CollectiveChoice& choice) {
  const std::string_view algorithm = choice.algorithm;
  if (algorithm == "collnet_direct") return "collnetdirect";
  if (algorithm == "collnet_chain") return "collnetchain";
  if (algorithm == "ring" || algorithm == "tree")
    return fmt::format("{}/{}", algorithm, choice.protocol);
  return std::string(algorithm);
}

// 8 columns at most.
std::string_view bound_text(std::string_view bottleneck) {
  if (bottleneck == "leaf uplinks") return "uplinks";
  if (bottleneck == "spine uplinks") return "spine up";
  if (bottleneck == "host memory") return "host mem";
  return bottleneck;
}

std::string line(const CollectiveRow& row, const CollectiveTableRequest& request) {
  return fmt::format("{:12}  {:12}  {:>8}  {:>6}  {:6}  {}  {:6.2f}  {:6.2f} {:<13} {}\n",
                     row.bytes, row.count, request.type.name, reduction(request.collective),
                     root(request.collective), time_text(microseconds(row.choice.time)),
                     gigabytes(algorithm_bandwidth(row)),
                     gigabytes(row.choice.bus_bandwidth.rate()), choice_text(row.choice),
                     bound_text(row.choice.bottleneck));
}

// "x0.75 to x1.33" of a row's time.
std::string interval_text(const CollectiveRow& row) {
  return fmt::format("{:.2f} to {:.2f}", row.low / row.choice.time, row.high / row.choice.time);
}

std::string foot(const CollectiveTable& table) {
  if (table.rows.empty() || !std::isfinite(table.rows.back().choice.time.value())) return {};
  const CollectiveRow& first = table.rows.front();
  const CollectiveRow& last = table.rows.back();
  if (table.rows.size() == 1)
    return fmt::format("#\n# 90 % interval: {} of the time\n", interval_text(first));
  return fmt::format("#\n# 90 % interval: {} of the time at {}, {} at {}\n", interval_text(first),
                     size_text(first.bytes), interval_text(last), size_text(last.bytes));
}

bool same_choice(const CollectiveRow& a, const CollectiveRow& b) {
  return std::strcmp(a.choice.algorithm, b.choice.algorithm) == 0 &&
         std::strcmp(a.choice.protocol, b.choice.protocol) == 0;
}

// One range of sizes with one choice: NCCL's times of the others at its middle size.
std::string explained_range(const std::vector<CollectiveRow>& rows, std::size_t first,
                            std::size_t last) {
  const CollectiveRow& middle = rows[(first + last) / 2];
  std::string text =
      fmt::format("#   {} to {}: {} {}; at {} NCCL expects\n", size_text(rows[first].bytes),
                  size_text(rows[last].bytes), middle.choice.algorithm, middle.choice.protocol,
                  size_text(middle.bytes));
  std::string others;
  for (const nccl::Alternative& other : middle.alternatives) {
    if (other.off != nullptr) continue;
    const std::string item = fmt::format("{} {} {}", other.algorithm,
                                         nccl::to_string(other.protocol), to_text(other.nccl_time));
    const std::size_t line_start =
        others.rfind('\n') == std::string::npos ? 0 : others.rfind('\n') + 1;
    if (!others.empty())
      others += others.size() - line_start + item.size() > 86 ? ",\n#     " : ", ";
    others += item;
  }
  return text + "#     " + others + "\n";
}

// "off: nvls (NVLS needs NVSwitch and Hopper)": a reason once for each algorithm.
std::string explained_off(const CollectiveRow& row) {
  std::string text;
  std::string before;
  for (const nccl::Alternative& other : row.alternatives) {
    if (other.off == nullptr) continue;
    bool offered = false;
    for (const nccl::Alternative& same : row.alternatives)
      offered = offered || (std::strcmp(same.algorithm, other.algorithm) == 0 && same.off == nullptr);
    // An algorithm that is offered with other protocols: only what does not follow from its design.
    if (offered && std::strstr(other.off, "Simple protocol only") != nullptr) continue;
    // One that is off as a whole shows the reason of its Simple protocol.
    if (!offered && other.protocol != nccl::Protocol::simple) continue;
    const std::string entry =
        fmt::format("#   {}{}{}: {}\n", other.algorithm, offered ? " " : "",
                    offered ? nccl::to_string(other.protocol) : "", other.off);
    if (entry != before) text += entry;
    before = entry;
  }
  return text;
}

std::string explanation(const CollectiveTable& table) {
  const std::vector<CollectiveRow>& rows = table.rows;
  if (rows.empty() || rows.front().alternatives.empty())
    return "# NCCL does not tune this collective: its busiest resource sets the time.\n";
  std::string text =
      fmt::format("# launch floor: {}; no time is below it\n", to_text(table.launch_floor)) +
      "#\n# NCCL takes what its own model, which only ranks, expects to be fastest:\n";
  std::size_t first = 0;
  for (std::size_t i = 1; i <= rows.size(); ++i) {
    if (i < rows.size() && same_choice(rows[i], rows[first])) continue;
    text += explained_range(rows, first, i - 1);
    first = i;
  }
  return text + "# not offered:\n" + explained_off(rows.front());
}

}  // namespace

std::string collective_table_text(const CollectiveTable& table, bool explain) {
  std::string text = head(table);
  for (const CollectiveRow& row : table.rows) text += line(row, table.request);
  text += foot(table);
  if (explain) text += explanation(table);
  return text;
}

}  // namespace lockstep
