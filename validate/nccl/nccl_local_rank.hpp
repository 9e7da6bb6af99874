// What one rank of this process holds; for the files of NcclBackend alone.
#pragma once

#include "validate/nccl/nccl_backend.hpp"

namespace lockstep {

struct NcclBackend::LocalRank {
  std::int64_t rank = 0;  // of the run
  int device = 0;
  GpuStream stream;
  GpuEvent begin, end;
  void* send = nullptr;
  void* receive = nullptr;
  bool buffers_of_nccl = false;  // ncclMemAlloc gave them
  DeviceBuffer meeting;          // of one element, for meet()
  ncclComm_t world = nullptr;
  ncclComm_t active = nullptr;  // of the selected group; null: takes no part
  std::int64_t rank_in_group = 0;
  void* send_handle = nullptr;  // of ncclCommRegister
  void* receive_handle = nullptr;
};

}  // namespace lockstep
