// The rows of a fit as a function of the parameters, and its derivatives. See fit_runs.hpp.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "validate/dense_matrix.hpp"
#include "validate/fit_runs.hpp"

namespace lockstep {

// Logarithms of the factors.
using FitPoint = std::vector<double>;

// d ln(predicted) / d x of one row, for the parameters that move it.
using RowGradient = std::vector<std::pair<std::size_t, double>>;

// The rows near a point: f(x) = value + gradient (x - at).
struct Linearization {
  FitPoint at;
  std::vector<double> value;  // by row
  std::vector<RowGradient> gradient;
};

class FitProblem {
 public:
  FitProblem(const std::vector<RunRecord>& records, const Catalog& catalog, const Aliases& aliases,
             const FitSettings& settings);
  // Rows point into their own scenarios.
  FitProblem(const FitProblem&) = delete;
  FitProblem& operator=(const FitProblem&) = delete;
  FitProblem(FitProblem&&) = default;
  FitProblem& operator=(FitProblem&&) = default;

  [[nodiscard]] std::size_t parameter_count() const { return prior_.size(); }
  [[nodiscard]] std::size_t row_count() const { return rows_.size(); }
  [[nodiscard]] const FittedParameters& prior() const { return prior_; }
  [[nodiscard]] std::size_t record_of(std::size_t row) const { return rows_[row].record; }
  [[nodiscard]] const std::string& model_of(std::size_t row) const { return rows_[row].model; }
  [[nodiscard]] const std::string& source_of(std::size_t row) const { return rows_[row].source; }
  // ln(measured) - predicted.
  [[nodiscard]] double residual(std::size_t row, double predicted) const {
    return rows_[row].measured - predicted;
  }

  // ln(predicted step time) of every row. Rows are shared between threads.
  std::vector<double> values(const FitPoint& x);
  // `pattern`: another one; slopes that were none there are none here too, and rows not in use keep
  // theirs. Null: every slope of every row.
  Linearization linearize(const FitPoint& x, const Linearization* pattern = nullptr,
                          const std::vector<bool>& in_use = {});

  // What fit_runs.hpp minimises, over the rows in use, from their predictions.
  [[nodiscard]] double objective(const FitPoint& x, const std::vector<double>& predicted,
                                 const std::vector<bool>& in_use) const;

  // The minimum of that under the linearization, each x at most `radius` from where it was made.
  [[nodiscard]] FitPoint minimum(const Linearization& line, const FitPoint& start,
                                 const std::vector<bool>& in_use, double radius) const;

  // Covariance of x under the Laplace approximation (Gauss-Newton, weights of the t distribution at
  // the residuals).
  [[nodiscard]] DenseMatrix covariance(const Linearization& line, const FitPoint& x,
                                       const std::vector<bool>& in_use) const;

  // The parameters at x with their spreads.
  [[nodiscard]] FittedParameters parameters(const FitPoint& x, const DenseMatrix& covariance,
                                            std::size_t rows) const;

 private:
  struct Use {
    std::size_t parameter;
    ConstantBase* constant;
  };
  struct Row {
    std::size_t record = 0;
    std::string source;
    std::string model;
    double measured = 0;  // ln of it
    double weight = 0;
    RunScenario run;
    std::vector<Use> uses;
  };
  void add_uses(Row& row);
  void set_weights();
  static double predict(Row& row);
  static void set(Row& row, const FitPoint& x);
  RowGradient gradient(Row& row, const FitPoint& x, const RowGradient* pattern) const;
  template <class Visit>
  void each_row(const Visit& visit);
  // Derivative of the loss of one residual, and the weight that a least-squares fit would give it.
  [[nodiscard]] double loss(double residual) const;
  [[nodiscard]] double least_squares_weight(double residual) const;

  FittedParameters prior_;
  FitSettings settings_;
  std::vector<Row> rows_;
};

}  // namespace lockstep
