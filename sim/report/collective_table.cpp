#include "sim/report/collective_table.hpp"

#include <limits>

namespace lockstep {
namespace {

constexpr std::int64_t element = 4;  // bytes of a float
constexpr std::int64_t part_alignment =
    4;  // elements: nccl-tests keeps parts at multiples of 16 bytes

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
  if (in_parts(request.collective)) {
    row.count = size / element / request.gpus / part_alignment * part_alignment;
    row.bytes = row.count * element * request.gpus;
  } else {
    row.count = size / element;
    row.bytes = row.count * element;
  }
  return row;
}

}  // namespace

CollectiveTable collective_table(const System& system, const CollectiveTableRequest& request) {
  Cluster cluster;
  cluster.system = system;
  cluster.nodes = request.nodes;
  cluster.calibrations = request.calibrations;
  const GroupShape shape = spread_group(cluster, request.gpus, request.nodes);
  const nccl::NcclGroup group = nccl::prepare(cluster, routes(cluster), shape);

  CollectiveTable table;
  table.system = system.name;
  table.request = request;
  table.ranks_per_node = (request.gpus + request.nodes - 1) / request.nodes;
  table.fabric = nccl::fabric_prior(group.fabric).name;
  table.nccl_version = version_text(system.nccl_version);
  table.graphs = group.graphs;
  for (std::int64_t size = request.first_size; size <= request.last_size; size *= request.factor) {
    CollectiveRow row = row_of(size, request);
    if (row.count > 0) {
      const Bytes bytes{static_cast<double>(row.bytes)};
      row.choice = nccl::choose(group, request.collective, bytes);
      row.alternatives = nccl::alternatives(group, request.collective, bytes);
      table.rows.push_back(std::move(row));
    }
    if (size > std::numeric_limits<std::int64_t>::max() / request.factor) break;
  }
  return table;
}

}  // namespace lockstep
