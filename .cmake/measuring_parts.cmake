# What the measuring part of validate/ is built with. CUDA and NCCL lend their headers only: their
# libraries are loaded at run time, so that one program works with and without a driver.

# Each part is a macro LOCKSTEP_HAS_<part>, 0 or 1.
foreach(part IN ITEMS CUDA NCCL NVML MPI HWLOC)
  target_compile_definitions(lockstep_validate PUBLIC
    LOCKSTEP_HAS_${part}=$<BOOL:${LOCKSTEP_${part}_FOUND}>)
endforeach()
if(LOCKSTEP_CUDA_FOUND)
  target_include_directories(lockstep_validate SYSTEM PUBLIC ${CUDAToolkit_INCLUDE_DIRS})
  target_compile_definitions(lockstep_validate PRIVATE
    LOCKSTEP_CUDA_LIBRARY_DIR="${CUDAToolkit_LIBRARY_DIR}")
endif()
if(LOCKSTEP_NCCL_FOUND)
  target_include_directories(lockstep_validate SYSTEM PUBLIC ${NCCL_INCLUDE_DIR})
  cmake_path(GET NCCL_LIBRARY PARENT_PATH nccl_folder)
  target_compile_definitions(lockstep_validate PRIVATE LOCKSTEP_NCCL_LIBRARY_DIR="${nccl_folder}")
endif()
if(LOCKSTEP_NVML_FOUND)
  target_include_directories(lockstep_validate SYSTEM PRIVATE ${NVML_INCLUDE_DIR})
endif()
if(LOCKSTEP_MPI_FOUND)
  target_link_libraries(lockstep_validate PRIVATE MPI::MPI_CXX)
  # The C++ bindings of MPI-2 are of no use.
  target_compile_definitions(lockstep_validate PRIVATE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
endif()
if(LOCKSTEP_HWLOC_FOUND)
  target_include_directories(lockstep_validate SYSTEM PRIVATE ${HWLOC_INCLUDE_DIR})
  target_link_libraries(lockstep_validate PRIVATE ${HWLOC_LIBRARY})
endif()

# Our own kernels: PTX for a few architectures in one fat binary, which the driver compiles for the
# GPU at hand; put into the program as bytes. Without nvcc they are left out, and what needs them
# says so when it is asked for.
if(LOCKSTEP_CUDA_FOUND)
  if(CUDAToolkit_VERSION VERSION_GREATER_EQUAL 13)
    set(oldest_architecture 75)
  else()
    set(oldest_architecture 70)
  endif()
  set(LOCKSTEP_PTX_ARCH "${oldest_architecture};80;89;90" CACHE STRING
    "Architectures that the kernels' PTX is written for")
  set(own_kernels "${PROJECT_BINARY_DIR}/generated/own_kernels.cpp")
  set(embed "${PROJECT_SOURCE_DIR}/.cmake/embed_binary.cmake")
  set(kernels_folder "${PROJECT_SOURCE_DIR}/validate/gpu/kernels")
  set(fat_binary "")
  if(CUDAToolkit_NVCC_EXECUTABLE)
    set(fat_binary "${PROJECT_BINARY_DIR}/generated/own_kernels.fatbin")
    set(generate_code "")
    foreach(architecture IN LISTS LOCKSTEP_PTX_ARCH)
      list(APPEND generate_code
        "--generate-code=arch=compute_${architecture},code=compute_${architecture}")
    endforeach()
    add_custom_command(OUTPUT "${fat_binary}"
      COMMAND "${CUDAToolkit_NVCC_EXECUTABLE}" -fatbin -std=c++17 "-I${PROJECT_SOURCE_DIR}"
              ${generate_code} -o "${fat_binary}" "${kernels_folder}/own_kernels.cu"
      DEPENDS "${kernels_folder}/own_kernels.cu" "${kernels_folder}/kernel_arguments.hpp"
      COMMENT "Compiling the GPU kernels" VERBATIM)
  endif()
  add_custom_command(OUTPUT "${own_kernels}"
    COMMAND "${CMAKE_COMMAND}" "-DBINARY=${fat_binary}" "-DOUT=${own_kernels}" -P "${embed}"
    DEPENDS "${embed}" ${fat_binary} VERBATIM)
  target_sources(lockstep_validate PRIVATE "${own_kernels}")
endif()
