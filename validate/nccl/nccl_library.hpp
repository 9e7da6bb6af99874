// NCCL, loaded when it is first needed; functions of the same names as its own.
#pragma once

#include <string>

// Before NCCL's header, which brings overloads of the runtime's names.
#include "validate/gpu/cuda_runtime.hpp"
#include "validate/measure/shared_library.hpp"

#include <nccl.h>

namespace lockstep {

// clang-format off
#define LOCKSTEP_NCCL_FUNCTIONS(X)                                                   \
  X(ncclGetVersion) X(ncclGetErrorString) X(ncclGetUniqueId) X(ncclCommInitRank)     \
  X(ncclCommDestroy) X(ncclCommAbort) X(ncclCommGetAsyncError)                       \
  X(ncclAllReduce) X(ncclAllGather) X(ncclReduceScatter) X(ncclBroadcast)            \
  X(ncclReduce) X(ncclSend) X(ncclRecv) X(ncclGroupStart) X(ncclGroupEnd)
// Null where an older library lacks them.
#define LOCKSTEP_NCCL_LATER_FUNCTIONS(X)                                             \
  X(ncclGetLastError) X(ncclCommSplit) X(ncclCommRegister) X(ncclCommDeregister)     \
  X(ncclMemAlloc) X(ncclMemFree) X(ncclGroupSimulateEnd)
// clang-format on

struct NcclLibrary {
  // Loads the NCCL of the major version that this program was built with; `folder`: searched first.
  // Throws Unavailable where there is none, or one of another major version.
  explicit NcclLibrary(const std::string& folder);

  SharedLibrary library;
#define X(name) decltype(&::name) name = nullptr;
  LOCKSTEP_NCCL_FUNCTIONS(X)
  LOCKSTEP_NCCL_LATER_FUNCTIONS(X)
#undef X

  // Of the library: "2.28.9".
  [[nodiscard]] const std::string& version() const {
    return version_;
  }

  // Throws MeasurementError: "<what>: unhandled system error (ncclSystemError): <last error>".
  // `comm` may be null.
  void check(ncclResult_t result, const std::string& what, ncclComm_t comm = nullptr) const;
  // What NCCL says of the last error; "" where it says nothing.
  [[nodiscard]] std::string last_error(ncclComm_t comm) const;

 private:
  std::string version_;
};

// "ncclSystemError".
const char* nccl_result_name(ncclResult_t result);

// "2.28.9" of 22809; up to 2.8 the code has one digit less.
std::string nccl_version_text(int code);

}  // namespace lockstep
