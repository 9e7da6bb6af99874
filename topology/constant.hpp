// A model constant with its provenance: what it is, how it was obtained, and how far it may be off.
#pragma once

#include <string>

#include "topology/quantity.hpp"

namespace lockstep {

enum class Provenance {
  datasheet,  // a vendor's specification
  measured,   // read off hardware by somebody who published it
  fitted,     // estimated by us (or a cited study) from published measurements
  assumed     // a judgement: nothing was measured
};

// The untyped part, common to every constant: field tables and the certainty analysis work on this.
// `value` is in base units; `spread` is the relative standard deviation (0.05 = 5 %), 0 for exact
// values.
//
// Where published runs inform it, `fit` names the parameter that moves it: value = prior times the
// parameter's factor. Constants of one parameter move together; `own_spread` is what each of them
// may deviate on its own, and `spread` covers both.
struct ConstantBase {
  double value = 0.0;
  double spread = 0.0;
  Provenance kind = Provenance::assumed;
  std::string source;
  std::string fit;  // "" where nothing fits it; then own_spread and prior mean nothing
  double prior = 0.0;
  double own_spread = 0.0;
};

// A constant of dimension Q (a Quantity, or double for a dimensionless one).
template <class Q>
struct Constant : ConstantBase {
  Constant() = default;
  explicit Constant(Q quantity, Provenance provenance = Provenance::assumed,
                    double relative_spread = 0.0, std::string where = {}) {
    if constexpr (std::is_same_v<Q, double>) {
      value = quantity;
    } else {
      value = quantity.value();
    }
    spread = relative_spread;
    kind = provenance;
    source = std::move(where);
  }
  [[nodiscard]] Q get() const { return Q{value}; }
  [[nodiscard]] Q operator*() const { return Q{value}; }
};

}  // namespace lockstep
