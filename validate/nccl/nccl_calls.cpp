// What NcclBackend does with the selected communicators: calls, times and checks.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <span>
#include <thread>

#include "validate/measure/failures.hpp"
#include "validate/nccl/nccl_backend.hpp"
#include "validate/nccl/nccl_local_rank.hpp"

namespace lockstep {
namespace {

constexpr auto poll_interval = std::chrono::microseconds(20);
constexpr double seconds_per_microsecond = 1e-6;
constexpr int poison_byte = 0xff;  // a NaN in each of the types
constexpr std::int64_t staging_bytes = std::int64_t{4} << 20;
// Larger parts are checked in this many stretches, the first and the last among them.
constexpr std::int64_t checked_stretches = 16;
constexpr std::int64_t periods_copied = 16;
constexpr std::int64_t most_copied = std::int64_t{256} << 20;
constexpr int copies = 5;

ncclDataType_t nccl_type(ElementType type) {
  switch (type) {
    case ElementType::bf16:
      return ncclBfloat16;
    case ElementType::half:
      return ncclFloat16;
    case ElementType::float32:
      break;
  }
  return ncclFloat32;
}

bool of_parts(Collective collective) {
  return collective == Collective::all_gather || collective == Collective::reduce_scatter;
}

}  // namespace

// In place, as nccl-tests does it: one buffer, in which all_gather's own part already is at its
// place and reduce_scatter's result takes the place of the own part.
const std::byte* NcclBackend::send_buffer(const LocalRank& local) const {
  if (!call_.in_place) return static_cast<const std::byte*>(local.send);
  const std::int64_t part = call_.size_bytes / group_size_ * local.rank_in_group;
  return static_cast<const std::byte*>(local.receive) +
         (call_.collective == Collective::all_gather ? part : 0);
}

std::byte* NcclBackend::receive_buffer(const LocalRank& local) const {
  const std::int64_t part = call_.size_bytes / group_size_ * local.rank_in_group;
  return static_cast<std::byte*>(local.receive) +
         (call_.in_place && call_.collective == Collective::reduce_scatter ? part : 0);
}

void NcclBackend::prepare(const TimedCall& call) {
  if (call.size_bytes > options_.largest_bytes)
    throw std::invalid_argument("a call larger than the buffers");
  call_ = call;
  warm_ = false;
  fill();
}

void NcclBackend::fill() {
  const Watchdog::Watched watched(
      watchdog_, fmt::format("{}: {}", all_local(), call_text("filling the buffers")));
  for (const LocalRank* local : taking_part()) {
    cuda_.check(cuda_.cudaSetDevice(local->device), "cudaSetDevice", local->device);
    const auto parts = sent_parts(call_, local->rank_in_group, group_size_, element_bytes());
    auto* buffer = const_cast<std::byte*>(send_buffer(*local));
    for (const PatternPart& part : parts) fill_part(*local, buffer + part.offset, part);
    local->stream.synchronize();
  }
}

// Some periods come from the host, the GPU doubles what is there: every copy begins at a whole
// number of periods.
void NcclBackend::fill_part(const LocalRank& local, std::byte* buffer,
                            const PatternPart& part) const {
  const std::int64_t some = CheckPattern::period * periods_copied * element_bytes();
  std::int64_t done = std::min(part.bytes, some);
  const std::vector<std::byte> bytes =
      pattern_.bytes(part.source, part.phase, done / element_bytes());
  const auto copy = [&](std::byte* to, const std::byte* from, std::int64_t size,
                        cudaMemcpyKind kind) {
    cuda_.check(
        cuda_.cudaMemcpyAsync(to, from, static_cast<std::size_t>(size), kind, local.stream.get()),
        "cudaMemcpyAsync", local.device);
  };
  copy(buffer, bytes.data(), done, cudaMemcpyHostToDevice);
  local.stream.synchronize();  // `bytes` goes
  while (done < part.bytes) {
    const std::int64_t size = std::min(done, part.bytes - done);
    copy(buffer + done, buffer, size, cudaMemcpyDeviceToDevice);
    done += size;
  }
}

void NcclBackend::poison() const {
  for (const LocalRank* local : taking_part()) {
    cuda_.check(cuda_.cudaSetDevice(local->device), "cudaSetDevice", local->device);
    cuda_.check(
        cuda_.cudaMemsetAsync(local->receive, poison_byte,
                              static_cast<std::size_t>(call_.size_bytes), local->stream.get()),
        "cudaMemsetAsync", local->device);
    local->stream.synchronize();
  }
}

void NcclBackend::enqueue_one(const LocalRank& local) const {
  const void* send = send_buffer(local);
  void* receive = receive_buffer(local);
  const std::int64_t bytes =
      of_parts(call_.collective) ? call_.size_bytes / group_size_ : call_.size_bytes;
  const auto count = static_cast<std::size_t>(bytes / element_bytes());
  const ncclDataType_t type = nccl_type(options_.type);
  const ncclComm_t comm = local.active;
  const cudaStream_t stream = local.stream.get();
  ncclResult_t result = ncclSuccess;
  switch (call_.collective) {
    case Collective::all_reduce:
      result = nccl_.ncclAllReduce(send, receive, count, type, ncclSum, comm, stream);
      break;
    case Collective::all_gather:
      result = nccl_.ncclAllGather(send, receive, count, type, comm, stream);
      break;
    case Collective::reduce_scatter:
      result = nccl_.ncclReduceScatter(send, receive, count, type, ncclSum, comm, stream);
      break;
    case Collective::broadcast:
      result = nccl_.ncclBroadcast(send, receive, count, type, 0, comm, stream);
      break;
    case Collective::reduce:
      result = nccl_.ncclReduce(send, receive, count, type, ncclSum, 0, comm, stream);
      break;
    case Collective::all_to_all:
    case Collective::send_recv:
      send_to_others(local);
      return;
  }
  check_call(result, local);
}

void NcclBackend::check_call(ncclResult_t result, const LocalRank& local) const {
  if (result != ncclSuccess) check(result, local, call_text("the call"));
}

// all_to_all: a part to every rank, itself too, as nccl-tests does. send_recv: all to the next
// rank.
void NcclBackend::send_to_others(const LocalRank& local) const {
  const bool to_all = call_.collective == Collective::all_to_all;
  const std::int64_t part = to_all ? call_.size_bytes / group_size_ : call_.size_bytes;
  const auto count = static_cast<std::size_t>(part / element_bytes());
  const ncclDataType_t type = nccl_type(options_.type);
  const std::byte* send = send_buffer(local);
  std::byte* receive = receive_buffer(local);
  const auto exchange = [&](std::int64_t to, std::int64_t from, std::int64_t send_at,
                            std::int64_t receive_at) {
    check_call(nccl_.ncclSend(send + send_at, count, type, static_cast<int>(to), local.active,
                              local.stream.get()),
               local);
    check_call(nccl_.ncclRecv(receive + receive_at, count, type, static_cast<int>(from),
                              local.active, local.stream.get()),
               local);
  };
  if (!to_all) {
    exchange((local.rank_in_group + 1) % group_size_,
             (local.rank_in_group + group_size_ - 1) % group_size_, 0, 0);
    return;
  }
  for (std::int64_t peer = 0; peer < group_size_; ++peer)
    exchange(peer, peer, peer * part, peer * part);
}

// Small calls take as long as their launch, so nothing is built here that only an error needs.
void NcclBackend::enqueue(const std::vector<LocalRank*>& locals) {
  begin_group(locals);
  const ncclResult_t result = nccl_.ncclGroupEnd();
  if (result == ncclSuccess) return;
  check_group(result, call_text("the call"));
  for (const LocalRank* local : locals) settle(*local, local->active, call_text("the call"));
}

void NcclBackend::begin_group(const std::vector<LocalRank*>& locals) {
  const ncclResult_t result = nccl_.ncclGroupStart();
  if (result != ncclSuccess) check_group(result, call_text("the call"));
  for (const LocalRank* local : locals) enqueue_one(*local);
}

// All that will be timed together meet in a tiny all-reduce first, so that no rank's time has in it
// how late the others came.
void NcclBackend::meet() {
  check_group(nccl_.ncclGroupStart(), call_text("meeting"));
  for (const auto& local : locals_) {
    const ncclComm_t comm = all_at_once_ ? local->world : local->active;
    if (comm == nullptr) continue;
    check(nccl_.ncclAllReduce(local->meeting.data(), local->meeting.data(), 1, ncclFloat32, ncclSum,
                              comm, local->stream.get()),
          *local, call_text("meeting"));
  }
  const ncclResult_t result = nccl_.ncclGroupEnd();
  check_group(result, call_text("meeting"));
  if (result != ncclInProgress) return;
  for (const auto& local : locals_) {
    const ncclComm_t comm = all_at_once_ ? local->world : local->active;
    if (comm != nullptr) settle(*local, comm, call_text("meeting"));
  }
}

void NcclBackend::check_async(const LocalRank& local, const std::string& phase) const {
  ncclResult_t state = ncclSuccess;
  check(nccl_.ncclCommGetAsyncError(local.active, &state), local, call_text(phase));
  check(state, local, call_text(phase));
}

// Asks instead of waiting in the driver, so that errors of NCCL's threads are seen.
void NcclBackend::wait_for_all(const std::string& phase) {
  for (const LocalRank* local : taking_part()) {
    const Watchdog::Watched watched(watchdog_,
                                    fmt::format("{}: {}", who(*local), call_text(phase)));
    while (true) {
      const cudaError_t state = cuda_.cudaEventQuery(local->end.get());
      if (state == cudaSuccess) break;
      if (state != cudaErrorNotReady)
        cuda_.check(state, fmt::format("{} ({})", call_text(phase), who(*local)).c_str(),
                    local->device);
      static_cast<void>(cuda_.cudaGetLastError());  // "not ready" is no error to keep
      check_async(*local, phase);
      std::this_thread::sleep_for(poll_interval);
    }
    check_async(*local, phase);
  }
}

std::vector<double> NcclBackend::run(std::int64_t iterations) {
  const std::vector<LocalRank*> locals = taking_part();
  const std::string phase = fmt::format("{} of {} {}", warm_ ? "timing" : "warm-up", iterations,
                                        iterations == 1 ? "call" : "calls");
  {
    const Watchdog::Watched watched(
        watchdog_, fmt::format("{}: {} being queued", all_local(), call_text(phase)));
    meet();
    for (LocalRank* local : locals) local->begin.record(local->stream);
    for (queued_ = 0; queued_ < iterations && !locals.empty(); ++queued_) enqueue(locals);
    for (LocalRank* local : locals) local->end.record(local->stream);
  }
  wait_for_all(phase);
  warm_ = true;
  std::vector<double> seconds;
  for (const LocalRank* local : locals)
    seconds.push_back(local->end.seconds_since(local->begin) / static_cast<double>(iterations));
  return seconds;
}

std::vector<double> NcclBackend::copy_seconds() {
  const Watchdog::Watched watched(watchdog_, all_local() + ": copies within a GPU");
  const auto bytes = static_cast<std::size_t>(std::min(options_.largest_bytes, most_copied));
  std::vector<double> seconds;
  for (const auto& local : locals_) {
    cuda_.check(cuda_.cudaSetDevice(local->device), "cudaSetDevice", local->device);
    double fastest = std::numeric_limits<double>::infinity();
    for (int i = 0; i < copies; ++i) {
      local->begin.record(local->stream);
      cuda_.check(cuda_.cudaMemcpyAsync(local->receive, local->send, bytes,
                                        cudaMemcpyDeviceToDevice, local->stream.get()),
                  "cudaMemcpyAsync", local->device);
      local->end.record(local->stream);
      fastest = std::min(fastest, local->end.seconds_since(local->begin));
    }
    seconds.push_back(fastest);
  }
  return seconds;
}

std::int64_t NcclBackend::count_wrong() {
  poison();
  fill();
  const std::vector<LocalRank*> locals = taking_part();
  {
    const Watchdog::Watched watched(watchdog_,
                                    fmt::format("{}: {}", all_local(), call_text("check")));
    if (!locals.empty()) enqueue(locals);
    for (LocalRank* local : locals) local->end.record(local->stream);
  }
  wait_for_all("check");
  const Watchdog::Watched watched(watchdog_,
                                  fmt::format("{}: {}", all_local(), call_text("check")));
  std::int64_t wrong = 0;
  for (const LocalRank* local : locals) {
    const auto parts = expected_parts(call_, local->rank_in_group, group_size_, element_bytes());
    for (const PatternPart& part : parts) wrong += wrong_in(*local, part);
  }
  return wrong;
}

std::int64_t NcclBackend::wrong_in(const LocalRank& local, const PatternPart& part) const {
  const std::int64_t stretches = (part.bytes + staging_bytes - 1) / staging_bytes;
  const std::int64_t step = std::max<std::int64_t>(1, (stretches - 1) / (checked_stretches - 1));
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < stretches; ++i) {
    if (i % step != 0 && i != stretches - 1) continue;
    const std::int64_t at = i * staging_bytes;
    const auto size = static_cast<std::size_t>(std::min(staging_bytes, part.bytes - at));
    cuda_.check(cuda_.cudaMemcpyAsync(staging_, receive_buffer(local) + part.offset + at, size,
                                      cudaMemcpyDeviceToHost, local.stream.get()),
                "cudaMemcpyAsync", local.device);
    local.stream.synchronize();
    wrong += pattern_.count_wrong({static_cast<const std::byte*>(staging_), size}, part.source,
                                  part.phase + at / element_bytes());
  }
  return wrong;
}

std::optional<double> NcclBackend::estimate() {
  const std::vector<LocalRank*> locals = taking_part();
  const bool tuned =
      call_.collective != Collective::all_to_all && call_.collective != Collective::send_recv;
  if (nccl_.ncclGroupSimulateEnd == nullptr || !tuned || locals.empty()) return std::nullopt;
  const Watchdog::Watched watched(watchdog_,
                                  fmt::format("{}: {}", all_local(), call_text("NCCL's estimate")));
  begin_group(locals);
  ncclSimInfo_t info = NCCL_SIM_INFO_INITIALIZER;
  check_group(nccl_.ncclGroupSimulateEnd(&info), call_text("NCCL's estimate"));
  const double seconds = static_cast<double>(info.estimatedTime) * seconds_per_microsecond;
  return seconds > 0 ? std::optional(seconds) : std::nullopt;
}

}  // namespace lockstep
