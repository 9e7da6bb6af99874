// What nccl-tests would print on a system, predicted: one row for each size, with NCCL's choice and
// why.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "topology/collectives/nccl_model.hpp"

namespace lockstep {

struct CollectiveTableRequest {
  Collective collective = Collective::all_reduce;
  std::int64_t gpus = 8;
  std::int64_t nodes = 1;
  std::int64_t first_size = 8;  // bytes
  std::int64_t last_size = 8;
  std::int64_t factor = 2;
  std::shared_ptr<const Calibrations> calibrations;  // null: none
};

struct CollectiveRow {
  std::int64_t bytes = 0;  // as nccl-tests rounds them
  std::int64_t count =
      0;  // elements of four bytes: of each rank's part for all_gather, reduce_scatter, all_to_all
  nccl::CollectiveChoice choice;
  std::vector<nccl::Alternative> alternatives;
};

struct CollectiveTable {
  std::string system;
  CollectiveTableRequest request;
  std::int64_t ranks_per_node = 1;
  std::string fabric;  // what its collectives are bound by
  std::string nccl_version;
  nccl::Graphs graphs;
  std::vector<CollectiveRow> rows;
};

// Sizes that leave a rank without an element have no row. Pure.
CollectiveTable collective_table(const System& system, const CollectiveTableRequest& request);

// nccl-tests' columns, comments after '#'. With `explain`: for each range of sizes with one choice,
// how far the others were behind, and why the rest was off.
std::string collective_table_text(const CollectiveTable& table, bool explain);
std::string collective_table_json(const CollectiveTable& table, bool explain);
std::string collective_table_csv(const CollectiveTable& table);

}  // namespace lockstep
