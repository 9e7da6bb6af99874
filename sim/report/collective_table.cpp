#include "sim/report/collective_table.hpp"

#include <cmath>
#include <limits>

namespace lockstep {
namespace {

constexpr std::int64_t part_alignment = 16;  // bytes: nccl-tests keeps parts at multiples of them

// Half the width of a central 90 % interval of a normal distribution, in standard deviations; times
// are taken as log-normal.
constexpr double ninety_percent = 1.6448536269514722;

// Source: nccl-tests, src/common.cu: test_typenames.
constexpr ElementType types[] = {{"int8", 1},   {"uint8", 1},    {"int32", 4},  {"uint32", 4},
                                 {"int64", 8},  {"uint64", 8},   {"half", 2},   {"float", 4},
                                 {"double", 8}, {"bfloat16", 2}, {"f8e4m3", 1}, {"f8e5m2", 1}};

bool in_parts(Collective collective) {
  return nccl::gathers_or_scatters(collective) || collective == Collective::all_to_all;
}

const char* version_text(NcclVersion version) {
  constexpr const char* names[] = {"2.16", "2.18", "2.20", "2.22", "2.24", "2.26", "2.28", "2.30"};
  return names[static_cast<std::size_t>(version)];
}

// Source: nccl-tests, src/all_gather.cu: count = (size / element / ranks) rounded down to 16 bytes.
CollectiveRow row_of(std::int64_t size, const CollectiveTableRequest& request) {
  CollectiveRow row;
  const std::int64_t element = request.type.bytes;
  const std::int64_t aligned = part_alignment / element;
  if (in_parts(request.collective)) {
    row.count = size / element / request.gpus / aligned * aligned;
    row.bytes = row.count * element * request.gpus;
  } else {
    row.count = size / element;
    row.bytes = row.count * element;
  }
  return row;
}

void name_busiest(CollectiveTable& table, const nccl::NcclGroup& group) {
  table.launch_floor = Seconds{group.floor * 1e-6};
  const Collective collective = table.request.collective;
  if (collective != Collective::all_to_all && collective != Collective::send_recv) return;
  const nccl::PointToPoint& cost =
      collective == Collective::all_to_all ? group.all_to_all : group.send_recv;
  table.busiest = cost.resource;
  if (cost.seconds_per_byte > 0.0)
    table.busiest_bandwidth = BytesPerSecond{1.0 / cost.seconds_per_byte};
}

}  // namespace

std::span<const ElementType> element_types() {
  return types;
}

BytesPerSecond algorithm_bandwidth(const CollectiveRow& row) {
  return Bytes{static_cast<double>(row.bytes)} / row.choice.time;
}

CollectiveTable collective_table(const Cluster& cluster, const CollectiveTableRequest& request) {
  GroupShape shape = spread_group(cluster, request.gpus, request.nodes);
  shape.sibling_groups = request.groups;
  const nccl::NcclGroup group = nccl::prepare(cluster, routes(cluster), shape);

  CollectiveTable table;
  table.system = cluster.system.name;
  table.request = request;
  table.ranks_per_node = (request.gpus + request.nodes - 1) / request.nodes;
  table.fabric = nccl::fabric_prior(group.fabric).name;
  table.nccl_version = version_text(cluster.system.nccl_version);
  table.graphs = group.graphs;
  table.graph_source = group.graph_source;
  table.imported = cluster.imported;
  name_busiest(table, group);
  for (std::int64_t size = request.first_size; size <= request.last_size; size *= request.factor) {
    CollectiveRow row = row_of(size, request);
    if (row.count > 0) {
      const Bytes bytes{static_cast<double>(row.bytes)};
      row.choice = nccl::choose(group, request.collective, bytes);
      row.low = row.choice.time * std::exp(-ninety_percent * row.choice.spread);
      row.high = row.choice.time * std::exp(ninety_percent * row.choice.spread);
      row.alternatives = nccl::alternatives(group, request.collective, bytes);
      table.rows.push_back(std::move(row));
    }
    if (size > std::numeric_limits<std::int64_t>::max() / request.factor) break;
  }
  return table;
}

}  // namespace lockstep
