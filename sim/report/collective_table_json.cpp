// The table as JSON and CSV.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "sim/report/collective_table.hpp"

namespace lockstep {
namespace {

nlohmann::ordered_json graph_json(const nccl::Graph& graph) {
  return {{"channels", graph.channels},
          {"inside_bytes_per_s", graph.inside * 1e9},
          {"across_bytes_per_s", graph.across * 1e9}};
}

nlohmann::ordered_json alternatives_json(const std::vector<nccl::Alternative>& alternatives) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const nccl::Alternative& other : alternatives) {
    nlohmann::ordered_json item = {{"algorithm", other.algorithm},
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

const char* graph_source_name(nccl::GraphSource source) {
  return source == nccl::GraphSource::dump ? "graph file" : "search";
}

nlohmann::ordered_json imported_json(const nccl::ImportedFiles& files) {
  nlohmann::ordered_json json;
  if (files.topology) {
    const nccl::ImportedTopology& topology = *files.topology;
    json["topology"] = {{"file", topology.file},
                        {"gpus", topology.gpus},
                        {"hosts", topology.hosts},
                        {"compute_capability", topology.compute_capability},
                        {"nvlinks_per_gpu", topology.nvlinks},
                        {"nvswitch", topology.nvswitch},
                        {"pcie_generation", topology.pcie_generation},
                        {"pcie_width", topology.pcie_width},
                        {"pcie_switches", topology.pcie_switches},
                        {"sockets", topology.sockets},
                        {"nics", topology.nics},
                        {"nic_bandwidth_bytes_per_s", topology.nic_rate * 1e9},
                        {"rails", topology.rails},
                        {"planes", topology.planes},
                        {"notes", topology.notes}};
  }
  if (files.graphs) {
    json["graphs"] = {{"file", files.graphs->file},
                      {"gpus_per_node", files.graphs->ranks_on_node},
                      {"several_nodes", files.graphs->several_nodes},
                      {"notes", files.graphs->notes}};
  }
  return json;
}

}  // namespace

std::string collective_table_json(const CollectiveTable& table, bool explain) {
  nlohmann::ordered_json json = {{"schema_version", 1},
                                 {"command", "collectives"},
                                 {"system", table.system},
                                 {"collective", to_string(table.request.collective)},
                                 {"gpus", table.request.gpus},
                                 {"nodes", table.request.nodes},
                                 {"gpus_per_node", table.ranks_per_node},
                                 {"groups_at_once", table.request.groups},
                                 {"data_type", table.request.type.name},
                                 {"fabric", table.fabric},
                                 {"nccl_version", table.nccl_version},
                                 {"launch_floor_s", table.launch_floor.value()}};
  json["channels"] = {{"ring", graph_json(table.graphs.ring)},
                      {"tree", graph_json(table.graphs.tree)},
                      {"nvls", graph_json(table.graphs.nvls)}};
  json["channels_from"] = graph_source_name(table.graph_source);
  if (!table.busiest.empty()) {
    json["busiest_resource"] = table.busiest;
    json["busiest_bandwidth_bytes_per_s"] = table.busiest_bandwidth.value();
  }
  if (table.imported.topology || table.imported.graphs)
    json["imported"] = imported_json(table.imported);
  json["rows"] = nlohmann::ordered_json::array();
  for (const CollectiveRow& row : table.rows) {
    nlohmann::ordered_json item = {
        {"size_bytes", row.bytes},
        {"count", row.count},
        {"time_s", row.choice.time.value()},
        {"time_s_low", row.low.value()},
        {"time_s_high", row.high.value()},
        {"time_spread", row.choice.spread},
        {"nccl_time_s", row.choice.nccl_time.value()},
        {"algorithm_bandwidth_bytes_per_s", algorithm_bandwidth(row).value()},
        {"bus_bandwidth_bytes_per_s", row.choice.bus_bandwidth.rate().value()},
        {"algorithm", row.choice.algorithm},
        {"protocol", row.choice.protocol},
        {"bottleneck", row.choice.bottleneck},
        {"basis", nccl::to_string(row.choice.basis)}};
    if (explain) item["alternatives"] = alternatives_json(row.alternatives);
    json["rows"].push_back(std::move(item));
  }
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

std::string collective_table_csv(const CollectiveTable& table) {
  std::string text =
      "system,collective,gpus,nodes,groups_at_once,data_type,size_bytes,count,time_s,time_s_low,"
      "time_s_high,time_spread,nccl_time_s,algorithm_bandwidth_bytes_per_s,"
      "bus_bandwidth_bytes_per_s,algorithm,protocol,bottleneck\n";
  for (const CollectiveRow& row : table.rows) {
    text += fmt::format(
        "{},{},{},{},{},{},{},{},{:.6g},{:.6g},{:.6g},{:.3g},{:.6g},{:.6g},{:.6g},{},{},{}\n",
        table.system, to_string(table.request.collective), table.request.gpus, table.request.nodes,
        table.request.groups, table.request.type.name, row.bytes, row.count,
        row.choice.time.value(), row.low.value(), row.high.value(), row.choice.spread,
        row.choice.nccl_time.value(), algorithm_bandwidth(row).value(),
        row.choice.bus_bandwidth.rate().value(), row.choice.algorithm, row.choice.protocol,
        row.choice.bottleneck);
  }
  return text;
}

}  // namespace lockstep
