#include "tests/fake_gpu/clock.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <utility>

#include "tests/fake_gpu/handles.hpp"

namespace lockstep::fake {
namespace {

constexpr double default_launch = 2.5e-6;

struct Clock {
  double host = 0;
  int device = 0;
  std::map<int, std::unique_ptr<CUstream_st>> own_streams;  // by device, the null stream
  std::vector<CUstream_st*> streams;                        // that were created
  std::map<int, long> calls;                                // by device
};

Clock& clock() {
  static Clock one;
  return one;
}

// Seconds of [from, until) in which work of another kind runs on the device.
double busy_beside(const CUstream_st& own, double from, double until) {
  double most = 0;
  for (const CUstream_st* other : clock().streams) {
    if (other == &own || other->device != own.device || other->kind == Kind::compute) continue;
    most = std::max(most, std::min(until, other->time) - std::max(from, other->busy_since));
  }
  return most;
}

void run(CUstream_st& stream, double earliest, const Work& work) {
  const double start = std::max(stream.time, earliest);
  if (start > stream.time || stream.kind != work.kind) stream.busy_since = start;
  double seconds = work.seconds * slowness(stream.device);
  if (work.kind == Kind::compute)
    seconds += number("LOCKSTEP_FAKE_OVERLAP", 0.0) * busy_beside(stream, start, start + seconds);
  stream.kind = work.kind;
  stream.time = start + seconds;
  if (work.action) work.action();
}

}  // namespace

double number(const char* name, double otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtod(value, nullptr);
}

std::string text(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

std::recursive_mutex& guard() {
  static std::recursive_mutex one;
  return one;
}

double host_time() {
  return clock().host;
}
void host_works(double seconds) {
  clock().host += seconds;
}
void host_waits_until(double time) {
  clock().host = std::max(clock().host, time);
}
double launch_seconds() {
  return number("LOCKSTEP_FAKE_LAUNCH", default_launch);
}

CUstream_st& stream_of(cudaStream_t stream) {
  if (stream != nullptr) return *stream;
  std::unique_ptr<CUstream_st>& own = clock().own_streams[clock().device];
  if (!own) {
    own = std::make_unique<CUstream_st>();
    own->device = clock().device;
  }
  return *own;
}

void add_stream(CUstream_st* stream) {
  clock().streams.push_back(stream);
}
void remove_stream(CUstream_st* stream) {
  std::erase(clock().streams, stream);
}
const std::vector<CUstream_st*>& all_streams() {
  return clock().streams;
}
void set_device(int device) {
  clock().device = device;
}

cudaError_t submit(cudaStream_t stream, Work work) {
  const std::lock_guard lock(guard());
  CUstream_st& queue = stream_of(stream);
  if (fails(queue.device)) return cudaErrorECCUncorrectable;
  if (queue.capture != nullptr) {
    queue.capture->work.push_back(std::move(work));
    return cudaSuccess;
  }
  host_works(launch_seconds());
  run(queue, host_time(), work);
  return cudaSuccess;
}

void begin_at(cudaStream_t stream, double time, Work work) {
  const std::lock_guard lock(guard());
  CUstream_st& queue = stream_of(stream);
  if (queue.capture != nullptr) {
    queue.capture->work.push_back(std::move(work));
    return;
  }
  run(queue, time, work);
}

bool capturing(cudaStream_t stream) {
  return stream_of(stream).capture != nullptr;
}
double stream_time(cudaStream_t stream) {
  return stream_of(stream).time;
}
int stream_device(cudaStream_t stream) {
  return stream_of(stream).device;
}
void stick(cudaStream_t stream) {
  stream_of(stream).stuck = true;
}

int device_count() {
  return static_cast<int>(number("LOCKSTEP_FAKE_GPUS", 1));
}
int current_device() {
  return clock().device;
}

bool fails(int device) {
  if (device != static_cast<int>(number("LOCKSTEP_FAKE_FAIL_DEVICE", -1))) return false;
  return static_cast<double>(++clock().calls[device]) > number("LOCKSTEP_FAKE_FAIL_AFTER", 0);
}

double slowness(int device) {
  return device == static_cast<int>(number("LOCKSTEP_FAKE_SLOW_DEVICE", -1))
             ? number("LOCKSTEP_FAKE_SLOW_FACTOR", 1.0)
             : 1.0;
}

}  // namespace lockstep::fake
