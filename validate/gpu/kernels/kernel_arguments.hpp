// What every kernel of own_kernels.cu is given, the same on both sides of the launch.
#pragma once

namespace lockstep {

struct KernelArguments {
  const void* in = nullptr;     // 16-byte aligned, as all of them
  const void* other = nullptr;  // weights, table of angles, index, targets, gradient
  void* out = nullptr;
  void* out2 = nullptr;  // a second state, or one number of a row
  void* out3 = nullptr;  // a third one
  long long rows = 0;
  long long row = 0;  // elements of a row, a multiple of 8
  float scale = 1;    // of a cast; the learning rate of an update
};

inline constexpr int rope_head_dim = 128;    // elements: both halves are rotated by the same angles
inline constexpr int rope_positions = 4096;  // rows of the table of angles

}  // namespace lockstep
