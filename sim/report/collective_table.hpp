// What nccl-tests would print on a cluster, predicted: one row for each size, with NCCL's choice
// and why.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "topology/collectives/nccl_model.hpp"

namespace lockstep {

// An element as nccl-tests names it (its option -d).
struct ElementType {
  const char* name;
  std::int64_t bytes;
};

std::span<const ElementType> element_types();

struct CollectiveTableRequest {
  Collective collective = Collective::all_reduce;
  std::int64_t gpus = 8;  // of the group
  std::int64_t nodes = 1;
  std::int64_t groups = 1;  // of this shape at once on the same nodes, this one among them
  ElementType type{"float", 4};
  std::int64_t first_size = 8;  // bytes
  std::int64_t last_size = 8;
  std::int64_t factor = 2;
};

struct CollectiveRow {
  std::int64_t bytes = 0;  // as nccl-tests rounds them
  std::int64_t count =
      0;  // elements: of each rank's part for all_gather, reduce_scatter, all_to_all
  nccl::CollectiveChoice choice;
  Seconds low, high;  // 90 % interval of the time
  std::vector<nccl::Alternative> alternatives;
};

struct CollectiveTable {
  std::string system;
  CollectiveTableRequest request;
  std::int64_t ranks_per_node = 1;
  std::string fabric;  // what its collectives are bound by
  std::string nccl_version;
  nccl::Graphs graphs;
  nccl::GraphSource graph_source = nccl::GraphSource::search;
  nccl::ImportedFiles imported;
  Seconds launch_floor;              // no time is below it
  std::string busiest;               // of all_to_all and send_recv: what bounds large sizes
  BytesPerSecond busiest_bandwidth;  // of the buffer
  std::vector<CollectiveRow> rows;
};

// Sizes that leave a rank without an element have no row. Pure.
CollectiveTable collective_table(const Cluster& cluster, const CollectiveTableRequest& request);

// nccl-tests' columns up to its out-of-place busbw at their places, then algorithm/protocol and
// what bounds the time; comments after '#'. Rows fit 100 columns. With `explain`: the launch floor,
// and for each range of sizes with one choice how far the others were behind and why the rest was
// off.
std::string collective_table_text(const CollectiveTable& table, bool explain);
std::string collective_table_json(const CollectiveTable& table, bool explain);
std::string collective_table_csv(const CollectiveTable& table);

// Bytes over time of a row.
BytesPerSecond algorithm_bandwidth(const CollectiveRow& row);

}  // namespace lockstep
