// The table in nccl-tests' own columns, so that a real run can be laid beside it; JSON and CSV of
// the same.
#include <fmt/format.h>

#include <cstring>
#include <nlohmann/json.hpp>

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

BytesPerSecond algorithm_bandwidth(const CollectiveRow& row) {
  return Bytes{static_cast<double>(row.bytes)} / row.choice.time;
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

std::string head(const CollectiveTable& table) {
  const CollectiveTableRequest& request = table.request;
  const bool several = request.nodes > 1;
  std::string text = fmt::format(
      "# {} on {}: {} GPU{} on {} node{}, {}, NCCL {}; predicted by lockstep\n",
      to_string(request.collective), table.system, request.gpus, request.gpus == 1 ? "" : "s",
      request.nodes, several ? "s" : "", table.fabric, table.nccl_version);
  text += "# channels, GB/s each" + std::string(several ? " inside/between nodes" : "") + ":" +
          graph_text("ring", table.graphs.ring, several) +
          graph_text("tree", table.graphs.tree, several) +
          graph_text("nvls", table.graphs.nvls, several) + "\n#\n";
  text +=
      "#       size         count      type   redop    root     time   algbw   busbw  algorithm  "
      "protocol  bottleneck\n"
      "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)\n";
  return text;
}

std::string line(const CollectiveRow& row, Collective collective) {
  return fmt::format("{:12}  {:12}  {:>8}  {:>6}  {:6}  {}  {:6.2f}  {:6.2f}  {:<9}  {:<8}  {}\n",
                     row.bytes, row.count, "float", reduction(collective), root(collective),
                     time_text(microseconds(row.choice.time)), gigabytes(algorithm_bandwidth(row)),
                     gigabytes(row.choice.bus_bandwidth.rate()), row.choice.algorithm,
                     row.choice.protocol, row.choice.bottleneck);
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
    const std::string item = fmt::format("{} {} {}", nccl::to_string(other.algorithm),
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
      offered = offered || (same.algorithm == other.algorithm && same.off == nullptr);
    // An algorithm that is offered with other protocols: only what does not follow from its design.
    if (offered && std::strstr(other.off, "Simple protocol only") != nullptr) continue;
    // One that is off as a whole shows the reason of its Simple protocol.
    if (!offered && other.protocol != nccl::Protocol::simple) continue;
    const std::string entry =
        fmt::format("#   {}{}{}: {}\n", nccl::to_string(other.algorithm), offered ? " " : "",
                    offered ? nccl::to_string(other.protocol) : "", other.off);
    if (entry != before) text += entry;
    before = entry;
  }
  return text;
}

std::string explanation(const CollectiveTable& table) {
  const std::vector<CollectiveRow>& rows = table.rows;
  if (rows.empty() || rows.front().alternatives.empty())
    return "#\n# NCCL does not tune this collective: its busiest resource sets the time.\n";
  std::string text =
      "#\n# NCCL takes what its own model, which only ranks, expects to be fastest:\n";
  std::size_t first = 0;
  for (std::size_t i = 1; i <= rows.size(); ++i) {
    if (i < rows.size() && same_choice(rows[i], rows[first])) continue;
    text += explained_range(rows, first, i - 1);
    first = i;
  }
  return text + "# not offered:\n" + explained_off(rows.front());
}

nlohmann::ordered_json graph_json(const nccl::Graph& graph) {
  return {{"channels", graph.channels},
          {"inside_bytes_per_s", graph.inside * 1e9},
          {"across_bytes_per_s", graph.across * 1e9}};
}

nlohmann::ordered_json alternatives_json(const std::vector<nccl::Alternative>& alternatives) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const nccl::Alternative& other : alternatives) {
    nlohmann::ordered_json item = {{"algorithm", nccl::to_string(other.algorithm)},
                                   {"protocol", nccl::to_string(other.protocol)}};
    if (other.off != nullptr) {
      item["off"] = other.off;
    } else {
      item["nccl_time_s"] = other.nccl_time.value();
      item["time_s"] = other.time.value();
    }
    list.push_back(std::move(item));
  }
  return list;
}

}  // namespace

std::string collective_table_text(const CollectiveTable& table, bool explain) {
  std::string text = head(table);
  for (const CollectiveRow& row : table.rows) text += line(row, table.request.collective);
  if (explain) text += explanation(table);
  return text;
}

std::string collective_table_json(const CollectiveTable& table, bool explain) {
  nlohmann::ordered_json json = {{"schema_version", 1},
                                 {"command", "collectives"},
                                 {"system", table.system},
                                 {"collective", to_string(table.request.collective)},
                                 {"gpus", table.request.gpus},
                                 {"nodes", table.request.nodes},
                                 {"gpus_per_node", table.ranks_per_node},
                                 {"fabric", table.fabric},
                                 {"nccl_version", table.nccl_version}};
  json["channels"] = {{"ring", graph_json(table.graphs.ring)},
                      {"tree", graph_json(table.graphs.tree)},
                      {"nvls", graph_json(table.graphs.nvls)}};
  json["rows"] = nlohmann::ordered_json::array();
  for (const CollectiveRow& row : table.rows) {
    nlohmann::ordered_json item = {
        {"size_bytes", row.bytes},
        {"count", row.count},
        {"time_s", row.choice.time.value()},
        {"time_spread", row.choice.spread},
        {"nccl_time_s", row.choice.nccl_time.value()},
        {"algorithm_bandwidth_bytes_per_s", algorithm_bandwidth(row).value()},
        {"bus_bandwidth_bytes_per_s", row.choice.bus_bandwidth.rate().value()},
        {"algorithm", row.choice.algorithm},
        {"protocol", row.choice.protocol},
        {"bottleneck", row.choice.bottleneck}};
    if (explain) item["alternatives"] = alternatives_json(row.alternatives);
    json["rows"].push_back(std::move(item));
  }
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

std::string collective_table_csv(const CollectiveTable& table) {
  std::string text =
      "system,collective,gpus,nodes,size_bytes,count,time_s,time_spread,nccl_time_s,algorithm_"
      "bandwidth_bytes_per_s,"
      "bus_bandwidth_bytes_per_s,algorithm,protocol,bottleneck\n";
  for (const CollectiveRow& row : table.rows) {
    text += fmt::format("{},{},{},{},{},{},{:.6g},{:.3g},{:.6g},{:.6g},{:.6g},{},{},{}\n",
                        table.system, to_string(table.request.collective), table.request.gpus,
                        table.request.nodes, row.bytes, row.count, row.choice.time.value(),
                        row.choice.spread, row.choice.nccl_time.value(),
                        algorithm_bandwidth(row).value(), row.choice.bus_bandwidth.rate().value(),
                        row.choice.algorithm, row.choice.protocol, row.choice.bottleneck);
  }
  return text;
}

}  // namespace lockstep
