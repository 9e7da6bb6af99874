// What a table of nccl-tests was measured on: which collective, how many GPUs. Names and counts that the log, its
// list of devices and the notes beside it state are checked against the arithmetic of the table: busbw / algbw is a
// factor that depends on the collective and the number of GPUs alone.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "scenarios/log_metadata.hpp"
#include "topology/collectives/collective_model.hpp"
#include "validate/nccl_tests_log.hpp"

namespace lockstep {

// All that busbw / algbw can be, given how both were rounded. No row tells: [0, infinity].
struct FactorRange {
  double low = 0;
  double high = 0;
  bool known = false;
  std::size_t line = 0;   // of the row that narrows it most
  [[nodiscard]] bool holds(double factor) const;
};

FactorRange bus_factor_range(const NcclTable& table);

struct NcclSubject {
  std::string name;                       // "all_reduce", "gather"; "" where not known
  std::optional<Collective> collective;   // nothing where not known or not modelled
  std::int64_t gpus = 0;                  // 0: not known
  std::int64_t fewest = 2;                // that the arithmetic of the table allows
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  std::string unknown;                    // why something is not known
};

// "all_reduce", "allreduce", "alltoall", "sendrecv" …
std::optional<Collective> collective_named(const std::string& name);

// The name of the file tells collectives apart only where nothing else does: tables of all-gather and all-to-all look
// alike.
// Throws InputError: E520 numbers of GPUs that contradict each other, E521 a collective that the table contradicts.
NcclSubject identify(const NcclLog& log, const NcclTable& table, const std::optional<LogMetadata>& metadata);

}  // namespace lockstep
