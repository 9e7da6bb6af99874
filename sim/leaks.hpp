// What the leak detector of sanitized builds is told: memory that other libraries keep is theirs.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define LOCKSTEP_FINDS_LEAKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LOCKSTEP_FINDS_LEAKS 1
#endif
#endif

#ifdef LOCKSTEP_FINDS_LEAKS
#include <sanitizer/lsan_interface.h>
#endif

namespace lockstep {

// While it lives, what is allocated counts as no leak. Nothing in other builds.
struct NotOurLeaks {
#ifdef LOCKSTEP_FINDS_LEAKS
  __lsan::ScopedDisabler disabled;
#else
  NotOurLeaks() {}  // used, for the compiler
#endif
};

}  // namespace lockstep
