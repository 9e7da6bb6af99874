// NCCL: communicators, groups and errors. What collectives do is in nccl_communicate.cpp.
//
// LOCKSTEP_FAKE_NCCL_VERSION is the version's code (of the header). Errors are named as results
// ("ncclSystemError"): LOCKSTEP_FAKE_NCCL_INIT_ERROR, _CALL_ERROR (from LOCKSTEP_FAKE_NCCL_CALL_
// ERROR_AFTER groups on), _ASYNC_ERROR (what ncclCommGetAsyncError says once a stream hangs);
// LOCKSTEP_FAKE_NCCL_LAST_ERROR is the text that goes with them.
#include "tests/fake_gpu/nccl.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "tests/fake_gpu/clock.hpp"

namespace lockstep::fake {
namespace {

struct Group {
  int depth = 0;
  std::vector<Joining> joinings;
  std::vector<Communication> communications;
};

Group& group() {
  thread_local Group one;
  return one;
}

std::string& last_error() {
  static std::string text;
  return text;
}

std::shared_ptr<World> world_of(const std::string& name, int ranks) {
  static std::map<std::string, std::shared_ptr<World>> all;
  std::shared_ptr<World>& world = all[name];
  if (!world) world = std::make_shared<World>(name, ranks);
  return world;
}

// As NCCL finds it: the same host, or what NCCL_HOSTID names, and the same bus id.
ncclResult_t refuse_duplicates(const std::vector<std::string>& places) {
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (places[i] != places[j]) continue;
      set_last_error("Duplicate GPU detected : rank " + std::to_string(i) + " and rank " +
                     std::to_string(j) + " both on CUDA device");
      return ncclInvalidUsage;
    }
  }
  return ncclSuccess;
}

// An aborted communicator stays, whoever hangs may still look at it; it is no leak.
ncclComm* kept(ncclComm* comm) {
  static auto* const all = new std::vector<ncclComm*>;
  all->push_back(comm);
  return comm;
}

ncclResult_t initialise(const std::string& name, const std::vector<Joining>& joinings) {
  const std::shared_ptr<World> world = world_of(name, joinings.front().ranks);
  world->local_ranks += static_cast<int>(joinings.size());
  std::map<int, std::string> places;
  for (const Joining& one : joinings) {
    places[one.rank] = text("NCCL_HOSTID", "host") + '/' +
                       std::to_string(number("LOCKSTEP_FAKE_BUS", 0) + one.device);
  }
  const ncclResult_t error = refuse_duplicates(world->exchange(places));
  if (error != ncclSuccess) return error;
  for (const Joining& one : joinings) *one.out = kept(new ncclComm{world, one.rank, one.device});
  return ncclSuccess;
}

void split(World& parent, const std::vector<Joining>& joinings) {
  std::map<int, std::string> own;
  for (const Joining& one : joinings) {
    const std::array<int, 2> both{one.color, one.key};
    own[one.parent->rank].assign(reinterpret_cast<const char*>(both.data()), sizeof both);
  }
  std::map<int, std::vector<std::pair<int, int>>> members;  // by color: key, rank
  const std::vector<std::string> all = parent.exchange(own);
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    std::array<int, 2> both{};
    std::memcpy(both.data(), all[rank].data(), sizeof both);
    members[both[0]].emplace_back(both[1], static_cast<int>(rank));
  }
  const int number_of_split = parent.splits++;
  for (const Joining& one : joinings) {
    *one.out = nullptr;
    if (one.color == NCCL_SPLIT_NOCOLOR) continue;
    std::vector<std::pair<int, int>>& list = members[one.color];
    std::sort(list.begin(), list.end());
    const auto at = std::find(list.begin(), list.end(), std::pair(one.key, one.parent->rank));
    const std::shared_ptr<World> world = world_of(
        parent.name() + '.' + std::to_string(number_of_split) + '.' + std::to_string(one.color),
        static_cast<int>(list.size()));
    ++world->local_ranks;
    *one.out =
        kept(new ncclComm{world, static_cast<int>(at - list.begin()), one.parent->device});
  }
}

ncclResult_t end_group() {
  Group ended = std::exchange(group(), Group{});
  if (!ended.joinings.empty()) {
    const ncclResult_t result = join(ended.joinings);
    if (result != ncclSuccess) return result;
  }
  return ended.communications.empty() ? ncclSuccess : communicate(ended.communications);
}

ncclResult_t add(const Communication& communication) {
  group().communications.push_back(communication);
  return group().depth == 0 ? end_group() : ncclSuccess;
}

ncclResult_t add(const Joining& joining) {
  group().joinings.push_back(joining);
  return group().depth == 0 ? end_group() : ncclSuccess;
}

}  // namespace

ncclResult_t join(const std::vector<Joining>& joinings) {
  const ncclResult_t error = error_of_environment("INIT");
  if (error != ncclSuccess) return error;
  std::map<std::string, std::vector<Joining>> begun;
  std::map<World*, std::vector<Joining>> splits;
  for (const Joining& one : joinings) {
    if (one.parent == nullptr)
      begun[one.world].push_back(one);
    else
      splits[one.parent->world.get()].push_back(one);
  }
  for (const auto& [name, list] : begun) {
    const ncclResult_t result = initialise(name, list);
    if (result != ncclSuccess) return result;
  }
  for (const auto& [parent, list] : splits) split(*parent, list);
  return ncclSuccess;
}

void set_last_error(const std::string& error) {
  last_error() = error;
}

ncclResult_t error_of_environment(const std::string& kind) {
  const std::string name = text(("LOCKSTEP_FAKE_NCCL_" + kind + "_ERROR").c_str(), "");
  if (name.empty()) return ncclSuccess;
  set_last_error(text("LOCKSTEP_FAKE_NCCL_LAST_ERROR", ""));
  if (name == "ncclUnhandledCudaError") return ncclUnhandledCudaError;
  if (name == "ncclSystemError") return ncclSystemError;
  if (name == "ncclInternalError") return ncclInternalError;
  if (name == "ncclRemoteError") return ncclRemoteError;
  return ncclInvalidUsage;
}

}  // namespace lockstep::fake

using namespace lockstep::fake;

ncclResult_t ncclGetVersion(int* version) {
  *version = static_cast<int>(number("LOCKSTEP_FAKE_NCCL_VERSION", NCCL_VERSION_CODE));
  return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  static int count = 0;
  std::memset(id->internal, 0, sizeof id->internal);
  std::snprintf(id->internal, sizeof id->internal, "/lockstep-fake-%ld-%d",
                static_cast<long>(::getpid()), count++);
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank,
                                    ncclConfig_t* /*config*/) {
  return add(Joining{
      .out = comm, .world = id.internal, .ranks = ranks, .rank = rank, .device = current_device()});
}

ncclResult_t ncclCommInitRank(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank) {
  return ncclCommInitRankConfig(comm, ranks, id, rank, nullptr);
}

ncclResult_t ncclCommSplit(ncclComm_t comm, int color, int key, ncclComm_t* out,
                           ncclConfig_t* /*config*/) {
  return add(Joining{.out = out, .parent = comm, .color = color, .key = key});
}

ncclResult_t ncclCommFinalize(ncclComm_t /*comm*/) {
  return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  delete comm;
  return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
  comm->aborted = true;  // whoever hangs may still look at it
  return ncclSuccess;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t /*comm*/, ncclResult_t* error) {
  *error = hung() ? error_of_environment("ASYNC") : ncclSuccess;
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess:
      return "no error";
    case ncclUnhandledCudaError:
      return "unhandled cuda error (run with NCCL_DEBUG=INFO for details)";
    case ncclSystemError:
      return "unhandled system error (run with NCCL_DEBUG=INFO for details)";
    case ncclInternalError:
      return "internal error - please report this issue to the NCCL developers";
    case ncclInvalidArgument:
      return "invalid argument (run with NCCL_DEBUG=WARN for details)";
    case ncclInvalidUsage:
      return "invalid usage (run with NCCL_DEBUG=WARN for details)";
    case ncclRemoteError:
      return "remote process exited or there was a network error";
    case ncclInProgress:
      return "NCCL operation in progress";
    default:
      return "unknown result code";
  }
}

const char* ncclGetLastError(ncclComm_t /*comm*/) {
  return last_error().c_str();
}

ncclResult_t ncclCommRegister(const ncclComm_t /*comm*/, void* buffer, size_t /*size*/,
                              void** handle) {
  *handle = buffer;
  return ncclSuccess;
}

ncclResult_t ncclCommDeregister(const ncclComm_t /*comm*/, void* /*handle*/) {
  return ncclSuccess;
}

ncclResult_t ncclMemAlloc(void** pointer, size_t size) {
  return cudaMalloc(pointer, size) == cudaSuccess ? ncclSuccess : ncclUnhandledCudaError;
}

ncclResult_t ncclMemFree(void* pointer) {
  return cudaFree(pointer) == cudaSuccess ? ncclSuccess : ncclUnhandledCudaError;
}

// -- collectives

ncclResult_t ncclAllReduce(const void* send, void* recv, size_t count, ncclDataType_t type,
                           ncclRedOp_t /*op*/, ncclComm_t comm, cudaStream_t stream) {
  return add(Communication{Operation::all_reduce, comm, send, recv, count, type, 0, stream});
}

ncclResult_t ncclAllGather(const void* send, void* recv, size_t count, ncclDataType_t type,
                           ncclComm_t comm, cudaStream_t stream) {
  return add(Communication{Operation::all_gather, comm, send, recv, count, type, 0, stream});
}

ncclResult_t ncclReduceScatter(const void* send, void* recv, size_t count, ncclDataType_t type,
                               ncclRedOp_t /*op*/, ncclComm_t comm, cudaStream_t stream) {
  return add(Communication{Operation::reduce_scatter, comm, send, recv, count, type, 0, stream});
}

ncclResult_t ncclBroadcast(const void* send, void* recv, size_t count, ncclDataType_t type,
                           int root, ncclComm_t comm, cudaStream_t stream) {
  return add(Communication{Operation::broadcast, comm, send, recv, count, type, root, stream});
}

ncclResult_t ncclReduce(const void* send, void* recv, size_t count, ncclDataType_t type,
                        ncclRedOp_t /*op*/, int root, ncclComm_t comm, cudaStream_t stream) {
  return add(Communication{Operation::reduce, comm, send, recv, count, type, root, stream});
}

ncclResult_t ncclSend(const void* send, size_t count, ncclDataType_t type, int peer,
                      ncclComm_t comm, cudaStream_t stream) {
  return add(Communication{Operation::send, comm, send, nullptr, count, type, peer, stream});
}

ncclResult_t ncclRecv(void* recv, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  return add(Communication{Operation::recv, comm, nullptr, recv, count, type, peer, stream});
}

// -- groups

ncclResult_t ncclGroupStart() {
  ++group().depth;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  return --group().depth == 0 ? end_group() : ncclSuccess;
}

// Nine tenths of what it will take, so that it cannot be taken for a measurement.
ncclResult_t ncclGroupSimulateEnd(ncclSimInfo_t* info) {
  const Group ended = std::exchange(group(), Group{});
  if (ended.communications.empty()) return ncclInvalidUsage;
  constexpr double share = 0.9;
  constexpr double microseconds = 1e6;
  info->estimatedTime =
      static_cast<float>(share * microseconds * seconds_of({ended.communications.front()}));
  return ncclSuccess;
}
