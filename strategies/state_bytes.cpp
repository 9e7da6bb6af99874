#include "strategies/state_bytes.hpp"

#include <algorithm>

namespace lockstep {

namespace {

constexpr double fp32_bytes = 4.0;

// AdamW in mixed precision reads gradient, master and two moments and writes master, moments and
// the 16-bit weight: 30 B; one moment less is 8 B less.
constexpr double sgd_traffic_share = 22.0 / 30.0;

bool full_precision(const Training& training) {
  return training.precision == Precision::fp32 || training.precision == Precision::tf32;
}

}  // namespace

StateBytes state_bytes(const Plan& plan, const Training& training) {
  const Software& software = plan.software;
  const bool fsdp = plan.sharding == Sharding::fsdp;
  StateBytes bytes;
  bytes.weight = fsdp ? software.fsdp_weight_bytes : software.weight_bytes;
  bytes.gradient = fsdp ? software.fsdp_gradient_bytes : software.gradient_bytes;
  bytes.optimizer = fsdp ? software.fsdp_optimizer_bytes : software.optimizer_bytes;
  bytes.gather = fsdp ? software.fsdp_gather_bytes : software.weight_bytes;
  bytes.reduce = software.gradient_reduce_bytes;
  if (full_precision(training)) {
    bytes = {fp32_bytes, fp32_bytes, 2 * fp32_bytes, fp32_bytes, fp32_bytes};
  }
  if (training.optimizer == Optimizer::sgd) {
    bytes.optimizer = std::max(0.0, bytes.optimizer - fp32_bytes);
  }
  return bytes;
}

double optimizer_traffic(const Plan& plan, const Training& training) {
  const double adamw = *plan.software.optimizer_bytes_per_parameter;
  return training.optimizer == Optimizer::sgd ? sgd_traffic_share * adamw : adamw;
}

}  // namespace lockstep
