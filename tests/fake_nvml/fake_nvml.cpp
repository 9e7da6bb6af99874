// Stands in for NVIDIA's libnvidia-ml.so.1: a node of eight GPUs like a DGX H100. What goes wrong
// is chosen by the environment: LOCKSTEP_FAKE_NVML = "no-driver", "broken", "lost-gpu" (number 3),
// "half-links" (GPU 5), "unknown-gpu", "bridge" (two cards under an NVLink bridge), "no-gpus". With
// LOCKSTEP_FAKE_NVML_OLD it is built without the functions that old drivers lack.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

enum : int {
  success = 0,
  not_supported = 3,
  driver_not_loaded = 9,
  gpu_is_lost = 15,
  unknown_error = 999
};
enum : int { remote_gpu = 0, remote_switch = 2 };

struct PciInfo {
  char bus_id_legacy[16];
  unsigned int domain, bus, device, pci_device_id, pci_subsystem_id;
  char bus_id[32];
};
struct Memory {
  unsigned long long total, free, used;
};

constexpr std::array<unsigned, 8> gpu_buses = {0x1b, 0x43, 0x52, 0x61, 0x9d, 0xc3, 0xd1, 0xdf};

bool chosen(const char* mode) {
  const char* wanted = std::getenv("LOCKSTEP_FAKE_NVML");
  return wanted != nullptr && std::strcmp(wanted, mode) == 0;
}

// A handle is its number and one, so that none is null.
unsigned number_of(void* device) {
  return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(device)) - 1;
}

int copied(const std::string& text, char* buffer, unsigned length) {
  std::snprintf(buffer, length, "%s", text.c_str());
  return success;
}

// As the real one writes it: eight digits of the domain, capitals.
void write_pci(unsigned bus, PciInfo* info) {
  std::memset(info, 0, sizeof *info);
  info->bus = bus;
  std::snprintf(info->bus_id, sizeof info->bus_id, "00000000:%02X:00.0", bus);
}

unsigned links_of(void*) {
  return chosen("bridge") ? 4 : 18;
}

}  // namespace

extern "C" {

int nvmlInit_v2() {
  return chosen("no-driver") ? driver_not_loaded : chosen("broken") ? unknown_error : success;
}

const char* nvmlErrorString(int code) {
  switch (code) {
    case driver_not_loaded:
      return "Driver Not Loaded";
    case gpu_is_lost:
      return "GPU is lost";
    default:
      return "Unknown Error";
  }
}

int nvmlSystemGetDriverVersion(char* version, unsigned length) {
  return copied("580.82.07", version, length);
}

int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = chosen("no-gpus") ? 0 : chosen("bridge") ? 2 : 8;
  return success;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  if (chosen("lost-gpu") && index == 3) return gpu_is_lost;
  *device = reinterpret_cast<void*>(static_cast<std::uintptr_t>(index) + 1);
  return success;
}

int nvmlDeviceGetName(void*, char* name, unsigned length) {
  if (chosen("unknown-gpu")) return copied("NVIDIA Unheard-of 9000", name, length);
  return copied(chosen("bridge") ? "NVIDIA RTX A6000" : "NVIDIA H100 80GB HBM3", name, length);
}

int nvmlDeviceGetPciInfo_v3(void* device, PciInfo* info) {
  write_pci(gpu_buses[number_of(device)], info);
  return success;
}

int nvmlDeviceGetMemoryInfo(void*, Memory* memory) {
  const unsigned long long mebibytes = chosen("bridge") ? 49140 : 81559;
  *memory = {mebibytes << 20, mebibytes << 20, 0};
  return success;
}

int nvmlDeviceGetEnforcedPowerLimit(void*, unsigned* milliwatts) {
  *milliwatts = chosen("bridge") ? 300'000 : 700'000;
  return success;
}

int nvmlDeviceGetMaxPcieLinkGeneration(void*, unsigned* generation) {
  *generation = chosen("bridge") ? 4 : 5;
  return success;
}

int nvmlDeviceGetMaxPcieLinkWidth(void*, unsigned* width) {
  *width = 16;
  return success;
}

int nvmlDeviceGetNvLinkState(void* device, unsigned link, int* state) {
  if (link >= links_of(device)) return not_supported;
  *state = chosen("half-links") && number_of(device) == 5 && link >= 9 ? 0 : 1;
  return success;
}

int nvmlDeviceGetNvLinkRemotePciInfo_v2(void* device, unsigned link, PciInfo* info) {
  if (chosen("bridge")) {
    write_pci(gpu_buses[1 - number_of(device)], info);
  } else {
    write_pci(7 + link % 4, info);
  }
  return success;
}

int nvmlDeviceGetCudaComputeCapability(void*, int* major, int* minor) {
  *major = chosen("bridge") ? 8 : 9;
  *minor = chosen("bridge") ? 6 : 0;
  return success;
}

#ifndef LOCKSTEP_FAKE_NVML_OLD
int nvmlDeviceGetNumGpuCores(void*, unsigned* cores) {
  *cores = chosen("bridge") ? 10752 : chosen("unknown-gpu") ? 12800 : 16896;
  return success;
}

int nvmlDeviceGetMemoryBusWidth(void*, unsigned* bits) {
  *bits = chosen("bridge") ? 384 : 5120;
  return success;
}

int nvmlDeviceGetMaxClockInfo(void*, int, unsigned* megahertz) {
  *megahertz = chosen("bridge") ? 8001 : chosen("unknown-gpu") ? 2000 : 2619;
  return success;
}

int nvmlDeviceGetNvLinkVersion(void*, unsigned, unsigned* version) {
  *version = 4;
  return success;
}

int nvmlDeviceGetNvLinkRemoteDeviceType(void*, unsigned, int* type) {
  *type = chosen("bridge") ? remote_gpu : remote_switch;
  return success;
}

int nvmlDeviceGetP2PStatus(void*, void*, int, int* status) {
  *status = 0;
  return success;
}
#endif
}
