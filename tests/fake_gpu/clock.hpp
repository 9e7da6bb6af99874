// The virtual time of the fake GPUs, shared by all fakes. Nothing waits for real: every stream has
// a time of its own, work moves it on by what a simple model says, an event keeps its stream's
// time, and whoever waits takes the maximum. Constants come from the environment.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace lockstep::fake {

// -- constants: a number or a text of the environment

double number(const char* name, double otherwise);
std::string text(const char* name, const std::string& otherwise);

// -- work

// What shares a GPU with what: compute is slowed down by the two others.
enum class Kind { compute, copy, communication };

struct Work {
  double seconds = 0;            // on the GPU
  std::function<void()> action;  // what it does to memory; may be empty
  Kind kind = Kind::compute;
};

struct Graph {
  std::vector<Work> work;  // one after the other, whatever the streams were
};

// Guards everything below. Not held while anything blocks.
std::recursive_mutex& guard();

// The host's time in seconds, and the host being busy.
double host_time();
void host_works(double seconds);
void host_waits_until(double time);

// What a launch costs the host: LOCKSTEP_FAKE_LAUNCH, 2.5 us.
double launch_seconds();

// Queues work on a stream (null: the current device's own), or adds it to the graph that the stream
// captures. It begins when the stream is free and the host has launched it. While work of another
// kind runs on the same GPU, compute takes longer: LOCKSTEP_FAKE_OVERLAP (0) seconds per second.
// Returns cudaErrorECCUncorrectable for a GPU that fails, see fails().
cudaError_t submit(cudaStream_t stream, Work work);

// The same without the host's part, from a given time on; for work that begins together on several
// streams.
void begin_at(cudaStream_t stream, double time, Work work);

bool capturing(cudaStream_t stream);
double stream_time(cudaStream_t stream);
int stream_device(cudaStream_t stream);
// The stream never ends its work from now on.
void stick(cudaStream_t stream);

// -- devices

int device_count();  // LOCKSTEP_FAKE_GPUS, 1
int current_device();

// Counts a call on the device: LOCKSTEP_FAKE_FAIL_DEVICE fails from its
// LOCKSTEP_FAKE_FAIL_AFTER-th (0) call on.
bool fails(int device);
// LOCKSTEP_FAKE_SLOW_FACTOR (1) for LOCKSTEP_FAKE_SLOW_DEVICE, else 1: by this all that runs on
// the device takes longer.
double slowness(int device);

}  // namespace lockstep::fake
