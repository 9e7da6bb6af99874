// Times of single kernels and copies, as calibrate fits constants to them; and what is refused of
// them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "scenarios/aliases.hpp"
#include "scenarios/scenario.hpp"
#include "strategies/workload.hpp"
#include "validate/kernel_corpus.hpp"
#include "validate/measure/measurement.hpp"

namespace lockstep {

// A part of a file that nothing is fitted to, and why.
struct Refusal {
  std::string file;
  std::string what;  // "GEMMs in bf16"
  std::string why;
  // The measurement is broken; false: it is sound and says nothing that the catalog has a place
  // for.
  bool broken = true;
};

enum class SampleKind { gemm, memory, attention, copy, overlap };

// One measured time.
struct KernelSample {
  SampleKind kind = SampleKind::gemm;
  std::string file;
  std::string what;   // "gemm bf16", "memory norm", "copy host to device"
  std::string shape;  // "4096 x 4096 x 8192", "64 MiB"; samples of one shape are left out together
  std::int64_t device = 0;
  double seconds = 0;
  Op op;                // of a GEMM, a memory-bound kernel, attention
  double bytes = 0;     // of a copy
  double slowdown = 0;  // of an overlap: seconds of compute lost per second of the other
  std::string dropped;  // why the fit leaves it out; "" where it does not
  double fitted = 0;    // seconds, or the slowdown; 0 where nothing was fitted
};

// Of one GPU of the catalog; samples of all files that measured it.
struct GpuSamples {
  Gpu gpu;                   // as the catalog has it
  double power_limit_w = 0;  // of the measured boards; 0: not known, the catalog's
  std::vector<KernelSample> samples;
};

struct KernelSamples {
  std::map<std::string, GpuSamples> gpus;                   // by the catalog's name
  std::map<std::string, std::vector<KernelSample>> copies;  // by the system's name
  std::vector<Refusal> refusals;
  std::vector<std::string> notes;  // what was measured and is shown only
};

// A GPU of the catalog by what the driver calls it; "" where there is none.
std::string gpu_by_alias(const std::string& device_name, const Aliases& aliases);

// Adds what a measurement holds of kernels and copies, after the checks: rates against times, rates
// above the physical peak, two ways of timing that disagree, a GPU far slower than its siblings.
// `system` is the command line's, or "" for the measurement's own.
void add_measured_kernels(const Measurement& measurement, const std::string& file,
                          const std::string& system, const Catalog& catalog, const Aliases& aliases,
                          KernelSamples& samples);

// Adds the tables of validate/kernel_corpus.
void add_kernel_corpus(const KernelCorpus& corpus, const std::string& file, const Catalog& catalog,
                       const Aliases& aliases, KernelSamples& samples);

}  // namespace lockstep
