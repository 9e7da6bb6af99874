#include "validate/kernel_fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <nlopt.hpp>

namespace lockstep {
namespace {

constexpr double noise = 0.05;  // ln error that is ordinary scatter
constexpr std::size_t folds = 5;
constexpr double least_spread = 0.02;
constexpr int most_evaluations = 3000;

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

struct LeastSquares {
  const LogResiduals* residuals;
  std::vector<double> parameters;
  std::vector<double> values;
};

double robust_sum(const std::vector<double>& logs, std::vector<double>& /*gradient*/, void* data) {
  auto& objective = *static_cast<LeastSquares*>(data);
  for (std::size_t i = 0; i < logs.size(); ++i) objective.parameters[i] = std::exp(logs[i]);
  (*objective.residuals)(objective.parameters, objective.values);
  double sum = 0;
  for (const double r : objective.values) sum += std::sqrt(1 + (r / noise) * (r / noise)) - 1;
  return sum;
}

std::vector<double> logs(const std::vector<double>& values) {
  std::vector<double> out;
  for (const double v : values) out.push_back(std::log(v));
  return out;
}

// A model of one group of samples: parameters by name, start and range, and the residual of a
// sample.
template <class Sample>
struct Form {
  std::vector<std::string> names;
  std::vector<double> start, low, high;
  double (*residual)(const Sample&, const std::vector<double>&);
  std::string (*shape)(const Sample&);  // samples of one shape are left out together
};

template <class Sample>
RobustMinimum fit_form(const Form<Sample>& form, const std::vector<Sample>& samples,
                       const std::vector<double>& start) {
  const LogResiduals residuals = [&](const std::vector<double>& p, std::vector<double>& out) {
    out.resize(samples.size());
    for (std::size_t i = 0; i < samples.size(); ++i) out[i] = form.residual(samples[i], p);
  };
  return robust_minimum(residuals, start, form.low, form.high);
}

template <class Sample>
void add_fit(const Form<Sample>& form, const std::vector<Sample>& samples,
             const std::string& device, const std::string& what, const std::string& source,
             KernelFit& fit) {
  const std::vector<double> best = fit_form(form, samples, form.start).parameters;
  std::map<std::string, std::size_t> shapes;
  for (const Sample& sample : samples) shapes.emplace(form.shape(sample), 0);
  std::size_t next = 0;
  for (auto& [shape, fold] : shapes) fold = next++ % folds;
  std::vector<std::vector<double>> moved(form.names.size());
  std::vector<double> errors, left_out;
  for (std::size_t fold = 0; fold < std::min(folds, shapes.size()); ++fold) {
    std::vector<Sample> kept;
    for (const Sample& sample : samples) {
      if (shapes[form.shape(sample)] != fold) kept.push_back(sample);
    }
    const std::vector<double> without = fit_form(form, kept, best).parameters;
    for (std::size_t i = 0; i < without.size(); ++i)
      moved[i].push_back(std::log(without[i] / best[i]));
    for (const Sample& sample : samples) {
      if (shapes[form.shape(sample)] == fold)
        left_out.push_back(std::abs(form.residual(sample, without)));
    }
  }
  for (const Sample& sample : samples) errors.push_back(std::abs(form.residual(sample, best)));
  fit.errors.push_back({device, what, quantile(errors, 0.5), quantile(errors, 0.9),
                        quantile(left_out, 0.5), samples.size()});
  for (std::size_t i = 0; i < form.names.size(); ++i) {
    double square = 0;
    for (const double m : moved[i]) square += m * m;
    // The jackknife's deviation.
    const auto n = static_cast<double>(moved[i].size());
    const double spread = std::sqrt(square * (n - 1) / n);
    fit.constants.push_back(
        {device, form.names[i], best[i], std::max(least_spread, spread), samples.size(), source});
  }
}

// -- matrix products

struct Device {
  double bandwidth;
  double sms;
};
// Of the datasheets.
Device device_of(const std::string& name) {
  if (name.rfind("A100", 0) == 0) return {2.039e12, 108};
  if (name.rfind("A40", 0) == 0) return {0.696e12, 84};
  return {3.35e12, 132};
}

double gemm_bytes(const GemmSample& s) {
  return 2 * (s.m * s.k + s.k * s.n + s.m * s.n);
}

double smooth_residual(const GemmSample& s, const std::vector<double>& p) {
  constexpr double q = 2.5;
  const double flops = 2 * s.m * s.n * s.k / (s.peak * p[0]) * (1 + p[2] / s.m) * (1 + p[3] / s.n) *
                       (1 + p[4] / s.k);
  const double bytes = gemm_bytes(s) / (device_of(s.device).bandwidth * p[1]);
  const double longer = std::max(flops, bytes);
  return std::log(
      (longer * std::pow(1 + std::pow(std::min(flops, bytes) / longer, q), 1 / q) + p[5]) /
      s.seconds);
}

double tiles_residual(const GemmSample& s, const std::vector<double>& p) {
  static constexpr std::array<std::array<double, 2>, 5> tiles{
      {{256, 128}, {128, 256}, {128, 128}, {128, 64}, {64, 64}}};
  const Device device = device_of(s.device);
  double best = 1e30;
  for (const auto& [tm, tn] : tiles) {
    const double waves = std::ceil(std::ceil(s.m / tm) * std::ceil(s.n / tn) / device.sms);
    // Smaller tiles read their operands more often.
    const double rate = p[0] * std::pow(tm * tn / 32768, p[3]) * s.peak / device.sms;
    best = std::min(best, waves * 2 * tm * tn * (s.k + p[2]) / rate);
  }
  return std::log((std::max(best, gemm_bytes(s) / (device.bandwidth * p[1])) + p[4]) / s.seconds);
}

std::string gemm_shape(const GemmSample& s) {
  return std::to_string(s.n) + " " + std::to_string(s.k);
}

void fit_gemms(const KernelCorpus& corpus, KernelFit& fit) {
  const Form<GemmSample> smooth{{"gemm_efficiency", "gemm_memory_efficiency", "gemm_m0", "gemm_n0",
                                 "gemm_k0", "gemm_fixed_time"},
                                {0.75, 0.85, 50, 20, 50, 6e-6},
                                {0.3, 0.4, 1, 1, 1, 1e-6},
                                {1.0, 1.0, 500, 500, 1000, 2e-5},
                                smooth_residual,
                                gemm_shape};
  const Form<GemmSample> tiles{
      {"tile_efficiency", "tile_memory_efficiency", "tile_k0", "tile_exponent", "tile_fixed_time"},
      {0.75, 0.8, 50, 0.05, 6e-6},
      {0.3, 0.4, 1, 0.001, 1e-6},
      {1.0, 1.0, 1000, 0.5, 2e-5},
      tiles_residual,
      gemm_shape};
  std::map<std::string, std::vector<GemmSample>> devices;
  for (const GemmSample& sample : corpus.gemms) devices[sample.device].push_back(sample);
  for (const auto& [device, samples] : devices) {
    const std::string source = "cuBLAS fp16, profiler (microsoft/vidur)";
    add_fit(smooth, samples, device, "gemm, smooth", source, fit);
    add_fit(tiles, samples, device, "gemm, tiles and waves", source, fit);
  }
}

// -- attention: one rate for each device and kernel, shapes shared

struct AttentionPoint {
  AttentionSample sample;
  std::size_t rate = 0;
};

double attention_residual(const AttentionPoint& point, const std::vector<double>& p) {
  const AttentionSample& s = point.sample;
  const double s0 = p[0] * (s.causal ? 1.0 : p[1]);
  double rate = p[4 + point.rate] * s.sequence / (s.sequence + s0);
  if (s.head_dim == 64) rate *= p[2];
  // Backward does 2.5 times the FLOPs of forward.
  if (s.pass == AttentionPass::backward) rate *= p[3];
  if (s.pass == AttentionPass::both) rate *= 3.5 / (1 + 2.5 / p[3]);
  return std::log(s.efficiency / rate);
}

std::string attention_shape(const AttentionPoint& point) {
  return std::to_string(point.sample.sequence);
}

void fit_attention(const KernelCorpus& corpus, KernelFit& fit) {
  if (corpus.attention.empty()) return;
  Form<AttentionPoint> form{{"attention_half_sequence", "half_sequence_not_causal",
                             "attention_head64", "attention_backward"},
                            {500, 0.5, 0.9, 0.85},
                            {20, 0.05, 0.5, 0.5},
                            {3000, 2.0, 1.2, 1.2},
                            attention_residual,
                            attention_shape};
  std::map<std::string, std::size_t> rates;
  for (const AttentionSample& s : corpus.attention)
    rates.emplace(s.device.substr(0, 4) + " " + s.kernel, 0);
  for (auto& [name, place] : rates) {
    place = form.names.size() - 4;
    form.names.push_back("attention rate of " + name);
    form.start.push_back(0.5);
    form.low.push_back(0.05);
    form.high.push_back(1.0);
  }
  std::vector<AttentionPoint> points;
  for (const AttentionSample& s : corpus.attention) {
    points.push_back({s, rates[s.device.substr(0, 4) + " " + s.kernel]});
  }
  add_fit(form, points, "", "attention kernels",
          "figures of FlashAttention-2 and -3 (Dao 2023; Shah et al. 2024)", fit);
  std::vector<double> best;
  for (const KernelConstant& c : fit.constants) {
    if (std::find(form.names.begin(), form.names.end(), c.name) != form.names.end())
      best.push_back(c.value);
  }
  static constexpr std::array<const char*, 3> passes{"forward", "backward", "both passes"};
  std::map<std::pair<std::string, std::string>, std::vector<double>> groups;
  for (const AttentionPoint& point : points) {
    const std::string what =
        point.sample.kernel + " " + passes.at(static_cast<std::size_t>(point.sample.pass));
    groups[{point.sample.device, what}].push_back(std::abs(attention_residual(point, best)));
  }
  for (const auto& [group, errors] : groups) {
    fit.errors.push_back({group.first, group.second, quantile(errors, 0.5), quantile(errors, 0.9),
                          0, errors.size()});
  }
}

// -- memory-bound kernels

double memory_residual(const MemorySample& s, const std::vector<double>& p) {
  return std::log((p[1] + s.bytes / (s.bandwidth * p[0])) / s.seconds);
}

std::string memory_shape(const MemorySample& s) {
  return std::to_string(s.bytes);
}

void fit_memory(const KernelCorpus& corpus, KernelFit& fit) {
  std::map<std::pair<std::string, std::string>, std::vector<MemorySample>> groups;
  for (const MemorySample& s : corpus.memory) groups[{s.device, s.op}].push_back(s);
  for (const auto& [group, samples] : groups) {
    const Form<MemorySample> form{{"bandwidth of " + group.second, "fixed time of " + group.second},
                                  {0.7, 3e-6},
                                  {0.1, 1e-7},
                                  {1.2, 2e-5},
                                  memory_residual,
                                  memory_shape};
    add_fit(form, samples, group.first, group.second,
            "profiler, medians of classes of traffic (microsoft/vidur)", fit);
  }
}

}  // namespace

RobustMinimum robust_minimum(const LogResiduals& residuals, const std::vector<double>& start,
                             const std::vector<double>& low, const std::vector<double>& high) {
  LeastSquares objective{&residuals, std::vector<double>(start.size()), {}};
  std::vector<double> x = logs(start);
  const std::vector<double> least = logs(low);
  const std::vector<double> most = logs(high);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::clamp(x[i], least[i], most[i]);
  RobustMinimum minimum;
  // A second run from the first one's end leaves a simplex that has shrunk too early.
  for (int run = 0; run < 2; ++run) {
    nlopt::opt search(nlopt::LN_SBPLX, static_cast<unsigned>(x.size()));
    search.set_lower_bounds(least);
    search.set_upper_bounds(most);
    search.set_min_objective(robust_sum, &objective);
    search.set_initial_step(0.2);
    search.set_xtol_rel(1e-6);
    search.set_ftol_rel(1e-9);
    search.set_maxeval(most_evaluations);
    try {
      search.optimize(x, minimum.objective);
    } catch (const nlopt::roundoff_limited&) {
      // x holds the best point: no better one is in reach of double precision.
    }
  }
  for (const double v : x) minimum.parameters.push_back(std::exp(v));
  return minimum;
}

KernelFit fit_kernels(const KernelCorpus& corpus) {
  KernelFit fit;
  fit_gemms(corpus, fit);
  fit_attention(corpus, fit);
  fit_memory(corpus, fit);
  return fit;
}

}  // namespace lockstep
