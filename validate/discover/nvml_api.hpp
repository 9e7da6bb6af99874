// The few functions of NVML that are called, declared here: its header is not needed to build, its
// library is loaded at run time. nvml_check.cpp compares this with nvml.h where there is one.
#pragma once

namespace lockstep::nvml {

using Return = int;
using Device = void*;

inline constexpr Return success = 0;
inline constexpr Return invalid_argument = 2;
inline constexpr Return not_supported = 3;

struct PciInfo {
  char bus_id_legacy[16];
  unsigned int domain;
  unsigned int bus;
  unsigned int device;
  unsigned int pci_device_id;
  unsigned int pci_subsystem_id;
  char bus_id[32];
};

struct Memory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};

inline constexpr unsigned int most_links = 18;
inline constexpr int clock_memory = 2;
inline constexpr int peer_read = 0;
inline constexpr int peer_ok = 0;
inline constexpr int enabled = 1;
enum Remote : int { remote_gpu = 0, remote_npu = 1, remote_switch = 2, remote_unknown = 0xFF };

// Names as the library exports them.
using Init = Return (*)();                                 // nvmlInit_v2
using ErrorString = const char* (*)(Return);               // nvmlErrorString
using DriverVersion = Return (*)(char*, unsigned int);     // nvmlSystemGetDriverVersion
using DeviceCount = Return (*)(unsigned int*);             // nvmlDeviceGetCount_v2
using HandleByIndex = Return (*)(unsigned int, Device*);   // nvmlDeviceGetHandleByIndex_v2
using Name = Return (*)(Device, char*, unsigned int);      // nvmlDeviceGetName
using DevicePci = Return (*)(Device, PciInfo*);            // nvmlDeviceGetPciInfo_v3
using DeviceMemory = Return (*)(Device, Memory*);          // nvmlDeviceGetMemoryInfo
using Number = Return (*)(Device, unsigned int*);          // …GetEnforcedPowerLimit, …
using Capability = Return (*)(Device, int*, int*);         // nvmlDeviceGetCudaComputeCapability
using MaxClock = Return (*)(Device, int, unsigned int*);   // nvmlDeviceGetMaxClockInfo
using LinkState = Return (*)(Device, unsigned int, int*);  // nvmlDeviceGetNvLinkState
using LinkVersion = Return (*)(Device, unsigned int, unsigned int*);  // nvmlDeviceGetNvLinkVersion
using LinkPci = Return (*)(Device, unsigned int, PciInfo*);  // nvmlDeviceGetNvLinkRemotePciInfo_v2
using LinkRemote = Return (*)(Device, unsigned int, int*);   // nvmlDeviceGetNvLinkRemoteDeviceType
using PeerStatus = Return (*)(Device, Device, int, int*);    // nvmlDeviceGetP2PStatus

}  // namespace lockstep::nvml
