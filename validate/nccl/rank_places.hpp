// Which rank of a run is which GPU of which host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "validate/gpu/cuda_runtime.hpp"
#include "validate/measure/measurement.hpp"
#include "validate/measure/processes.hpp"

namespace lockstep {

struct RankPlace {
  std::int64_t process = 0;
  MeasuredGpu gpu;
};

// What one process of a run has.
struct ProcessGpus {
  std::string host;
  std::int64_t devices = 0;  // that CUDA shows it
};

// CUDA's numbers of the devices of each process. One process alone takes all its devices, else each
// takes one; `gpus` says another number per process. Processes of one host take the next ones in
// turn, each from 0 on again once the devices that it sees are used up: a launcher may show each
// process only its own. Throws MeasurementError where a process has fewer devices than it takes.
std::vector<std::vector<std::int64_t>> devices_of_processes(
    const std::vector<ProcessGpus>& processes, std::optional<std::int64_t> gpus);

// These devices of this process. Throws MeasurementError.
std::vector<MeasuredGpu> gpus_of(const CudaRuntime& cuda, const std::vector<std::int64_t>& devices);

// The places of all ranks, the same on every process; ranks are numbered process by process. `own`:
// this process's GPUs.
std::vector<RankPlace> gather_places(Processes& processes, const std::vector<MeasuredGpu>& own);

// "rank 3 on node7, GPU 1 (0000:1b:00.0)".
std::string describe(const std::vector<RankPlace>& places, std::int64_t rank);

// Two ranks on one GPU: nothing, or what they are ("rank 0 and rank 1 on node7 share GPU 0 …").
std::optional<std::string> shared_gpu(const std::vector<RankPlace>& places);

struct ProcessVersions {
  std::string host, nccl, cuda;
};

// Throws MeasurementError where processes load different versions: "rank 3 on node7 has NCCL
// 2.26.2, rank 0 on node1 has NCCL 2.28.9". `first_ranks`: each process's first rank.
void check_same_versions(const std::vector<ProcessVersions>& versions,
                         const std::vector<std::int64_t>& first_ranks);

// Of this machine.
std::string host_name();

}  // namespace lockstep
