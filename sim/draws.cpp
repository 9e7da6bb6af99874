#include "sim/draws.hpp"

#include <boost/math/special_functions/erf.hpp>

#include <cmath>
#include <utility>

namespace lockstep {

namespace {

Draws quantiles() {
  Draws values{};
  for (std::size_t i = 0; i < draw_count / 2; ++i) {
    const double share = (static_cast<double>(i) + 0.5) / static_cast<double>(draw_count);
    const double value = std::sqrt(2.0) * boost::math::erfc_inv(2.0 * share);
    values[i] = -value;
    values[draw_count - 1 - i] = value;
  }
  return values;
}

}  // namespace

std::uint64_t splitmix64(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31U);
}

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  return hash;
}

Draws draws_of(std::string_view name) {
  static const Draws sorted = quantiles();
  Draws draws = sorted;
  std::uint64_t state = fnv1a(name);
  for (std::size_t i = draw_count - 1; i > 0; --i) {
    std::swap(draws[i], draws[splitmix64(state) % (i + 1)]);
  }
  return draws;
}

}  // namespace lockstep
