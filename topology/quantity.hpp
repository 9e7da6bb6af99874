// Physical quantities: one exponent template over (byte, second, FLOP, joule).
//
// Values are stored in SI-like base units (bytes, seconds, FLOP, joules). A quantity is built
// explicitly (Bytes{80e9}, 80_GiB) and leaves the type only through value(), at a border. Products
// and ratios of quantities have the dimension that arithmetic gives them; a ratio of equal
// dimensions is a double.
#pragma once

#include <compare>
#include <type_traits>

namespace lockstep {

template <int ByteExponent, int SecondExponent, int FlopExponent, int JouleExponent = 0>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(double value) : value_(value) {}

  // The number of base units.
  [[nodiscard]] constexpr double value() const { return value_; }

  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity operator-() const { return Quantity{-value_}; }
  constexpr Quantity& operator+=(Quantity other) {
    value_ += other.value_;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity other) {
    value_ -= other.value_;
    return *this;
  }
  constexpr Quantity& operator*=(double factor) {
    value_ *= factor;
    return *this;
  }
  constexpr Quantity& operator/=(double divisor) {
    value_ /= divisor;
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) {
    return Quantity{a.value_ + b.value_};
  }
  friend constexpr Quantity operator-(Quantity a, Quantity b) {
    return Quantity{a.value_ - b.value_};
  }
  friend constexpr Quantity operator*(Quantity a, double b) { return Quantity{a.value_ * b}; }
  friend constexpr Quantity operator*(double a, Quantity b) { return Quantity{a * b.value_}; }
  friend constexpr Quantity operator/(Quantity a, double b) { return Quantity{a.value_ / b}; }

 private:
  double value_ = 0.0;
};

namespace detail {
template <int B, int S, int F, int J>
constexpr auto make_quantity(double value) {
  if constexpr (B == 0 && S == 0 && F == 0 && J == 0) {
    return value;
  } else {
    return Quantity<B, S, F, J>{value};
  }
}
}  // namespace detail

template <int B1, int S1, int F1, int J1, int B2, int S2, int F2, int J2>
constexpr auto operator*(Quantity<B1, S1, F1, J1> a, Quantity<B2, S2, F2, J2> b) {
  return detail::make_quantity<B1 + B2, S1 + S2, F1 + F2, J1 + J2>(a.value() * b.value());
}

template <int B1, int S1, int F1, int J1, int B2, int S2, int F2, int J2>
constexpr auto operator/(Quantity<B1, S1, F1, J1> a, Quantity<B2, S2, F2, J2> b) {
  return detail::make_quantity<B1 - B2, S1 - S2, F1 - F2, J1 - J2>(a.value() / b.value());
}

template <int B, int S, int F, int J>
constexpr auto operator/(double a, Quantity<B, S, F, J> b) {
  return detail::make_quantity<-B, -S, -F, -J>(a / b.value());
}

using Bytes = Quantity<1, 0, 0>;
using Seconds = Quantity<0, 1, 0>;
using Flops = Quantity<0, 0, 1>;
using BytesPerSecond = Quantity<1, -1, 0>;
using FlopsPerSecond = Quantity<0, -1, 1>;
using FlopsPerByte = Quantity<-1, 0, 1>;
using Joules = Quantity<0, 0, 0, 1>;
using Watts = Quantity<0, -1, 0, 1>;
using Hertz = Quantity<0, -1, 0>;

inline namespace literals {
constexpr Bytes operator""_B(unsigned long long v) {
  return Bytes{static_cast<double>(v)};
}
constexpr Bytes operator""_KiB(unsigned long long v) {
  return Bytes{static_cast<double>(v) * 0x1p10};
}
constexpr Bytes operator""_MiB(unsigned long long v) {
  return Bytes{static_cast<double>(v) * 0x1p20};
}
constexpr Bytes operator""_GiB(unsigned long long v) {
  return Bytes{static_cast<double>(v) * 0x1p30};
}
constexpr Bytes operator""_GiB(long double v) {
  return Bytes{static_cast<double>(v) * 0x1p30};
}
constexpr Bytes operator""_MB(unsigned long long v) {
  return Bytes{static_cast<double>(v) * 1e6};
}
constexpr Bytes operator""_GB(unsigned long long v) {
  return Bytes{static_cast<double>(v) * 1e9};
}
constexpr Seconds operator""_s(unsigned long long v) {
  return Seconds{static_cast<double>(v)};
}
constexpr Seconds operator""_s(long double v) {
  return Seconds{static_cast<double>(v)};
}
constexpr Seconds operator""_ms(unsigned long long v) {
  return Seconds{static_cast<double>(v) * 1e-3};
}
constexpr Seconds operator""_us(unsigned long long v) {
  return Seconds{static_cast<double>(v) * 1e-6};
}
constexpr Seconds operator""_us(long double v) {
  return Seconds{static_cast<double>(v) * 1e-6};
}
constexpr BytesPerSecond operator""_GBps(unsigned long long v) {
  return BytesPerSecond{static_cast<double>(v) * 1e9};
}
constexpr BytesPerSecond operator""_GBps(long double v) {
  return BytesPerSecond{static_cast<double>(v) * 1e9};
}
constexpr FlopsPerSecond operator""_TFLOPs(unsigned long long v) {
  return FlopsPerSecond{static_cast<double>(v) * 1e12};
}
constexpr FlopsPerSecond operator""_TFLOPs(long double v) {
  return FlopsPerSecond{static_cast<double>(v) * 1e12};
}
}  // namespace literals

// Two bandwidths of one dimension that must not be mixed: bytes of the caller's buffer per second,
// and nccl-tests' bus bandwidth, which a ring would need on every link.
template <class Tag>
class TaggedBandwidth {
 public:
  constexpr TaggedBandwidth() = default;
  constexpr explicit TaggedBandwidth(BytesPerSecond rate) : rate_(rate) {}
  [[nodiscard]] constexpr BytesPerSecond rate() const { return rate_; }
  constexpr auto operator<=>(const TaggedBandwidth&) const = default;

 private:
  BytesPerSecond rate_;
};
using AlgorithmBandwidth = TaggedBandwidth<struct AlgorithmBandwidthTag>;
using BusBandwidth = TaggedBandwidth<struct BusBandwidthTag>;

}  // namespace lockstep
