#include "sim/evidence_distance.hpp"

#include <cmath>
#include <string_view>

#include "sim/report/names.hpp"

namespace lockstep {

namespace {

constexpr double other_software = 1.5;
constexpr double same_family = 0.8;
constexpr double other_gpu = 1.0;
constexpr double same_generation = 0.3;
constexpr double other_precision = 1.0;
constexpr double both_half = 0.1;
constexpr double other_experts = 2.0;
constexpr double other_context = 1.0;
constexpr double per_doubling = 0.25;
constexpr double per_doubling_of_micro_batch = 1.0 / 6.0;
constexpr double other_sharding = 0.2;
constexpr double other_recompute = 0.3;

const char* name_of(Sharding sharding) {
  switch (sharding) {
    case Sharding::none: return "none";
    case Sharding::optimizer: return "optimizer";
    case Sharding::gradients: return "gradients";
    case Sharding::fsdp: return "fsdp";
  }
  return "none";
}

const char* name_of(Recompute recompute) {
  switch (recompute) {
    case Recompute::none: return "none";
    case Recompute::selective: return "selective";
    case Recompute::full: return "full";
  }
  return "none";
}

double doublings(double a, double b) {
  if (a == b || a <= 0 || b <= 0) return 0.0;
  return std::abs(std::log2(a / b));
}

bool is_half(const std::string& precision) { return precision == "bf16" || precision == "fp16"; }

std::string_view family(std::string_view software) {
  return software.substr(0, software.find('-'));
}

}  // namespace

EvidenceRow described(const Model& model, const Training& training, const Cluster& cluster,
                      const Plan& plan) {
  const auto number = [](std::int64_t value) { return static_cast<double>(value); };
  EvidenceRow row;
  row.model = model.name;
  row.gpu = cluster.system.gpu.name;
  row.generation = cluster.system.gpu.architecture;
  row.system = cluster.system.name;
  row.software = plan.software.family.empty() ? plan.software.name : plan.software.family;
  if (training.adapter.used()) row.software += " with adapters";
  row.precision = to_string(training.precision);
  row.parameters = count_parameters(model, model.vocabulary, training.sequence_length).total;
  row.experts = model.has_experts();
  row.gpus = number(gpu_count(cluster));
  row.tensor = number(plan.tensor);
  row.pipeline = number(plan.pipeline.stages);
  row.context = number(plan.context.degree);
  row.expert = number(plan.expert.degree);
  row.data = number(plan.data);
  row.micro_batch = number(plan.micro_batch);
  row.sequence = number(training.sequence_length);
  row.sharding = name_of(plan.sharding);
  row.recompute = name_of(plan.recompute);
  return row;
}

bool is_narrow(const std::string& precision) {
  return precision.find("fp8") != std::string::npos || precision.find("fp4") != std::string::npos;
}

bool same_setting(const EvidenceRow& a, const EvidenceRow& b) {
  return a.software == b.software && a.generation == b.generation;
}

double distance(const EvidenceRow& a, const EvidenceRow& b) {
  double sum = 0;
  if (a.software != b.software) {
    sum += family(a.software) == family(b.software) ? same_family : other_software;
  }
  if (a.gpu != b.gpu) sum += a.generation == b.generation ? same_generation : other_gpu;
  if (a.precision != b.precision) {
    sum += is_half(a.precision) && is_half(b.precision) ? both_half : other_precision;
  }
  if (a.experts != b.experts) sum += other_experts;
  if ((a.context > 1) != (b.context > 1)) sum += other_context;
  sum += per_doubling *
         (doublings(a.parameters, b.parameters) + doublings(a.gpus, b.gpus) +
          doublings(a.tensor, b.tensor) + doublings(a.pipeline, b.pipeline) +
          doublings(a.expert, b.expert) + doublings(a.sequence, b.sequence));
  sum += per_doubling_of_micro_batch * doublings(a.micro_batch, b.micro_batch);
  if (a.sharding != b.sharding) sum += other_sharding;
  if (a.recompute != b.recompute) sum += other_recompute;
  return sum;
}

}  // namespace lockstep
