// Tables of single kernels: matrix products, attention, memory-bound ops.
#pragma once

#include <string>
#include <vector>

namespace lockstep {

// One measured product of kernels that cuBLAS chose. Rates and peaks in FLOP/s.
struct GemmSample {
  std::string device;
  double m = 0, n = 0, k = 0;
  double seconds = 0;
  double peak = 0;
};

enum class AttentionPass { forward, backward, both };

struct AttentionSample {
  std::string device;
  std::string kernel;  // "FA2"
  AttentionPass pass = AttentionPass::forward;
  double head_dim = 0;
  bool causal = false;
  double sequence = 0;
  double efficiency = 0;  // rate over the dense peak
};

// The median of a class of traffic.
struct MemorySample {
  std::string device;
  std::string op;
  double bytes = 0;  // geometric mean of the class
  double seconds = 0;
  double bandwidth = 0;  // nominal, bytes per second
  double shapes = 0;     // that the median is over
};

struct KernelCorpus {
  std::vector<GemmSample> gemms;
  std::vector<AttentionSample> attention;
  std::vector<MemorySample> memory;
};

// Adds a table to the corpus; its columns say which kind it is. Rows that no fit uses are left out:
// other vendors, libraries that search for their best shape, products of fewer than 64 rows, fp8
// attention, head sizes other than 64 and 128. Throws InputError: E630 columns of no kernel table,
// and what parse_csv() throws.
void add_kernel_table(const std::string& text, const std::string& file, KernelCorpus& corpus);

}  // namespace lockstep
