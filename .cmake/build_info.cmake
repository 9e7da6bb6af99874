# Writes lockstep_build_info.hpp: the version, the compiler and which optional parts were found.
# AUTO uses a part where it is there, ON fails without it, OFF does not look.

foreach(part IN ITEMS CUDA NCCL NVML MPI HWLOC)
  set(LOCKSTEP_WITH_${part} AUTO CACHE STRING "Use ${part}: AUTO, ON or OFF")
  set_property(CACHE LOCKSTEP_WITH_${part} PROPERTY STRINGS AUTO ON OFF)
  set(LOCKSTEP_${part}_FOUND FALSE)
  set(LOCKSTEP_${part}_VERSION "")
endforeach()

# lockstep_macros(<header> <macro>... OUT <variable>) joins the numbers of #define lines with dots.
function(lockstep_macros header)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "OUT" "")
  set(numbers "")
  foreach(macro IN LISTS arg_UNPARSED_ARGUMENTS)
    file(STRINGS "${header}" line REGEX "#define[ \t]+${macro}[ \t]" LIMIT_COUNT 1)
    if(line MATCHES "${macro}[ \t]+\"?([0-9][0-9.]*)")
      list(APPEND numbers "${CMAKE_MATCH_1}")
    endif()
  endforeach()
  list(JOIN numbers "." version)
  set(${arg_OUT} "${version}" PARENT_SCOPE)
endfunction()

if(LOCKSTEP_WITH_CUDA)
  find_package(CUDAToolkit QUIET)
  if(CUDAToolkit_FOUND)
    set(LOCKSTEP_CUDA_FOUND TRUE)
    set(LOCKSTEP_CUDA_VERSION "${CUDAToolkit_VERSION}")
  endif()
endif()

# NVML is loaded at run time by declarations of our own; with its header they are checked.
if(LOCKSTEP_WITH_NVML)
  find_path(NVML_INCLUDE_DIR nvml.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
  mark_as_advanced(NVML_INCLUDE_DIR)
  if(NVML_INCLUDE_DIR)
    set(LOCKSTEP_NVML_FOUND TRUE)
    lockstep_macros("${NVML_INCLUDE_DIR}/nvml.h" NVML_API_VERSION OUT LOCKSTEP_NVML_VERSION)
  endif()
endif()

# NCCL is loaded at run time; its header says how.
if(LOCKSTEP_WITH_NCCL AND LOCKSTEP_CUDA_FOUND)
  find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS} ENV NCCL_HOME
            PATH_SUFFIXES include)
  find_library(NCCL_LIBRARY nccl HINTS ${CUDAToolkit_LIBRARY_DIR} ENV NCCL_HOME
               PATH_SUFFIXES lib lib64)
  mark_as_advanced(NCCL_INCLUDE_DIR NCCL_LIBRARY)
  if(NCCL_INCLUDE_DIR)
    set(LOCKSTEP_NCCL_FOUND TRUE)
    lockstep_macros("${NCCL_INCLUDE_DIR}/nccl.h" NCCL_MAJOR NCCL_MINOR NCCL_PATCH
                    OUT LOCKSTEP_NCCL_VERSION)
    # The library that is loaded may be older; its header must know ncclGroupSimulateEnd.
    if(LOCKSTEP_NCCL_VERSION VERSION_LESS 2.22)
      message(STATUS "Lockstep: NCCL ${LOCKSTEP_NCCL_VERSION} is too old, 2.22 is needed to build with")
      set(LOCKSTEP_NCCL_FOUND FALSE)
    endif()
  endif()
endif()

if(LOCKSTEP_WITH_MPI)
  find_package(MPI QUIET COMPONENTS CXX)
  if(MPI_CXX_FOUND)
    set(LOCKSTEP_MPI_FOUND TRUE)
    set(LOCKSTEP_MPI_VERSION "${MPI_CXX_VERSION}")
  endif()
endif()

if(LOCKSTEP_WITH_HWLOC)
  find_path(HWLOC_INCLUDE_DIR hwloc.h)
  find_library(HWLOC_LIBRARY hwloc)
  mark_as_advanced(HWLOC_INCLUDE_DIR HWLOC_LIBRARY)
  if(HWLOC_INCLUDE_DIR AND HWLOC_LIBRARY)
    set(LOCKSTEP_HWLOC_FOUND TRUE)
    file(GLOB hwloc_config "${HWLOC_INCLUDE_DIR}/hwloc/autogen/config.h"
         "${HWLOC_INCLUDE_DIR}/*/hwloc/autogen/config.h"
         "/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}/hwloc/autogen/config.h")
    if(hwloc_config)
      list(GET hwloc_config 0 hwloc_config)
      lockstep_macros("${hwloc_config}" HWLOC_VERSION OUT LOCKSTEP_HWLOC_VERSION)
    endif()
  endif()
endif()

foreach(part IN ITEMS CUDA NCCL NVML MPI HWLOC)
  if(LOCKSTEP_WITH_${part} STREQUAL "ON" AND NOT LOCKSTEP_${part}_FOUND)
    message(FATAL_ERROR "LOCKSTEP_WITH_${part} is ON, but ${part} was not found.")
  endif()
  if(LOCKSTEP_${part}_FOUND)
    set(LOCKSTEP_${part}_BOOL true)
    message(STATUS "Lockstep: ${part} ${LOCKSTEP_${part}_VERSION} found")
  else()
    set(LOCKSTEP_${part}_BOOL false)
  endif()
endforeach()

set(LOCKSTEP_BUILD_INFO_DIR "${PROJECT_BINARY_DIR}/generated")
configure_file("${PROJECT_SOURCE_DIR}/.cmake/lockstep_build_info.hpp.in"
               "${LOCKSTEP_BUILD_INFO_DIR}/lockstep_build_info.hpp" @ONLY)
