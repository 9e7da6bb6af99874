// Is the little linear algebra right?
#include "validate/dense_matrix.hpp"

#include <stdexcept>

#include "tests/catch.hpp"

using namespace lockstep;

TEST_CASE("matrix: a Cholesky factor worked out by hand", "[unit][fit]") {
  // [2 0 0; 1 3 0; 2 1 1] times its transpose.
  const DenseMatrix a{4, 2, 4, 2, 10, 5, 4, 5, 6};
  CHECK(cholesky(a, 3) == DenseMatrix{2, 0, 0, 1, 3, 0, 2, 1, 1});
}

TEST_CASE("matrix: an inverse worked out by hand", "[unit][fit]") {
  // [4 2; 2 3]: determinant 8, inverse [3 -2; -2 4] / 8.
  const DenseMatrix inverse = inverse_of_positive({4, 2, 2, 3}, 2);
  CHECK(inverse[0] == Approx(0.375));
  CHECK(inverse[1] == Approx(-0.25));
  CHECK(inverse[2] == Approx(-0.25));
  CHECK(inverse[3] == Approx(0.5));
}

TEST_CASE("matrix: one that is not positive definite is refused", "[unit][fit]") {
  CHECK_THROWS_AS(cholesky({1, 2, 2, 1}, 2), std::domain_error);
}
