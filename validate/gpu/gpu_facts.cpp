#include "validate/gpu/gpu_facts.hpp"

#include <array>
#include <cctype>

#include "validate/discover/nvml_library.hpp"
#include "validate/measure/failures.hpp"

namespace lockstep {
namespace {

constexpr std::size_t longest_bus_id = 32;

}  // namespace

MeasuredGpu measured_gpu(const CudaRuntime& cuda, const std::string& host, std::int64_t device) {
  const int number = static_cast<int>(device);
  cudaDeviceProp properties{};
  cuda.check(cuda.cudaGetDeviceProperties(&properties, number), "cudaGetDeviceProperties", number);
  std::array<char, longest_bus_id> bus{};
  cuda.check(cuda.cudaDeviceGetPCIBusId(bus.data(), static_cast<int>(bus.size()), number),
             "cudaDeviceGetPCIBusId", number);
  MeasuredGpu gpu;
  gpu.host = host;
  gpu.device = device;
  gpu.name = properties.name;
  gpu.bus_id = bus.data();
  for (char& c : gpu.bus_id) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  gpu.memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem);
  return gpu;
}

void add_power_limits(std::vector<MeasuredGpu>& gpus, const std::string& library_folder) {
  try {
    const NvmlFacts facts = read_nvml(library_folder, {});
    for (MeasuredGpu& gpu : gpus) {
      for (const GpuFact& fact : facts.gpus) {
        if (fact.bus_id == gpu.bus_id) gpu.power_limit_w = fact.power_limit_w;
      }
    }
  } catch (const Unavailable&) {  // the limits are not known
  } catch (const MeasurementError&) {
  }
}

}  // namespace lockstep
