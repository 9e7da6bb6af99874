# The language, the compiler's cache, sanitizers and the warnings of Lockstep's own targets.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g -fno-omit-frame-pointer")
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

option(LOCKSTEP_WERROR "Warnings are errors" OFF)
option(LOCKSTEP_ONLY_LINE_NUMBERS "Debug information for stack traces only: compiles faster" OFF)
set(LOCKSTEP_SANITIZE "" CACHE STRING "Sanitizers, as in -fsanitize= (empty: none)")

find_program(LOCKSTEP_CCACHE ccache)
mark_as_advanced(LOCKSTEP_CCACHE)
if(LOCKSTEP_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${LOCKSTEP_CCACHE}")
endif()

# Fused multiply-add would give other last digits on machines that have it, and the output has to
# be the same byte for byte.
add_compile_options(-ffp-contract=off)

if(LOCKSTEP_ONLY_LINE_NUMBERS)
  add_compile_options(-g1)
endif()
if(LOCKSTEP_SANITIZE)
  set(sanitize "-fsanitize=${LOCKSTEP_SANITIZE}" -fno-sanitize-recover=all)
  add_compile_options(${sanitize})
  add_link_options(${sanitize})
endif()
if(LOCKSTEP_BUILD_FUZZERS)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

set(LOCKSTEP_WARNINGS
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion
  -Wold-style-cast -Wcast-align -Wcast-qual -Wformat=2 -Wimplicit-fallthrough
  -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi -Wundef -Wunused
  # Designated initializers leave members to their defaults on purpose.
  -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND LOCKSTEP_WARNINGS
    -Wduplicated-cond -Wduplicated-branches -Wlogical-op
    # GCC 12 reports both wrongly inside std::string and std::optional (bugs 105651, 80635).
    -Wno-restrict -Wno-maybe-uninitialized)
endif()

# lockstep_own_target(<target>) turns the warnings on; targets of other projects keep theirs.
function(lockstep_own_target target)
  target_compile_options(${target} PRIVATE ${LOCKSTEP_WARNINGS} $<$<BOOL:${LOCKSTEP_WERROR}>:-Werror>)
endfunction()
