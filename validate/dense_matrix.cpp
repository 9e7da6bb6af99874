#include "validate/dense_matrix.hpp"

#include <cmath>
#include <stdexcept>

namespace lockstep {

DenseMatrix cholesky(const DenseMatrix& a, std::size_t n) {
  DenseMatrix l(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i * n + j];
      for (std::size_t k = 0; k < j; ++k) sum -= l[i * n + k] * l[j * n + k];
      if (i != j) {
        l[i * n + j] = sum / l[j * n + j];
      } else if (sum > 0) {
        l[i * n + i] = std::sqrt(sum);
      } else {
        throw std::domain_error("the matrix is not positive definite");
      }
    }
  }
  return l;
}

// A^-1 = L^-T L^-1: columns of L^-1 by forward substitution, then their products.
DenseMatrix inverse_of_positive(const DenseMatrix& a, std::size_t n) {
  const DenseMatrix l = cholesky(a, n);
  DenseMatrix inverse_l(n * n, 0.0);
  for (std::size_t column = 0; column < n; ++column) {
    for (std::size_t i = column; i < n; ++i) {
      double sum = i == column ? 1.0 : 0.0;
      for (std::size_t k = column; k < i; ++k) sum -= l[i * n + k] * inverse_l[k * n + column];
      inverse_l[i * n + column] = sum / l[i * n + i];
    }
  }
  DenseMatrix out(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (std::size_t k = i; k < n; ++k) sum += inverse_l[k * n + i] * inverse_l[k * n + j];
      out[i * n + j] = out[j * n + i] = sum;
    }
  }
  return out;
}

}  // namespace lockstep
