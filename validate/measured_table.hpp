// The tables of nccl-tests logs, each with the collective, the GPUs and the cluster that it was
// measured on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/diagnostics.hpp"
#include "topology/collectives/collective_model.hpp"
#include "validate/log_cluster.hpp"
#include "validate/nccl_tests_log.hpp"

namespace lockstep {

struct MeasuredTable {
  std::string file;
  std::string collective_name;  // as nccl-tests or the notes name it; "" where not known
  std::optional<Collective> collective;
  std::int64_t gpus = 0;  // 0: not known
  std::int64_t nodes = 0;
  std::string health;         // as the notes say; "" where they do not
  std::string status = "ok";  // or why it cannot be compared
  std::string nccl_version;   // as the log or its notes say; "" where they do not
  std::string date;           // as the notes say
  std::string source;         // as the notes say, else the file
  bool registered = false;    // buffers were registered with NCCL
  LogCluster where;
  NcclTable table;
  [[nodiscard]] bool usable() const { return status == "ok"; }
};

struct MeasuredTables {
  std::vector<MeasuredTable> tables;  // in the order of the files and of their tables
  std::vector<Diagnostic> problems;   // of files that could not be read; they have a status too
};

// Reads every file. Throws InputError only where the catalog is broken.
MeasuredTables read_tables(const std::vector<std::string>& files, const Catalog& catalog,
                           const Aliases& aliases, const ClusterChoice& choice);

// Some tables hold in-place times only.
bool has_out_of_place(const NcclTable& table);

// The time of a row that counts: out-of-place where the table has such; above 0, nothing where
// there is none.
std::optional<double> time_of(const NcclRow& row, bool in_place);

// Whether either side of a row gave wrong results; how many rows did.
bool is_wrong(const NcclRow& row);
std::size_t wrong_rows(const NcclTable& table);

}  // namespace lockstep
