#include "validate/measure/kernel_prediction.hpp"

#include <algorithm>
#include <cctype>

#include "sim/compute/op_cost.hpp"

namespace lockstep {

std::optional<Gpu> gpu_of_name(const std::string& device_name, const Catalog& catalog,
                               const Aliases& aliases) {
  std::string name = device_name;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const AliasMatch match = aliases.gpus.first(
      [&](const std::string& column) { return column == "gpu_key" ? name : std::string{}; });
  if (!match) return std::nullopt;
  return catalog.gpu(match.rule->use);
}

std::optional<double> predicted_time(const Gpu& gpu, const ListedGemm& gemm) {
  const GemmShape& shape = gemm.shape;
  if (!(peak_rate(gpu, shape.dtype).value() > 0)) return std::nullopt;
  Op op;
  op.kind = gemm.head_dim > 0 ? OpKind::batched_gemm : OpKind::gemm;
  op.m = shape.m;
  op.n = shape.n;
  op.k = shape.k;
  op.batch = shape.batch;
  op.dtype = shape.dtype;
  op.head_dim = gemm.head_dim;
  op.flops = Flops{gemm_flops(shape)};
  op.bytes = Bytes{gemm_bytes(shape)};
  return op_time(gpu, Software{}, op).value();
}

// Without the traffic factor of a software profile: the kernel is our own.
double predicted_time(const Gpu& gpu, const ListedMemoryOp& op, double bytes) {
  Op kernel;
  kernel.kind = OpKind::memory_bound;
  kernel.op_class = OpClass::linear;  // a class that carries no factor
  kernel.memory = op.kernel;
  kernel.bytes = Bytes{bytes};
  return memory_bound_time(gpu, Software{}, kernel).value();
}

}  // namespace lockstep
