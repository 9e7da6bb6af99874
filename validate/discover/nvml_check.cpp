// Compares nvml_api.hpp with NVIDIA's header where the build has it.
#include "validate/discover/nvml_api.hpp"

#if LOCKSTEP_HAS_NVML
#include <nvml.h>

#include <cstddef>

namespace lockstep::nvml {
namespace {

static_assert(sizeof(PciInfo) == sizeof(nvmlPciInfo_t));
static_assert(offsetof(PciInfo, domain) == offsetof(nvmlPciInfo_t, domain));
static_assert(offsetof(PciInfo, pci_device_id) == offsetof(nvmlPciInfo_t, pciDeviceId));
static_assert(offsetof(PciInfo, bus_id) == offsetof(nvmlPciInfo_t, busId));
static_assert(sizeof(Memory) == sizeof(nvmlMemory_t));
static_assert(offsetof(Memory, used) == offsetof(nvmlMemory_t, used));
static_assert(sizeof(Device) == sizeof(nvmlDevice_t));
static_assert(sizeof(Return) == sizeof(nvmlReturn_t));
static_assert(success == NVML_SUCCESS);
static_assert(invalid_argument == NVML_ERROR_INVALID_ARGUMENT);
static_assert(not_supported == NVML_ERROR_NOT_SUPPORTED);
static_assert(most_links <= NVML_NVLINK_MAX_LINKS);
static_assert(sizeof(int) == sizeof(nvmlClockType_t) && clock_memory == NVML_CLOCK_MEM);
static_assert(sizeof(int) == sizeof(nvmlEnableState_t) && enabled == NVML_FEATURE_ENABLED);
static_assert(peer_read == NVML_P2P_CAPS_INDEX_READ && peer_ok == NVML_P2P_STATUS_OK);
static_assert(sizeof(int) == sizeof(nvmlIntNvLinkDeviceType_t));
static_assert(remote_gpu == NVML_NVLINK_DEVICE_TYPE_GPU);
static_assert(remote_npu == NVML_NVLINK_DEVICE_TYPE_IBMNPU);
static_assert(remote_switch == NVML_NVLINK_DEVICE_TYPE_SWITCH);
static_assert(remote_unknown == NVML_NVLINK_DEVICE_TYPE_UNKNOWN);

// The calls themselves: each must convert from the header's type to ours with only types of the
// same size changed.
template <class Ours, class Theirs>
struct SameCall;
template <class... Ours, class... Theirs>
struct SameCall<Return (*)(Ours...), nvmlReturn_t(Theirs...)> {
  static constexpr bool value =
      sizeof...(Ours) == sizeof...(Theirs) && ((sizeof(Ours) == sizeof(Theirs)) && ...);
};
static_assert(SameCall<Init, decltype(nvmlInit_v2)>::value);
static_assert(SameCall<DriverVersion, decltype(nvmlSystemGetDriverVersion)>::value);
static_assert(SameCall<DeviceCount, decltype(nvmlDeviceGetCount_v2)>::value);
static_assert(SameCall<HandleByIndex, decltype(nvmlDeviceGetHandleByIndex_v2)>::value);
static_assert(SameCall<Name, decltype(nvmlDeviceGetName)>::value);
static_assert(SameCall<DevicePci, decltype(nvmlDeviceGetPciInfo_v3)>::value);
static_assert(SameCall<DeviceMemory, decltype(nvmlDeviceGetMemoryInfo)>::value);
static_assert(SameCall<Number, decltype(nvmlDeviceGetEnforcedPowerLimit)>::value);
static_assert(SameCall<Number, decltype(nvmlDeviceGetMaxPcieLinkGeneration)>::value);
static_assert(SameCall<Number, decltype(nvmlDeviceGetMaxPcieLinkWidth)>::value);
static_assert(SameCall<Capability, decltype(nvmlDeviceGetCudaComputeCapability)>::value);
static_assert(SameCall<MaxClock, decltype(nvmlDeviceGetMaxClockInfo)>::value);
static_assert(SameCall<LinkState, decltype(nvmlDeviceGetNvLinkState)>::value);
static_assert(SameCall<LinkVersion, decltype(nvmlDeviceGetNvLinkVersion)>::value);
static_assert(SameCall<LinkPci, decltype(nvmlDeviceGetNvLinkRemotePciInfo_v2)>::value);
static_assert(SameCall<LinkRemote, decltype(nvmlDeviceGetNvLinkRemoteDeviceType)>::value);
static_assert(SameCall<PeerStatus, decltype(nvmlDeviceGetP2PStatus)>::value);

}  // namespace
}  // namespace lockstep::nvml
#endif
