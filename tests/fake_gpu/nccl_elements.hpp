// Sums of the element types that the fake NCCL knows.
#pragma once

#include <nccl.h>

#include <cstddef>
#include <cstring>
#include <string>

namespace lockstep::fake {

inline std::size_t element_size(ncclDataType_t type) {
  switch (type) {
    case ncclInt8:
    case ncclUint8:
    case ncclFloat8e4m3:
    case ncclFloat8e5m2:
      return 1;
    case ncclFloat16:
    case ncclBfloat16:
      return 2;
    case ncclInt64:
    case ncclUint64:
    case ncclFloat64:
      return 8;
    default:
      return 4;
  }
}

template <typename T, typename Add>
void add_each(std::string& sum, const std::string& other, Add add) {
  char* to = sum.data();
  const char* from = other.data();
  const std::size_t size = sum.size();
  for (std::size_t at = 0; at + sizeof(T) <= size; at += sizeof(T)) {
    T a;
    T b;
    std::memcpy(&a, to + at, sizeof(T));
    std::memcpy(&b, from + at, sizeof(T));
    a = add(a, b);
    std::memcpy(to + at, &a, sizeof(T));
  }
}

inline void add(std::string& sum, const std::string& other, ncclDataType_t type) {
  if (type == ncclFloat16)
    add_each<__half>(sum, other, [](__half a, __half b) {
      return __float2half(__half2float(a) + __half2float(b));
    });
  else if (type == ncclBfloat16)
    add_each<__nv_bfloat16>(sum, other, [](__nv_bfloat16 a, __nv_bfloat16 b) {
      return __float2bfloat16(__bfloat162float(a) + __bfloat162float(b));
    });
  else if (type == ncclFloat64)
    add_each<double>(sum, other, [](double a, double b) { return a + b; });
  else if (type == ncclFloat32)
    add_each<float>(sum, other, [](float a, float b) { return a + b; });
  else
    add_each<int>(sum, other, [](int a, int b) { return a + b; });
}

}  // namespace lockstep::fake
