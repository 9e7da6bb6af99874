#include "strategies/memory/held.hpp"

namespace lockstep::memory {

namespace {

bool at_least(std::span<const double> a, std::span<const double> b) {
  return std::equal(a.begin(), a.end(), b.begin(), [](double x, double y) { return x >= y; });
}

}  // namespace

// Most candidates are not better than one that follows the vector that the candidate before was not
// better than: a pipeline goes round.
void MaximalVectors::insert(std::span<const double> candidate) {
  const std::size_t count = size();
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t i = (guess_ + n) % count;
    if (at_least((*this)[i], candidate)) {
      guess_ = i;
      return;
    }
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (at_least(candidate, (*this)[i])) continue;
    if (kept != i) {
      std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(i * length_), length_,
                  values_.begin() + static_cast<std::ptrdiff_t>(kept * length_));
    }
    ++kept;
  }
  values_.resize(kept * length_);
  values_.insert(values_.end(), candidate.begin(), candidate.end());
  guess_ = kept;
}

double MaximalVectors::largest_product(std::span<const double> weights) const {
  double most = 0;
  for (const double* vector = values_.data(); vector != values_.data() + values_.size();
       vector += length_) {
    double product = 0;
    for (std::size_t i = 0; i < length_; ++i) product += vector[i] * weights[i];
    most = std::max(most, product);
  }
  return most;
}

MaximalVectors most_held(const Schedule& schedule, const PipelinePosition& at) {
  const auto chunks = static_cast<std::size_t>(at.interleave);
  MaximalVectors most(chunks);
  std::vector<double> held(chunks, 0.0);
  std::vector<double> before(chunks, 0.0);  // held before the last change
  bool grew = false;
  follow_passes(schedule, at, held, [&](std::size_t chunk, double change) {
    if (change < 0 && grew) most.insert(before);  // more is held only while forward passes follow
    grew = change > 0;
    before[chunk] += change;
  });
  return most;
}

}  // namespace lockstep::memory
