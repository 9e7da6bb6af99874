#include "validate/nccl/nccl_library.hpp"

#include <fmt/format.h>

#include "validate/measure/failures.hpp"

namespace lockstep {
namespace {

constexpr int long_codes_from = 10000;  // 2.9: 20900; before it 2.8.4: 2804
constexpr int per_major = 10000;
constexpr int per_major_short = 1000;
constexpr int per_minor = 100;

int major_of(int code) {
  return code >= long_codes_from ? code / per_major : code / per_major_short;
}

// NCCL's own texts end in advice that the hints give better.
std::string without_advice(std::string text) {
  const std::size_t at = text.find(" (run with NCCL_DEBUG");
  return at == std::string::npos ? text : text.substr(0, at);
}

std::string hint_for(ncclResult_t result) {
  switch (result) {
    case ncclUnhandledCudaError:
      return "a GPU or the driver failed: nvidia-smi -q and the kernel's log (dmesg | grep -i xid) "
             "say more";
    case ncclSystemError:
      return "a socket, a file or shared memory failed: NCCL_DEBUG=WARN says which; containers "
             "need /dev/shm of a gigabyte, and NCCL_SOCKET_IFNAME names the network interface";
    case ncclRemoteError:
      return "another rank ended or the network failed: the first message of the other ranks says "
             "why";
    default:
      return "NCCL_DEBUG=INFO shows what NCCL does";
  }
}

}  // namespace

const char* nccl_result_name(ncclResult_t result) {
  switch (result) {
    case ncclSuccess:
      return "ncclSuccess";
    case ncclUnhandledCudaError:
      return "ncclUnhandledCudaError";
    case ncclSystemError:
      return "ncclSystemError";
    case ncclInternalError:
      return "ncclInternalError";
    case ncclInvalidArgument:
      return "ncclInvalidArgument";
    case ncclInvalidUsage:
      return "ncclInvalidUsage";
    case ncclRemoteError:
      return "ncclRemoteError";
    case ncclInProgress:
      return "ncclInProgress";
    default:
      return "unknown result";
  }
}

std::string nccl_version_text(int code) {
  const int rest = code % (code >= long_codes_from ? per_major : per_major_short);
  return fmt::format("{}.{}.{}", major_of(code), rest / per_minor, rest % per_minor);
}

NcclLibrary::NcclLibrary(const std::string& folder)
    : library("NCCL", {fmt::format("libnccl.so.{}", NCCL_MAJOR)}, folder,
              {LOCKSTEP_NCCL_LIBRARY_DIR}) {
#define X(name) name = reinterpret_cast<decltype(name)>(library.function(#name));
  LOCKSTEP_NCCL_FUNCTIONS(X)
#undef X
#define X(name) name = reinterpret_cast<decltype(name)>(library.find(#name));
  LOCKSTEP_NCCL_LATER_FUNCTIONS(X)
#undef X
  int code = 0;
  check(ncclGetVersion(&code), "ncclGetVersion");
  version_ = nccl_version_text(code);
  if (major_of(code) != NCCL_MAJOR)
    throw Unavailable(fmt::format("{} is NCCL {}, but this lockstep-validate was built for NCCL {}",
                                  library.path(), version_, NCCL_MAJOR));
}

std::string NcclLibrary::last_error(ncclComm_t comm) const {
  if (ncclGetLastError == nullptr) return {};
  const char* text = ncclGetLastError(comm);
  return text == nullptr ? std::string{} : text;
}

void NcclLibrary::check(ncclResult_t result, const std::string& what, ncclComm_t comm) const {
  if (result == ncclSuccess) return;
  const std::string said = last_error(comm);
  throw MeasurementError(
      fmt::format("{}: {} ({}){}{}", what, without_advice(ncclGetErrorString(result)),
                  nccl_result_name(result), said.empty() ? "" : ": ", said),
      hint_for(result));
}

}  // namespace lockstep
