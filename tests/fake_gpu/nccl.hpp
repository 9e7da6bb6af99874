// What the parts of the fake NCCL share.
#pragma once

#include <nccl.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "tests/fake_gpu/nccl_world.hpp"

struct ncclComm {
  std::shared_ptr<lockstep::fake::World> world;
  int rank = 0;
  int device = 0;
  bool aborted = false;
};

namespace lockstep::fake {

enum class Operation { all_reduce, all_gather, reduce_scatter, broadcast, reduce, send, recv };

struct Communication {
  Operation operation = Operation::all_reduce;
  ncclComm* comm = nullptr;
  const void* send = nullptr;
  void* recv = nullptr;
  std::size_t count = 0;
  ncclDataType_t type = ncclFloat32;
  int root = 0;  // or the peer
  cudaStream_t stream = nullptr;
};

struct Joining {  // an initialisation or a split
  ncclComm** out = nullptr;
  std::string world;
  int ranks = 0;
  int rank = 0;
  int device = 0;
  ncclComm* parent = nullptr;
  int color = 0, key = 0;
};

ncclResult_t join(const std::vector<Joining>& joinings);
// Seconds of these communications of one rank by the model: LOCKSTEP_FAKE_NCCL_LATENCY (10 us) and
// nccl-tests' bus bytes over LOCKSTEP_FAKE_NCCL_BANDWIDTH (100e9 B/s).
double seconds_of(const std::vector<Communication>& of_rank);
bool hung();  // whether a group of this process did
ncclResult_t communicate(const std::vector<Communication>& communications);

void set_last_error(const std::string& text);
// The result named by the environment's LOCKSTEP_FAKE_NCCL_<kind>_ERROR, else success.
ncclResult_t error_of_environment(const std::string& kind);

}  // namespace lockstep::fake
