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
