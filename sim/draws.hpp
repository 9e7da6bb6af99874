// Draws that are the same on every platform and in every run: each name has its own 256 standard
// normal numbers, so that a constant that two plans share moves both alike.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace lockstep {

constexpr std::size_t draw_count = 256;
using Draws = std::array<double, draw_count>;

// The next number of Steele, Lea & Flood's generator (OOPSLA 2014, "Fast splittable pseudorandom
// number generators"), as in Java's SplittableRandom. From state 1234567 the first is
// 6457827717110365317.
std::uint64_t splitmix64(std::uint64_t& state);

// FNV-1a, 64 bit: of "" 0xcbf29ce484222325, of "a" 0xaf63dc4c8601ec8c.
std::uint64_t fnv1a(std::string_view text);

// The quantiles of the standard normal distribution at (i + 1/2) / 256, in an order that the name
// decides: a Latin hypercube over names (McKay, Beckman & Conover 1979), whose mean over the draws
// is exactly 0 in each dimension. Orders are Fisher-Yates shuffles by splitmix64 from fnv1a(name).
Draws draws_of(std::string_view name);

}  // namespace lockstep
