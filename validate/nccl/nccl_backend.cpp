// Communicators and buffers.
#include "validate/nccl/nccl_backend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <set>
#include <thread>
#include <utility>

#include "validate/measure/failures.hpp"
#include "validate/nccl/nccl_local_rank.hpp"

namespace lockstep {
namespace {

constexpr auto poll_interval = std::chrono::microseconds(50);
constexpr std::size_t meeting_bytes = 16;
constexpr std::size_t staging_bytes = std::size_t{4} << 20;

}  // namespace

NcclBackend::NcclBackend(const CudaRuntime& cuda, const NcclLibrary& nccl, Processes& processes,
                         Watchdog& watchdog, const std::vector<RankPlace>& places,
                         const NcclOptions& options)
    : cuda_(cuda),
      nccl_(nccl),
      processes_(processes),
      watchdog_(watchdog),
      places_(places),
      options_(options),
      pattern_(options.type, static_cast<std::int64_t>(places.size())) {
  for (std::size_t rank = 0; rank < places.size(); ++rank) {
    if (places[rank].process != processes.rank()) continue;
    auto local = std::make_unique<LocalRank>();
    local->rank = static_cast<std::int64_t>(rank);
    local->device = static_cast<int>(places[rank].gpu.device);
    locals_.push_back(std::move(local));
  }
  // On a GPU of this process: no other one is to get a context of it.
  cuda_.check(cuda_.cudaSetDevice(locals_.front()->device), "cudaSetDevice",
              locals_.front()->device);
  cuda_.check(cuda_.cudaMallocHost(&staging_, staging_bytes), "cudaMallocHost");
  {
    const Watchdog::Watched watched(watchdog_, all_local() + ": buffers and streams");
    for (const auto& local : locals_) allocate(*local);
  }
  join_all();
}

NcclBackend::~NcclBackend() {
  // After a failure kernels may still wait for ranks that are gone: communicators are aborted, and
  // memory, whose freeing would wait for the kernels, stays until the process ends.
  if (std::uncaught_exceptions() > exceptions_before_) {
    for (const auto& local : locals_) {
      if (local->active != nullptr && local->active != local->world)
        static_cast<void>(nccl_.ncclCommAbort(local->active));
      if (local->world != nullptr) static_cast<void>(nccl_.ncclCommAbort(local->world));
    }
    return;
  }
  leave_groups();
  for (const auto& local : locals_) {
    if (local->world != nullptr) static_cast<void>(nccl_.ncclCommDestroy(local->world));
    release(*local);
  }
  if (staging_ != nullptr) static_cast<void>(cuda_.cudaFreeHost(staging_));
}

std::int64_t NcclBackend::ranks() const {
  return static_cast<std::int64_t>(places_.size());
}

std::int64_t NcclBackend::local_ranks() const {
  return static_cast<std::int64_t>(locals_.size());
}

std::int64_t NcclBackend::nodes() const {
  std::set<std::string> hosts;
  for (const RankPlace& place : places_) hosts.insert(place.gpu.host);
  return static_cast<std::int64_t>(hosts.size());
}

void NcclBackend::allocate(LocalRank& local) const {
  local.stream = GpuStream(cuda_, local.device);
  local.begin = GpuEvent(cuda_, local.device);
  local.end = GpuEvent(cuda_, local.device);
  local.meeting = DeviceBuffer(cuda_, local.device, meeting_bytes);
  // Memory of NCCL's own allocator is what registration gains most from.
  local.buffers_of_nccl =
      options_.registered && nccl_.ncclMemAlloc != nullptr && nccl_.ncclMemFree != nullptr;
  for (void** buffer : {&local.send, &local.receive}) {
    const auto bytes = static_cast<std::size_t>(options_.largest_bytes);
    if (local.buffers_of_nccl)
      check(nccl_.ncclMemAlloc(buffer, bytes), local,
            fmt::format("ncclMemAlloc of {} bytes", bytes));
    else
      cuda_.check(cuda_.cudaMalloc(buffer, bytes),
                  fmt::format("cudaMalloc of {} bytes", bytes).c_str(), local.device);
  }
}

void NcclBackend::release(LocalRank& local) const {
  static_cast<void>(cuda_.cudaSetDevice(local.device));
  for (void* buffer : {local.send, local.receive}) {
    if (buffer == nullptr) continue;
    if (local.buffers_of_nccl)
      static_cast<void>(nccl_.ncclMemFree(buffer));
    else
      static_cast<void>(cuda_.cudaFree(buffer));
  }
}

void NcclBackend::join_all() {
  const std::string phase = "making the communicator of all ranks";
  const Watchdog::Watched watched(watchdog_, fmt::format("{}: {}", all_local(), phase));
  ncclUniqueId id{};
  if (processes_.first()) nccl_.check(nccl_.ncclGetUniqueId(&id), "rank 0: ncclGetUniqueId");
  processes_.broadcast(std::as_writable_bytes(std::span(&id, 1)), 0);
  check_group(nccl_.ncclGroupStart(), phase);
  for (const auto& local : locals_) {
    cuda_.check(cuda_.cudaSetDevice(local->device), "cudaSetDevice", local->device);
    check(nccl_.ncclCommInitRank(&local->world, static_cast<int>(places_.size()), id,
                                 static_cast<int>(local->rank)),
          *local, phase);
  }
  check_group(nccl_.ncclGroupEnd(), phase);
  for (const auto& local : locals_) settle(*local, local->world, phase);
}

void NcclBackend::leave_groups() {
  selected_.clear();
  for (const auto& local : locals_) {
    if (local->active == nullptr) continue;
    for (void** handle : {&local->send_handle, &local->receive_handle}) {
      if (*handle != nullptr) static_cast<void>(nccl_.ncclCommDeregister(local->active, *handle));
      *handle = nullptr;
    }
    if (local->active != local->world) static_cast<void>(nccl_.ncclCommDestroy(local->active));
    local->active = nullptr;
  }
}

void NcclBackend::select(const RankGroups& groups) {
  const std::string phase = fmt::format("making the communicators of {}", groups.name);
  if (groups.groups == selected_ && groups.at_once == all_at_once_) return;
  const Watchdog::Watched watched(watchdog_, fmt::format("{}: {}", all_local(), phase));
  leave_groups();
  group_name_ = groups.name;
  group_size_ = groups.size();
  all_at_once_ = groups.at_once;
  pattern_ = CheckPattern(options_.type, group_size_);
  const bool world = group_size_ == ranks();
  if (!world && nccl_.ncclCommSplit == nullptr)
    throw MeasurementError(fmt::format("NCCL {} cannot split communicators", nccl_.version()),
                           "from 2.18 on it can; --groups world needs no splitting");
  if (!world) check_group(nccl_.ncclGroupStart(), phase);
  for (const auto& local : locals_) {
    const std::int64_t group = groups.group_of(local->rank);
    const bool takes_part = group >= 0 && (groups.at_once || group == 0);
    if (takes_part) {
      const auto& members = groups.groups[static_cast<std::size_t>(group)];
      local->rank_in_group =
          std::find(members.begin(), members.end(), local->rank) - members.begin();
    }
    if (world)
      local->active = local->world;
    else
      check(nccl_.ncclCommSplit(local->world,
                                takes_part ? static_cast<int>(group) : NCCL_SPLIT_NOCOLOR,
                                static_cast<int>(local->rank), &local->active, nullptr),
            *local, phase);
  }
  if (!world) check_group(nccl_.ncclGroupEnd(), phase);
  for (const auto& local : locals_) {
    settle(*local, local->world, phase);
    if (local->active != nullptr && !world) settle(*local, local->active, phase);
    if (local->active != nullptr && options_.registered) register_buffers(*local);
  }
  selected_ = groups.groups;
}

void NcclBackend::use_registration(bool registered) {
  leave_groups();
  if (registered == options_.registered) return;
  options_.registered = registered;
  for (const auto& local : locals_) {
    release(*local);
    local->send = nullptr;
    local->receive = nullptr;
    allocate(*local);
  }
}

void NcclBackend::register_buffers(LocalRank& local) const {
  if (nccl_.ncclCommRegister == nullptr || nccl_.ncclCommDeregister == nullptr)
    throw MeasurementError(fmt::format("NCCL {} cannot register buffers", nccl_.version()),
                           "from 2.19 on it can; --register no measures without");
  cuda_.check(cuda_.cudaSetDevice(local.device), "cudaSetDevice", local.device);
  const auto bytes = static_cast<std::size_t>(options_.largest_bytes);
  check(nccl_.ncclCommRegister(local.active, local.send, bytes, &local.send_handle), local,
        "registering a buffer");
  check(nccl_.ncclCommRegister(local.active, local.receive, bytes, &local.receive_handle), local,
        "registering a buffer");
}

// A communicator that does not block (NCCL_COMM_BLOCKING=0) is used again only when it is ready.
void NcclBackend::settle(const LocalRank& local, ncclComm_t comm, const std::string& phase) const {
  ncclResult_t state = ncclSuccess;
  while (true) {
    check(nccl_.ncclCommGetAsyncError(comm, &state), local, phase);
    if (state != ncclInProgress) break;
    std::this_thread::sleep_for(poll_interval);
  }
  check(state, local, phase);
}

void NcclBackend::check(ncclResult_t result, const LocalRank& local,
                        const std::string& phase) const {
  if (result == ncclSuccess || result == ncclInProgress) return;
  nccl_.check(result, fmt::format("{}: {}", who(local), phase),
              local.active != nullptr ? local.active : local.world);
}

void NcclBackend::check_group(ncclResult_t result, const std::string& phase) const {
  if (result == ncclSuccess || result == ncclInProgress) return;
  nccl_.check(result, fmt::format("{}: {}", all_local(), phase), locals_.front()->world);
}

std::string NcclBackend::who(const LocalRank& local) const {
  return describe(places_, local.rank);
}

std::string NcclBackend::all_local() const {
  const std::string first = describe(places_, locals_.front()->rank);
  if (locals_.size() == 1) return first;
  return fmt::format("ranks {} to {} on {}", locals_.front()->rank, locals_.back()->rank,
                     places_[static_cast<std::size_t>(locals_.front()->rank)].gpu.host);
}

std::string NcclBackend::call_text(const std::string& phase) const {
  return fmt::format("{} of {} bytes {} on {}, {}", lockstep::to_string(call_.collective),
                     call_.size_bytes, call_.in_place ? "in place" : "out of place", group_name_,
                     phase);
}

void NcclBackend::abort() noexcept {
  for (const auto& local : locals_) {
    if (local->active != nullptr && local->active != local->world)
      static_cast<void>(nccl_.ncclCommAbort(local->active));
    if (local->world != nullptr) static_cast<void>(nccl_.ncclCommAbort(local->world));
  }
}

std::string NcclBackend::last_error() const {
  for (const auto& local : locals_) {
    const ncclComm_t comm = local->active != nullptr ? local->active : local->world;
    std::string text = nccl_.last_error(comm);
    if (!text.empty()) return text;
  }
  return {};
}

std::vector<NcclBackend::LocalRank*> NcclBackend::taking_part() const {
  std::vector<LocalRank*> out;
  for (const auto& local : locals_) {
    if (local->active != nullptr) out.push_back(local.get());
  }
  return out;
}

}  // namespace lockstep
