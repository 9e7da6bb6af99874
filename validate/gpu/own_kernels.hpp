// The compiled kernels/own_kernels.cu, put into the program by the build.
#pragma once

#include <cstddef>

namespace lockstep {

// A fat binary of PTX for several architectures, which the driver compiles for the GPU at hand.
// Empty where the program was built without nvcc.
extern const unsigned char own_kernels[];
extern const std::size_t own_kernels_size;

}  // namespace lockstep
