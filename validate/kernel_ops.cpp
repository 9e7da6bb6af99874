#include "validate/kernel_ops.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "topology/quantity_text.hpp"

namespace lockstep {
namespace {

constexpr DtypeName dtype_names[] = {
    {"bf16", Dtype::bf16, 2, 2}, {"fp16", Dtype::fp16, 2, 2}, {"fp8", Dtype::fp8, 1, 2},
    {"tf32", Dtype::tf32, 4, 4}, {"fp32", Dtype::fp32, 4, 4},
};

struct MemoryName {
  const char* name;
  MemoryKernel kernel;
};
constexpr MemoryName memory_names[] = {
    {"copy", MemoryKernel::stream},
    {"add", MemoryKernel::stream},
    {"norm", MemoryKernel::norm},
    {"rope", MemoryKernel::rope},
    {"activation", MemoryKernel::activation},
    {"softmax", MemoryKernel::softmax},
    {"cast", MemoryKernel::cast},
    {"permutation", MemoryKernel::permutation},
    {"loss", MemoryKernel::loss},
    {"optimizer", MemoryKernel::optimizer},
    {"input_layernorm", MemoryKernel::norm},
    {"mlp_act", MemoryKernel::activation},
};

}  // namespace

const DtypeName* dtype_of(const std::string& name) {
  for (const DtypeName& one : dtype_names) {
    if (name == one.name) return &one;
  }
  return nullptr;
}

std::string size_text(double bytes) {
  return bytes < 1024 ? fmt::format("{:.0f} B", bytes) : to_text(Bytes{bytes});
}

Op gemm_op(const DtypeName& dtype, double m, double n, double k) {
  Op op;
  op.kind = OpKind::gemm;
  op.op_class = OpClass::linear;
  op.dtype = dtype.dtype;
  op.m = static_cast<std::int64_t>(m);
  op.n = static_cast<std::int64_t>(n);
  op.k = static_cast<std::int64_t>(k);
  op.flops = Flops{2 * m * n * k};
  op.bytes = Bytes{dtype.bytes * (m * k + k * n) + dtype.out_bytes * m * n};
  return op;
}

std::optional<KernelSample> memory_sample(const std::string& file, const std::string& name,
                                          double bytes, double seconds, std::int64_t device,
                                          const Gpu& gpu) {
  const auto* found = std::find_if(std::begin(memory_names), std::end(memory_names),
                                   [&](const MemoryName& one) { return name == one.name; });
  if (found == std::end(memory_names)) return std::nullopt;
  KernelSample sample;
  sample.kind = SampleKind::memory;
  sample.file = file;
  sample.what = "memory " + name;
  sample.shape = size_text(bytes);
  sample.device = device;
  sample.seconds = seconds;
  sample.op.kind = OpKind::memory_bound;
  sample.op.op_class = OpClass::optimizer;  // no traffic factor of a software profile
  sample.op.memory = found->kernel;
  sample.op.bytes = Bytes{bytes};
  // Much of what is this small comes from the L2, and yet is too much for launch time alone.
  const double l2 = (*gpu.l2_capacity).value();
  if (bytes > l2 / 64 && bytes < 2 * l2) sample.dropped = "the L2 cache holds much of it";
  return sample;
}

}  // namespace lockstep
