// The CUDA runtime: devices, errors, streams, events and graphs. Memory is in cudart_memory.cpp.
// Defaults are an H100 SXM; LOCKSTEP_FAKE_GPU_NAME, LOCKSTEP_FAKE_GPU_MEMORY (bytes) and
// LOCKSTEP_FAKE_COMPUTE_CAPABILITY (90) say otherwise, LOCKSTEP_FAKE_CUDA_VERSION (of the header)
// is the runtime's. LOCKSTEP_FAKE_DRIVER=old is too old a driver; LOCKSTEP_FAKE_BUS is the first
// GPU's bus number.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <thread>

#include "tests/fake_gpu/clock.hpp"
#include "tests/fake_gpu/handles.hpp"

using namespace lockstep::fake;

namespace {

constexpr double default_memory = 80.0 * 1024 * 1024 * 1024;
constexpr int capability_base = 10;
constexpr int first_bus = 0x1b;
constexpr double default_graph_launch = 5e-6;
constexpr double default_node_gap = 1e-6;

int capability() {
  return static_cast<int>(number("LOCKSTEP_FAKE_COMPUTE_CAPABILITY", 90));
}

cudaError_t state_of_driver() {
  if (text("LOCKSTEP_FAKE_DRIVER", "") == "old") return cudaErrorInsufficientDriver;
  return device_count() == 0 ? cudaErrorNoDevice : cudaSuccess;
}

bool valid(int device) {
  return device >= 0 && device < device_count();
}

int bus_of(int device) {
  return static_cast<int>(number("LOCKSTEP_FAKE_BUS", first_bus)) + device;
}

[[noreturn]] void wait_for_ever() {
  while (true) std::this_thread::sleep_for(std::chrono::hours(1));
}

}  // namespace

// -- devices

cudaError_t cudaGetDeviceCount(int* count) {
  const cudaError_t state = state_of_driver();
  *count = state == cudaSuccess ? device_count() : 0;
  return state;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* prop, int device) {
  if (!valid(device)) return cudaErrorInvalidDevice;
  *prop = cudaDeviceProp{};
  std::snprintf(prop->name, sizeof prop->name, "%s",
                text("LOCKSTEP_FAKE_GPU_NAME", "NVIDIA H100 80GB HBM3").c_str());
  prop->totalGlobalMem =
      static_cast<std::size_t>(number("LOCKSTEP_FAKE_GPU_MEMORY", default_memory));
  prop->major = capability() / capability_base;
  prop->minor = capability() % capability_base;
  prop->multiProcessorCount = 132;
  prop->warpSize = 32;
  prop->maxThreadsPerBlock = 1024;
  prop->maxThreadsPerMultiProcessor = 2048;
  prop->sharedMemPerBlock = 49152;
  prop->sharedMemPerBlockOptin = 232448;
  prop->l2CacheSize = static_cast<int>(number("LOCKSTEP_FAKE_L2", 50 * 1024 * 1024));
  prop->ECCEnabled = 1;
  prop->pciBusID = bus_of(device);
  prop->asyncEngineCount = 3;
  prop->unifiedAddressing = 1;
  prop->concurrentKernels = 1;
  prop->memoryBusWidth = 5120;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp properties;
  const cudaError_t error = cudaGetDeviceProperties(&properties, device);
  if (error != cudaSuccess) return error;
  switch (attribute) {
    case cudaDevAttrComputeCapabilityMajor:
      *value = properties.major;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = properties.minor;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = properties.multiProcessorCount;
      break;
    case cudaDevAttrL2CacheSize:
      *value = properties.l2CacheSize;
      break;
    case cudaDevAttrMaxThreadsPerBlock:
      *value = properties.maxThreadsPerBlock;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = properties.maxThreadsPerMultiProcessor;
      break;
    case cudaDevAttrPciBusId:
      *value = properties.pciBusID;
      break;
    case cudaDevAttrClockRate:
      *value = 1'980'000;
      break;  // kHz
    case cudaDevAttrMemoryClockRate:
      *value = 2'619'000;
      break;  // kHz
    case cudaDevAttrGlobalMemoryBusWidth:
      *value = properties.memoryBusWidth;
      break;
    default:
      *value = 0;
      break;
  }
  return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char* text_of_id, int length, int device) {
  if (!valid(device)) return cudaErrorInvalidDevice;
  std::snprintf(text_of_id, static_cast<std::size_t>(length), "0000:%02X:00.0",
                static_cast<unsigned>(bus_of(device)));
  return cudaSuccess;
}

cudaError_t cudaDeviceCanAccessPeer(int* can, int device, int peer) {
  if (!valid(device) || !valid(peer)) return cudaErrorInvalidDevice;
  *can = device != peer && number("LOCKSTEP_FAKE_PEER_ACCESS", 1) != 0 ? 1 : 0;
  return cudaSuccess;
}

cudaError_t cudaDeviceEnablePeerAccess(int peer, unsigned /*flags*/) {
  return valid(peer) ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaError_t cudaSetDevice(int device) {
  const std::lock_guard lock(guard());
  if (state_of_driver() != cudaSuccess) return state_of_driver();
  if (!valid(device)) return cudaErrorInvalidDevice;
  if (fails(device)) return cudaErrorECCUncorrectable;
  set_device(device);
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  const std::lock_guard lock(guard());
  for (const CUstream_st* stream : all_streams()) {
    if (stream->device != current_device()) continue;
    const cudaError_t error = cudaStreamSynchronize(const_cast<CUstream_st*>(stream));
    if (error != cudaSuccess) return error;
  }
  return cudaStreamSynchronize(nullptr);
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = static_cast<int>(number("LOCKSTEP_FAKE_CUDA_VERSION", CUDART_VERSION));
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  return cudaRuntimeGetVersion(version);
}

// -- errors, with the runtime's own texts

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInsufficientDriver:
      return "cudaErrorInsufficientDriver";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice:
      return "cudaErrorInvalidDevice";
    case cudaErrorECCUncorrectable:
      return "cudaErrorECCUncorrectable";
    case cudaErrorNotReady:
      return "cudaErrorNotReady";
    default:
      return "unrecognized error code";
  }
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInsufficientDriver:
      return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorECCUncorrectable:
      return "uncorrectable ECC error encountered";
    case cudaErrorNotReady:
      return "device not ready";
    default:
      return "unrecognized error code";
  }
}

cudaError_t cudaGetLastError() {
  return cudaSuccess;
}

// -- streams

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned /*flags*/) {
  const std::lock_guard lock(guard());
  if (fails(current_device())) return cudaErrorECCUncorrectable;
  *stream = new CUstream_st{.device = current_device()};
  add_stream(*stream);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const std::lock_guard lock(guard());
  remove_stream(stream);
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  {
    const std::lock_guard lock(guard());
    const CUstream_st& queue = stream_of(stream);
    if (fails(queue.device)) return cudaErrorECCUncorrectable;
    if (!queue.stuck) {
      host_waits_until(queue.time);
      return cudaSuccess;
    }
  }
  wait_for_ever();
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  const std::lock_guard lock(guard());
  const CUstream_st& queue = stream_of(stream);
  if (fails(queue.device)) return cudaErrorECCUncorrectable;
  if (queue.stuck) return cudaErrorNotReady;
  host_waits_until(queue.time);  // as if asked again and again until it is done
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned /*flags*/) {
  const std::lock_guard lock(guard());
  CUstream_st& queue = stream_of(stream);
  if (event->capture) queue.capture = event->capture;  // a forked stream joins the capture
  if (event->recorded && !event->capture) queue.time = std::max(queue.time, event->time);
  queue.stuck = queue.stuck || event->stuck;
  return cudaSuccess;
}

// -- events

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned /*flags*/) {
  const std::lock_guard lock(guard());
  if (fails(current_device())) return cudaErrorECCUncorrectable;
  *event = new CUevent_st;
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const std::lock_guard lock(guard());
  CUstream_st& queue = stream_of(stream);
  if (fails(queue.device)) return cudaErrorECCUncorrectable;
  queue.time = std::max(queue.time, host_time());
  *event = CUevent_st{queue.time, true, queue.stuck, queue.capture};
  return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  const std::lock_guard lock(guard());
  if (event->stuck) return cudaErrorNotReady;
  if (event->recorded) host_waits_until(event->time);
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (cudaEventQuery(event) == cudaErrorNotReady) wait_for_ever();
  return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  const std::lock_guard lock(guard());
  if (!start->recorded || !end->recorded) return cudaErrorInvalidValue;
  if (start->stuck || end->stuck) return cudaErrorNotReady;
  *milliseconds = static_cast<float>((end->time - start->time) * 1e3);
  return cudaSuccess;
}

// -- graphs

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode /*mode*/) {
  const std::lock_guard lock(guard());
  stream_of(stream).capture = std::make_shared<Graph>();
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const std::lock_guard lock(guard());
  const std::shared_ptr<Graph> captured = stream_of(stream).capture;
  if (!captured) return cudaErrorInvalidValue;
  for (CUstream_st* other : all_streams()) {
    if (other->capture == captured) other->capture.reset();
  }
  stream_of(stream).capture.reset();
  *graph = new CUgraph_st{*captured};
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* exec, cudaGraph_t graph,
                                          unsigned long long /*flags*/) {
  *exec = new CUgraphExec_st{graph->graph};
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  const std::lock_guard lock(guard());
  if (fails(stream_of(stream).device)) return cudaErrorECCUncorrectable;
  host_works(number("LOCKSTEP_FAKE_GRAPH_LAUNCH", default_graph_launch));
  const double gap = number("LOCKSTEP_FAKE_GRAPH_NODE", default_node_gap);
  for (Work work : exec->graph.work) {
    work.seconds += gap;
    begin_at(stream, host_time(), work);
  }
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
