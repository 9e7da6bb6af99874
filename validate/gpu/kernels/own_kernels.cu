// The memory-bound kernels of a training step, each with the access pattern of the fused kernel
// that frameworks run: 16 bytes per access, rows by blocks, each tensor read and written once (the
// logits of the loss are read twice). Tensors are bf16 where nothing else is said.
//
// Plain functions of the driver's module (extern "C"); sizes are arguments, so any grid is right.
#include <cuda_bf16.h>
#include <cuda_fp8.h>

#include "validate/gpu/kernels/kernel_arguments.hpp"

using lockstep::KernelArguments;

namespace {

constexpr int elements_per_vector = 8;  // bf16 in 16 bytes
constexpr int kept_vectors = 4;         // of a row, in the registers of one thread
constexpr int threads_per_warp = 32;
constexpr float smallest = -3.0e38f;

struct Eight {
  float value[elements_per_vector];
};

__device__ Eight unpack(uint4 bits) {
  const unsigned words[4] = {bits.x, bits.y, bits.z, bits.w};
  Eight out;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    out.value[2 * i] = __uint_as_float(words[i] << 16);
    out.value[2 * i + 1] = __uint_as_float(words[i] & 0xffff0000u);
  }
  return out;
}

__device__ uint4 pack(const Eight& eight) {
  unsigned words[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(eight.value[2 * i], eight.value[2 * i + 1]);
    words[i] = static_cast<unsigned>(__bfloat16_as_ushort(pair.x)) |
               static_cast<unsigned>(__bfloat16_as_ushort(pair.y)) << 16;
  }
  return make_uint4(words[0], words[1], words[2], words[3]);
}

struct Sum {
  static __device__ float join(float a, float b) { return a + b; }
};
struct Maximum {
  static __device__ float join(float a, float b) { return fmaxf(a, b); }
};

// Joins the values of all threads of a block; every thread gets the result. `blockDim.x` is a
// multiple of 32; `nothing` joined with x is x.
template <class Join>
__device__ float over_block(float value, float nothing) {
  __shared__ float of_warp[threads_per_warp];
  for (int distance = threads_per_warp / 2; distance > 0; distance /= 2) {
    value = Join::join(value, __shfl_xor_sync(0xffffffffu, value, distance));
  }
  const int warp = static_cast<int>(threadIdx.x) / threads_per_warp;
  const int lane = static_cast<int>(threadIdx.x) % threads_per_warp;
  __syncthreads();  // those who still read the last result
  if (lane == 0) of_warp[warp] = value;
  __syncthreads();
  const int warps = static_cast<int>(blockDim.x) / threads_per_warp;
  value = lane < warps ? of_warp[lane] : nothing;
  for (int distance = threads_per_warp / 2; distance > 0; distance /= 2) {
    value = Join::join(value, __shfl_xor_sync(0xffffffffu, value, distance));
  }
  return value;
}

__device__ long long first_of_grid() {
  return static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ long long stride_of_grid() {
  return static_cast<long long>(gridDim.x) * blockDim.x;
}

__device__ float sum_of_squares(const Eight& x) {
  float sum = 0;
#pragma unroll
  for (int i = 0; i < elements_per_vector; ++i) sum += x.value[i] * x.value[i];
  return sum;
}

__device__ uint4 normed(const Eight& x, const Eight& weight, float scale) {
  Eight y;
#pragma unroll
  for (int i = 0; i < elements_per_vector; ++i) y.value[i] = x.value[i] * scale * weight.value[i];
  return pack(y);
}

// A score of which key `column` lies after query `row` counts for nothing.
__device__ Eight masked(uint4 bits, long long vector, long long query) {
  Eight x = unpack(bits);
#pragma unroll
  for (int i = 0; i < elements_per_vector; ++i) {
    if (vector * elements_per_vector + i > query) x.value[i] = smallest;
  }
  return x;
}

__device__ float largest_of(const Eight& x) {
  float largest = x.value[0];
#pragma unroll
  for (int i = 1; i < elements_per_vector; ++i) largest = fmaxf(largest, x.value[i]);
  return largest;
}

__device__ float sum_of_exponentials(const Eight& x, float largest) {
  float sum = 0;
#pragma unroll
  for (int i = 0; i < elements_per_vector; ++i) sum += __expf(x.value[i] - largest);
  return sum;
}

__device__ uint4 probabilities(const Eight& x, float largest, float inverse_sum) {
  Eight y;
#pragma unroll
  for (int i = 0; i < elements_per_vector; ++i) {
    y.value[i] = __expf(x.value[i] - largest) * inverse_sum;
  }
  return pack(y);
}

}  // namespace

extern "C" {

__global__ void lockstep_empty() {}

// out = in
__global__ void lockstep_copy(KernelArguments of) {
  const uint4* in = static_cast<const uint4*>(of.in);
  uint4* out = static_cast<uint4*>(of.out);
  const long long vectors = of.rows * of.row / elements_per_vector;
  for (long long i = first_of_grid(); i < vectors; i += stride_of_grid()) out[i] = in[i];
}

// RMSNorm: out = in / sqrt(mean(in^2) + eps) * weight, a block per row.
__global__ void lockstep_norm(KernelArguments of) {
  constexpr float epsilon = 1e-5f;
  const long long vectors = of.row / elements_per_vector;
  const uint4* weight = static_cast<const uint4*>(of.other);
  for (long long r = blockIdx.x; r < of.rows; r += gridDim.x) {
    const uint4* in = static_cast<const uint4*>(of.in) + r * vectors;
    uint4* out = static_cast<uint4*>(of.out) + r * vectors;
    uint4 kept[kept_vectors] = {};
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kept_vectors; ++i) {
      const long long v = threadIdx.x + static_cast<long long>(i) * blockDim.x;
      if (v < vectors) {
        kept[i] = in[v];
        sum += sum_of_squares(unpack(kept[i]));
      }
    }
    const long long rest = threadIdx.x + static_cast<long long>(kept_vectors) * blockDim.x;
    for (long long v = rest; v < vectors; v += blockDim.x) sum += sum_of_squares(unpack(in[v]));
    const float mean = over_block<Sum>(sum, 0.0f) / static_cast<float>(of.row);
    const float scale = rsqrtf(mean + epsilon);
#pragma unroll
    for (int i = 0; i < kept_vectors; ++i) {
      const long long v = threadIdx.x + static_cast<long long>(i) * blockDim.x;
      if (v < vectors) out[v] = normed(unpack(kept[i]), unpack(weight[v]), scale);
    }
    for (long long v = rest; v < vectors; v += blockDim.x) {
      out[v] = normed(unpack(in[v]), unpack(weight[v]), scale);
    }
  }
}

// Rotary embedding: the two halves of a head turned against each other by the angles of the row's
// position, cosine and sine from a table; a thread turns eight pairs.
__global__ void lockstep_rope(KernelArguments of) {
  constexpr int half_vectors = lockstep::rope_head_dim / 2 / elements_per_vector;
  const uint4* in = static_cast<const uint4*>(of.in);
  const float4* table = static_cast<const float4*>(of.other);  // two pairs (cosine, sine) each
  uint4* out = static_cast<uint4*>(of.out);
  const long long heads = of.row / lockstep::rope_head_dim;
  const long long items = of.rows * heads * half_vectors;
  for (long long i = first_of_grid(); i < items; i += stride_of_grid()) {
    const long long head = i / half_vectors;
    const long long part = i % half_vectors;
    const long long position = head / heads % lockstep::rope_positions;
    const long long at = head * 2 * half_vectors + part;
    const float4* angles = table + (position * half_vectors + part) * (elements_per_vector / 2);
    Eight low = unpack(in[at]);
    Eight high = unpack(in[at + half_vectors]);
#pragma unroll
    for (int pair = 0; pair < elements_per_vector / 2; ++pair) {
      const float4 angle = angles[pair];
      const float cosine[2] = {angle.x, angle.z};
      const float sine[2] = {angle.y, angle.w};
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        const float a = low.value[2 * pair + j];
        const float b = high.value[2 * pair + j];
        low.value[2 * pair + j] = a * cosine[j] - b * sine[j];
        high.value[2 * pair + j] = b * cosine[j] + a * sine[j];
      }
    }
    out[at] = pack(low);
    out[at + half_vectors] = pack(high);
  }
}

// SwiGLU: rows of gate and up beside each other to out = gate / (1 + exp(-gate)) * up.
__global__ void lockstep_activation(KernelArguments of) {
  const uint4* in = static_cast<const uint4*>(of.in);
  uint4* out = static_cast<uint4*>(of.out);
  const long long vectors = of.row / elements_per_vector;
  const long long items = of.rows * vectors;
  for (long long i = first_of_grid(); i < items; i += stride_of_grid()) {
    const long long r = i / vectors;
    const long long v = i % vectors;
    const Eight gate = unpack(in[2 * r * vectors + v]);
    const Eight up = unpack(in[(2 * r + 1) * vectors + v]);
    Eight y;
#pragma unroll
    for (int j = 0; j < elements_per_vector; ++j) {
      y.value[j] = __fdividef(gate.value[j], 1.0f + __expf(-gate.value[j])) * up.value[j];
    }
    out[i] = pack(y);
  }
}

// Softmax of attention scores with the causal mask, a block per row; every score is read.
__global__ void lockstep_softmax(KernelArguments of) {
  const long long vectors = of.row / elements_per_vector;
  for (long long r = blockIdx.x; r < of.rows; r += gridDim.x) {
    const uint4* in = static_cast<const uint4*>(of.in) + r * vectors;
    uint4* out = static_cast<uint4*>(of.out) + r * vectors;
    const long long query = r % of.row;
    uint4 kept[kept_vectors] = {};
    float largest = smallest;
#pragma unroll
    for (int i = 0; i < kept_vectors; ++i) {
      const long long v = threadIdx.x + static_cast<long long>(i) * blockDim.x;
      if (v < vectors) {
        kept[i] = in[v];
        largest = fmaxf(largest, largest_of(masked(kept[i], v, query)));
      }
    }
    const long long rest = threadIdx.x + static_cast<long long>(kept_vectors) * blockDim.x;
    for (long long v = rest; v < vectors; v += blockDim.x) {
      largest = fmaxf(largest, largest_of(masked(in[v], v, query)));
    }
    largest = over_block<Maximum>(largest, smallest);
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kept_vectors; ++i) {
      const long long v = threadIdx.x + static_cast<long long>(i) * blockDim.x;
      if (v < vectors) sum += sum_of_exponentials(masked(kept[i], v, query), largest);
    }
    for (long long v = rest; v < vectors; v += blockDim.x) {
      sum += sum_of_exponentials(masked(in[v], v, query), largest);
    }
    const float inverse = 1.0f / over_block<Sum>(sum, 0.0f);
#pragma unroll
    for (int i = 0; i < kept_vectors; ++i) {
      const long long v = threadIdx.x + static_cast<long long>(i) * blockDim.x;
      if (v < vectors) out[v] = probabilities(masked(kept[i], v, query), largest, inverse);
    }
    for (long long v = rest; v < vectors; v += blockDim.x) {
      out[v] = probabilities(masked(in[v], v, query), largest, inverse);
    }
  }
}

// bf16 to fp8 (e4m3) under a given scale, with the largest magnitude found on the way (delayed
// scaling): out2 is that of all, as the bits of a float that is not negative.
__global__ void lockstep_cast(KernelArguments of) {
  const uint4* in = static_cast<const uint4*>(of.in);
  uint2* out = static_cast<uint2*>(of.out);
  const long long vectors = of.rows * of.row / elements_per_vector;
  float largest = 0;
  for (long long i = first_of_grid(); i < vectors; i += stride_of_grid()) {
    const Eight x = unpack(in[i]);
    unsigned pairs[4];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const float a = x.value[2 * j];
      const float b = x.value[2 * j + 1];
      largest = fmaxf(largest, fmaxf(fabsf(a), fabsf(b)));
      pairs[j] = __nv_cvt_float2_to_fp8x2(make_float2(a * of.scale, b * of.scale), __NV_SATFINITE,
                                          __NV_E4M3);
    }
    out[i] = make_uint2(pairs[0] | pairs[1] << 16, pairs[2] | pairs[3] << 16);
  }
  largest = over_block<Maximum>(largest, 0.0f);
  if (threadIdx.x == 0) atomicMax(static_cast<unsigned*>(of.out2), __float_as_uint(largest));
}

// Rows gathered by an index, as tokens in the order of their experts: out[r] = in[index[r]].
__global__ void lockstep_permutation(KernelArguments of) {
  const int* index = static_cast<const int*>(of.other);
  const long long vectors = of.row / elements_per_vector;
  for (long long r = blockIdx.x; r < of.rows; r += gridDim.x) {
    const uint4* in = static_cast<const uint4*>(of.in) + index[r] * vectors;
    uint4* out = static_cast<uint4*>(of.out) + r * vectors;
    for (long long v = threadIdx.x; v < vectors; v += blockDim.x) out[v] = in[v];
  }
}

// Cross entropy over the rows of logits: one pass finds maximum and sum (each thread's own, joined
// at the end), the second writes the gradient softmax - one_hot(target); out2 is the row's loss.
__global__ void lockstep_loss(KernelArguments of) {
  const int* target = static_cast<const int*>(of.other);
  float* loss = static_cast<float*>(of.out2);
  const long long vectors = of.row / elements_per_vector;
  for (long long r = blockIdx.x; r < of.rows; r += gridDim.x) {
    const uint4* in = static_cast<const uint4*>(of.in) + r * vectors;
    uint4* out = static_cast<uint4*>(of.out) + r * vectors;
    float own_largest = smallest;
    float own_sum = 0;
    for (long long v = threadIdx.x; v < vectors; v += blockDim.x) {
      const Eight x = unpack(in[v]);
      const float larger = fmaxf(own_largest, largest_of(x));
      own_sum = own_sum * __expf(own_largest - larger) + sum_of_exponentials(x, larger);
      own_largest = larger;
    }
    const float largest = over_block<Maximum>(own_largest, smallest);
    const float sum = over_block<Sum>(own_sum * __expf(own_largest - largest), 0.0f);
    const float inverse = 1.0f / sum;
    const long long wanted = target[r];
    for (long long v = threadIdx.x; v < vectors; v += blockDim.x) {
      const Eight x = unpack(in[v]);
      Eight y;
#pragma unroll
      for (int j = 0; j < elements_per_vector; ++j) {
        const bool is_target = v * elements_per_vector + j == wanted;
        y.value[j] = __expf(x.value[j] - largest) * inverse - (is_target ? 1.0f : 0.0f);
        if (is_target) loss[r] = __logf(sum) + largest - x.value[j];
      }
      out[v] = pack(y);
    }
  }
}

// AdamW on fp32 state: parameter (out), first and second moment (out2, out3) read and written,
// gradient (in) read, all fp32; the bf16 copy that the next forward pass reads (other) written.
__global__ void lockstep_optimizer(KernelArguments of) {
  constexpr float beta1 = 0.9f;
  constexpr float beta2 = 0.95f;
  constexpr float decay = 0.1f;
  constexpr float epsilon = 1e-8f;
  const float4* gradient = static_cast<const float4*>(of.in);
  float4* parameter = static_cast<float4*>(of.out);
  float4* first = static_cast<float4*>(of.out2);
  float4* second = static_cast<float4*>(of.out3);
  uint2* copy = static_cast<uint2*>(const_cast<void*>(of.other));
  const long long vectors = of.rows * of.row / 4;
  for (long long i = first_of_grid(); i < vectors; i += stride_of_grid()) {
    const float4 gradients = gradient[i];
    float4 parameters = parameter[i];
    float4 firsts = first[i];
    float4 seconds = second[i];
    const float g[4] = {gradients.x, gradients.y, gradients.z, gradients.w};
    float p[4] = {parameters.x, parameters.y, parameters.z, parameters.w};
    float m[4] = {firsts.x, firsts.y, firsts.z, firsts.w};
    float s[4] = {seconds.x, seconds.y, seconds.z, seconds.w};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      m[j] = beta1 * m[j] + (1.0f - beta1) * g[j];
      s[j] = beta2 * s[j] + (1.0f - beta2) * g[j] * g[j];
      p[j] -= of.scale * (__fdividef(m[j], sqrtf(s[j]) + epsilon) + decay * p[j]);
    }
    parameter[i] = make_float4(p[0], p[1], p[2], p[3]);
    first[i] = make_float4(m[0], m[1], m[2], m[3]);
    second[i] = make_float4(s[0], s[1], s[2], s[3]);
    const uint4 narrow = pack(Eight{{p[0], p[1], p[2], p[3], 0, 0, 0, 0}});
    copy[i] = make_uint2(narrow.x, narrow.y);
  }
}

}  // extern "C"
