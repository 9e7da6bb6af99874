// Catch2's own implementation, compiled once for all test programs: it takes ten seconds.
#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
