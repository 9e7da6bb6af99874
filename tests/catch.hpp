// Catch2 in its second or third version.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
namespace Matchers = Catch::Matchers;
#else
#include <catch2/catch.hpp>
namespace Matchers = Catch::Matchers;
#endif

#include <iostream>

/// Ends a test case that this machine cannot run. ctest reads the line and reports the case as
/// skipped; a hidden tag would drop it without a word.
#define LOCKSTEP_SKIP(reason)                       \
  do {                                              \
    std::cout << "SKIPPED: " << (reason) << '\n';   \
    SUCCEED("skipped");                             \
    return;                                         \
  } while (false)
