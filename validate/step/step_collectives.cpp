#include "validate/step/step_collectives.hpp"

#if LOCKSTEP_HAS_NCCL

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "validate/nccl/nccl_library.hpp"

namespace lockstep {
namespace {

constexpr auto streams = static_cast<std::size_t>(TaskStream::count);
constexpr double element_bytes = 2;  // bf16
constexpr ncclDataType_t element_type = ncclBfloat16;

// What a device has of one kind of group.
struct Member {
  ncclComm_t comm = nullptr;
  int size = 1;
  int place = 0;  // in the group
};

struct Device {
  std::map<GroupKind, Member> groups;
  // Of each stream: what it sends and receives, so that collectives side by side touch different
  // memory.
  std::array<DeviceBuffer, streams> send;
  std::array<DeviceBuffer, streams> receive;
};

class NcclStepCollectives final : public StepCollectives {
 public:
  NcclStepCollectives(const CudaRuntime& cuda, const SmallStep& step,
                      const std::vector<StepTask>& tasks, const std::string& folder)
      : cuda_(cuda), nccl_(folder), devices_(static_cast<std::size_t>(step.ranks)) {
    join(step, tasks);
    allocate(tasks);
  }

  ~NcclStepCollectives() override {
    for (Device& device : devices_) {
      for (auto& [kind, member] : device.groups) static_cast<void>(nccl_.ncclCommDestroy(member.comm));
    }
  }
  NcclStepCollectives(const NcclStepCollectives&) = delete;
  NcclStepCollectives& operator=(const NcclStepCollectives&) = delete;

  [[nodiscard]] std::string version() const override {
    return nccl_.version();
  }

  void enqueue(int device, const StepTask& task, cudaStream_t stream) override {
    Device& on = devices_[static_cast<std::size_t>(device)];
    const Member& member = on.groups.at(task.call->group);
    const auto at = static_cast<std::size_t>(task.stream);
    const ncclResult_t result = call(task, member, on.send[at].data(), on.receive[at].data(), stream);
    nccl_.check(result, fmt::format("GPU {}: {} of {:.0f} bytes", device, task.call->name, task.bytes),
                member.comm);
  }

 private:
  // Every kind of group that a task uses, one kind after the other, as frameworks make them.
  void join(const SmallStep& step, const std::vector<StepTask>& tasks) {
    std::set<GroupKind> kinds;
    for (const StepTask& task : tasks) {
      if (task.call != nullptr && kinds.insert(task.call->group).second)
        join(step, task.call->group);
    }
  }

  void join(const SmallStep& step, GroupKind kind) {
    std::map<std::int64_t, ncclUniqueId> ids;  // by the group's first rank
    for (std::int64_t rank = 0; rank < step.ranks; ++rank) {
      const auto [id, fresh] = ids.try_emplace(group_ranks(step.plan, kind, rank).front());
      if (fresh) nccl_.check(nccl_.ncclGetUniqueId(&id->second), "ncclGetUniqueId");
    }
    nccl_.check(nccl_.ncclGroupStart(), "ncclGroupStart");
    for (std::int64_t rank = 0; rank < step.ranks; ++rank) {
      const int device = static_cast<int>(rank);
      const std::vector<std::int64_t> ranks = group_ranks(step.plan, kind, rank);
      Member& member = devices_[static_cast<std::size_t>(rank)].groups[kind];
      member.size = static_cast<int>(ranks.size());
      member.place = static_cast<int>(std::find(ranks.begin(), ranks.end(), rank) - ranks.begin());
      cuda_.check(cuda_.cudaSetDevice(device), "cudaSetDevice", device);
      nccl_.check(
          nccl_.ncclCommInitRank(&member.comm, member.size, ids.at(ranks.front()), member.place),
          fmt::format("GPU {}: ncclCommInitRank", rank));
    }
    nccl_.check(nccl_.ncclGroupEnd(), "ncclGroupEnd of the communicators");
  }

  void allocate(const std::vector<StepTask>& tasks) {
    std::array<double, streams> largest{};
    for (const StepTask& task : tasks) {
      double& bytes = largest[static_cast<std::size_t>(task.stream)];
      bytes = std::max(bytes, task.bytes);
    }
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      for (std::size_t at = 0; at < streams; ++at) {
        if (largest[at] <= 0) continue;
        const auto bytes = static_cast<std::size_t>(largest[at]) + 1;
        devices_[i].send[at] = DeviceBuffer(cuda_, static_cast<int>(i), bytes);
        devices_[i].receive[at] = DeviceBuffer(cuda_, static_cast<int>(i), bytes);
      }
    }
  }

  ncclResult_t call(const StepTask& task, const Member& member, void* send, void* receive,
                    cudaStream_t stream) const {
    const auto all = static_cast<std::size_t>(task.bytes / element_bytes);
    const std::size_t part = all / static_cast<std::size_t>(member.size);
    switch (task.call->collective) {
      case Collective::all_reduce:
        return nccl_.ncclAllReduce(send, receive, all, element_type, ncclSum, member.comm, stream);
      case Collective::all_gather:
        return nccl_.ncclAllGather(send, receive, part, element_type, member.comm, stream);
      case Collective::reduce_scatter:
        return nccl_.ncclReduceScatter(send, receive, part, element_type, ncclSum, member.comm,
                                       stream);
      case Collective::broadcast:
        return nccl_.ncclBroadcast(send, receive, all, element_type, 0, member.comm, stream);
      case Collective::reduce:
        return nccl_.ncclReduce(send, receive, all, element_type, ncclSum, 0, member.comm, stream);
      case Collective::all_to_all:
        return exchange(send, receive, part, member, stream);
      case Collective::send_recv:
        break;
    }
    return shift(send, receive, all, member, stream);
  }

  // One part for every rank of the group.
  ncclResult_t exchange(void* send, void* receive, std::size_t part, const Member& member,
                        cudaStream_t stream) const {
    const auto bytes = static_cast<std::size_t>(element_bytes);
    ncclResult_t result = nccl_.ncclGroupStart();
    for (int peer = 0; peer < member.size && result == ncclSuccess; ++peer) {
      const std::size_t offset = static_cast<std::size_t>(peer) * part * bytes;
      result = nccl_.ncclSend(static_cast<char*>(send) + offset, part, element_type, peer,
                              member.comm, stream);
      if (result != ncclSuccess) break;
      result = nccl_.ncclRecv(static_cast<char*>(receive) + offset, part, element_type, peer,
                              member.comm, stream);
    }
    const ncclResult_t ended = nccl_.ncclGroupEnd();
    return result == ncclSuccess ? ended : result;
  }

  // To the next rank, from the one before.
  ncclResult_t shift(void* send, void* receive, std::size_t count, const Member& member,
                     cudaStream_t stream) const {
    const int next = (member.place + 1) % member.size;
    const int before = (member.place + member.size - 1) % member.size;
    ncclResult_t result = nccl_.ncclGroupStart();
    if (result == ncclSuccess)
      result = nccl_.ncclSend(send, count, element_type, next, member.comm, stream);
    if (result == ncclSuccess)
      result = nccl_.ncclRecv(receive, count, element_type, before, member.comm, stream);
    const ncclResult_t ended = nccl_.ncclGroupEnd();
    return result == ncclSuccess ? ended : result;
  }

  const CudaRuntime& cuda_;
  NcclLibrary nccl_;
  std::vector<Device> devices_;
};

}  // namespace

std::unique_ptr<StepCollectives> nccl_step_collectives(const CudaRuntime& cuda,
                                                       const SmallStep& step,
                                                       const std::vector<StepTask>& tasks,
                                                       const std::string& library_folder) {
  return std::make_unique<NcclStepCollectives>(cuda, step, tasks, library_folder);
}

}  // namespace lockstep

#endif
