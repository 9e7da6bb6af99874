#include "validate/fit_problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <limits>
#include <map>
#include <nlopt.hpp>
#include <thread>

#include "sim/engine/step.hpp"

namespace lockstep {
namespace {

// Half the step of a central difference: large against kinks of the prediction, small against its
// curve.
constexpr double difference = 0.02;
constexpr double no_influence = 1e-7;

}  // namespace

FitProblem::FitProblem(const std::vector<RunRecord>& records, const Catalog& catalog,
                       const Aliases& aliases, const FitSettings& settings)
    : prior_(catalog.evidence()->fitted), settings_(settings) {
  for (FittedParameter& parameter : prior_.parameters) parameter.factor = 1.0;
  RunBuilder builder(catalog, aliases);
  rows_.reserve(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    Row row{i, records[i].source, records[i].model, 0, 0, builder.build(records[i]), {}};
    if (!left_out_of_fit(records[i], row.run).empty()) continue;
    row.measured = std::log(row.run.step_time_s);
    rows_.push_back(std::move(row));
  }
  for (Row& row : rows_) add_uses(row);
  const FitPoint x(prior_.size(), 0.0);
  const std::vector<double> first = values(x);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (!std::isfinite(first[i])) continue;
    if (kept != i) rows_[kept] = std::move(rows_[i]);
    ++kept;
  }
  rows_.resize(kept);
  for (Row& row : rows_) {
    row.uses.clear();
    add_uses(row);
  }
  set_weights();
}

void FitProblem::add_uses(Row& row) {
  for_each_constant(row.run.cluster, row.run.plan, [&](const std::string&, ConstantBase& constant) {
    if (constant.fit.empty()) return;
    const std::size_t index = prior_.index(constant.fit);
    if (index < prior_.size()) row.uses.push_back({index, &constant});
  });
}

void FitProblem::set_weights() {
  std::map<std::string, double> count;
  for (const Row& row : rows_) count[row.source] += 1;
  for (Row& row : rows_) {
    const double n = count[row.source];
    row.weight = std::pow(std::min(n, settings_.largest_weighted), settings_.weight_exponent) / n;
  }
}

// Not a number where the row cannot be predicted: such rows take no part.
double FitProblem::predict(Row& row) {
  try {
    const Workload workload = lower(row.run.model, row.run.training, row.run.plan);
    return std::log(step_time(row.run.cluster, row.run.plan, workload).total.value());
  } catch (const std::exception&) {
    return std::numeric_limits<double>::quiet_NaN();
  }
}

void FitProblem::set(Row& row, const FitPoint& x) {
  for (const Use& use : row.uses) {
    use.constant->value = use.constant->prior * std::exp(x[use.parameter]);
  }
}

template <class Visit>
void FitProblem::each_row(const Visit& visit) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < rows_.size(); i = next++) visit(i);
  };
  const std::size_t threads = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::thread> pool;
  for (std::size_t i = 1; i < threads; ++i) pool.emplace_back(work);
  work();
  for (std::thread& thread : pool) thread.join();
}

std::vector<double> FitProblem::values(const FitPoint& x) {
  std::vector<double> out(rows_.size());
  each_row([&](std::size_t i) {
    set(rows_[i], x);
    out[i] = predict(rows_[i]);
  });
  return out;
}

// Central differences: a prediction has kinks (a collective just hidden), and one side alone would
// miss what the other does.
RowGradient FitProblem::gradient(Row& row, const FitPoint& x, const RowGradient* pattern) const {
  std::vector<std::size_t> touched;
  if (pattern == nullptr) {
    for (const Use& use : row.uses) touched.push_back(use.parameter);
  } else {
    for (const auto& [k, slope] : *pattern) touched.push_back(k);
  }
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  RowGradient out;
  FitPoint moved = x;
  for (const std::size_t k : touched) {
    moved[k] = x[k] + difference;
    set(row, moved);
    const double up = predict(row);
    moved[k] = x[k] - difference;
    set(row, moved);
    const double slope = (up - predict(row)) / (2 * difference);
    moved[k] = x[k];
    if (std::isfinite(slope) && std::abs(slope) > no_influence) out.emplace_back(k, slope);
  }
  set(row, x);
  return out;
}

Linearization FitProblem::linearize(const FitPoint& x, const Linearization* pattern,
                                    const std::vector<bool>& in_use) {
  Linearization line{x, std::vector<double>(rows_.size()), std::vector<RowGradient>(rows_.size())};
  each_row([&](std::size_t i) {
    set(rows_[i], x);
    line.value[i] = predict(rows_[i]);
    if (pattern != nullptr && !in_use[i]) {
      line.gradient[i] = pattern->gradient[i];
    } else {
      line.gradient[i] =
          gradient(rows_[i], x, pattern == nullptr ? nullptr : &pattern->gradient[i]);
    }
  });
  return line;
}

double FitProblem::loss(double residual) const {
  const double nu = settings_.degrees_of_freedom;
  const double scaled = residual / settings_.scale;
  return (nu + 1) / 2 * std::log1p(scaled * scaled / nu);
}

double FitProblem::least_squares_weight(double residual) const {
  const double nu = settings_.degrees_of_freedom;
  const double scaled = residual / settings_.scale;
  return (nu + 1) / (nu + scaled * scaled) / (settings_.scale * settings_.scale);
}

double FitProblem::objective(const FitPoint& x, const std::vector<double>& predicted,
                             const std::vector<bool>& in_use) const {
  double sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const double scaled = x[k] / prior_.parameters[k].prior_spread;
    sum += scaled * scaled / 2;
  }
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (in_use[i]) sum += rows_[i].weight * loss(residual(i, predicted[i]));
  }
  return sum;
}

FitPoint FitProblem::minimum(const Linearization& line, const FitPoint& start,
                             const std::vector<bool>& in_use, double radius) const {
  const std::size_t n = prior_.size();
  // NLopt moves z = x / prior spread: all of one size.
  std::vector<double> spread(n), low(n), high(n), z(n);
  for (std::size_t k = 0; k < n; ++k) {
    const FittedParameter& parameter = prior_.parameters[k];
    spread[k] = parameter.prior_spread;
    low[k] = std::max(std::log(parameter.low), line.at[k] - radius) / spread[k];
    high[k] = std::min(std::log(parameter.high), line.at[k] + radius) / spread[k];
    z[k] = std::clamp(start[k] / spread[k], low[k], high[k]);
  }
  const auto value = [&](const std::vector<double>& at, std::vector<double>& slope) {
    double sum = 0;
    slope.assign(n, 0.0);
    for (std::size_t k = 0; k < n; ++k) {
      sum += at[k] * at[k] / 2;
      slope[k] = at[k];
    }
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (!in_use[i]) continue;
      double predicted = line.value[i];
      for (const auto& [k, d] : line.gradient[i]) {
        predicted += d * (at[k] * spread[k] - line.at[k]);
      }
      const double r = residual(i, predicted);
      sum += rows_[i].weight * loss(r);
      const double pull = rows_[i].weight * least_squares_weight(r) * r;
      for (const auto& [k, d] : line.gradient[i]) slope[k] -= pull * d * spread[k];
    }
    return sum;
  };
  nlopt::opt optimizer(nlopt::LD_LBFGS, static_cast<unsigned>(n));
  optimizer.set_lower_bounds(low);
  optimizer.set_upper_bounds(high);
  optimizer.set_vector_storage(20);
  optimizer.set_xtol_abs(1e-5);
  optimizer.set_ftol_rel(1e-10);
  optimizer.set_maxeval(600);
  using Minimised = std::decay_t<decltype(value)>;
  optimizer.set_min_objective(
      [](const std::vector<double>& at, std::vector<double>& slope, void* data) {
        std::vector<double> own;
        const double sum = (*static_cast<const Minimised*>(data))(at, own);
        if (!slope.empty()) slope = own;
        return sum;
      },
      const_cast<Minimised*>(&value));
  double reached = 0;
  try {
    optimizer.optimize(z, reached);
  } catch (const nlopt::roundoff_limited&) {
    // z holds the best point: no better one is in reach of double precision.
  } catch (const std::runtime_error&) {
    // The line search found no descent: the same.
  }
  FitPoint x(n);
  for (std::size_t k = 0; k < n; ++k) x[k] = z[k] * spread[k];
  return x;
}

DenseMatrix FitProblem::covariance(const Linearization& line, const FitPoint& x,
                                   const std::vector<bool>& in_use) const {
  const std::size_t n = prior_.size();
  DenseMatrix precision(n * n, 0.0);
  for (std::size_t k = 0; k < n; ++k) {
    const double spread = prior_.parameters[k].prior_spread;
    precision[k * n + k] = 1 / (spread * spread);
  }
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (!in_use[i]) continue;
    double predicted = line.value[i];
    for (const auto& [k, d] : line.gradient[i]) predicted += d * (x[k] - line.at[k]);
    const double weight = rows_[i].weight * least_squares_weight(residual(i, predicted));
    for (const auto& [a, da] : line.gradient[i]) {
      for (const auto& [b, db] : line.gradient[i]) precision[a * n + b] += weight * da * db;
    }
  }
  return inverse_of_positive(precision, n);
}

FittedParameters FitProblem::parameters(const FitPoint& x, const DenseMatrix& covariance,
                                        std::size_t rows) const {
  const std::size_t n = prior_.size();
  FittedParameters out = prior_;
  out.source = fmt::format("fit to {} published runs", rows);
  out.deviation = cholesky(covariance, n);
  for (std::size_t k = 0; k < n; ++k) {
    out.parameters[k].factor = std::exp(x[k]);
    out.parameters[k].spread = std::sqrt(covariance[k * n + k]);
  }
  return out;
}

}  // namespace lockstep
