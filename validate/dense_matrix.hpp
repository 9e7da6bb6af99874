// The little linear algebra that a posterior of some eighty parameters needs. Matrices are row by
// row.
#pragma once

#include <cstddef>
#include <vector>

namespace lockstep {

using DenseMatrix = std::vector<double>;

// L with A = L L^T, lower triangular, of a symmetric positive definite A of n rows.
// Throws std::domain_error where A is not.
DenseMatrix cholesky(const DenseMatrix& a, std::size_t n);

// The inverse of a symmetric positive definite matrix.
DenseMatrix inverse_of_positive(const DenseMatrix& a, std::size_t n);

}  // namespace lockstep
