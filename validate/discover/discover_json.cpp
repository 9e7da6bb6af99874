#include <nlohmann/json.hpp>

#include "validate/discover/discover_report.hpp"
#include "validate/discover/nvml_json.hpp"
#include "validate/discover/system_yaml.hpp"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

// Raised where a key changes its meaning or goes; a new key leaves it.
constexpr int schema_version = 1;

const char* state_text(LinkState state) {
  if (state == LinkState::unknown) return "unknown";
  return state == LinkState::up ? "up" : "down";
}

Json place_json(const PciePlace& place) {
  return {{"bus_id", place.bus_id},
          {"numa_node", place.numa_node < 0 ? Json(nullptr) : Json(place.numa_node)},
          {"socket", place.socket < 0 ? Json(nullptr) : Json(place.socket)},
          {"pcie_switches", place.switches}};
}

Json host_json(const HostFacts& host) {
  Json sockets = Json::array();
  for (const SocketFact& socket : host.sockets)
    sockets.push_back({{"vendor", socket.vendor}, {"model", socket.model}});
  Json numa = Json::array();
  for (const NumaFact& node : host.numa_nodes)
    numa.push_back({{"index", node.index},
                    {"socket", node.socket < 0 ? Json(nullptr) : Json(node.socket)},
                    {"memory_bytes", node.memory_bytes}});
  Json gpus = Json::array();
  for (const PciePlace& place : host.nvidia_gpus) gpus.push_back(place_json(place));
  Json nics = Json::array();
  for (const NicFact& nic : host.nics)
    nics.push_back({{"name", nic.name},
                    {"interface", nic.interface},
                    {"place", place_json(nic.place)},
                    {"rdma", nic.rdma},
                    {"link_layer", nic.link_layer},
                    {"rate_bytes_per_s", nic.rate},
                    {"rate_assumed", nic.rate_assumed},
                    {"state", state_text(nic.state)}});
  return {{"source", host.source},
          {"host", host.host},
          {"architecture", host.architecture},
          {"vendor", host.vendor},
          {"product", host.product},
          {"sockets", std::move(sockets)},
          {"numa_nodes", std::move(numa)},
          {"gpu_places", std::move(gpus)},
          {"nics", std::move(nics)}};
}

Json node_json(const Discovery& discovery) {
  const NodeSystem& node = *discovery.node;
  const System& system = node.system;
  return {{"name", discovery.name},
          {"summary", one_line(discovery.facts, node)},
          {"gpu", node.gpu.name},
          {"gpu_in_catalog", node.gpu.known},
          {"gpu_changes",
           [&] {
             Json keys = Json::array();
             for (const auto& change : node.gpu.changes) keys.push_back(change.first);
             return keys;
           }()},
          {"gpus_per_node", system.gpus_per_node},
          {"gpus_per_nvlink_domain", system.gpus_per_nvlink_domain},
          {"intra_node", to_string(system.intra_node)},
          {"link_bandwidth_bytes_per_s", system.link_bandwidth.value},
          {"nics_per_node", system.nics_per_node},
          {"nic_bandwidth_bytes_per_s", system.nic_bandwidth.value},
          {"network", to_string(system.network)},
          {"training_nics", node.found.nics.names},
          {"other_nics", node.found.nics.others},
          {"looks_like", node.base},
          {"differences", node.differences},
          {"assumed", node.assumed},
          {"not_found", node.inherited},
          {"yaml", system_yaml(discovery.facts, node, discovery.name)}};
}

}  // namespace

std::string discovery_json(const Discovery& discovery) {
  const NodeFacts& facts = discovery.facts;
  Json json{{"schema_version", schema_version},
            {"gpu_source", facts.gpu_source},
            {"nvml", Json::parse(nvml_json(facts.nvml))},
            {"host", host_json(facts.host)},
            {"system", discovery.node == nullptr ? Json(nullptr) : node_json(discovery)},
            {"no_gpus", discovery.no_gpus},
            {"remarks", discovery.node == nullptr ? facts.remarks : discovery.node->remarks}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace lockstep
