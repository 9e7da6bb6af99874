#include "tests/catch.hpp"

#include <future>
#include <string>

#include "validate/measure/watchdog.hpp"

namespace {

using namespace lockstep;

}  // namespace

TEST_CASE("watchdog: a call that takes too long is told by its name, once", "[unit]") {
  std::promise<std::string> told;
  int times = 0;
  Watchdog watchdog(0.02, [&](const std::string& call) {
    if (++times == 1) told.set_value(call);
  });
  { const Watchdog::Watched quick(watchdog, "a quick call"); }
  const Watchdog::Watched slow(watchdog, "rank 3 on node7: all_reduce");
  CHECK(told.get_future().get() ==
        "rank 3 on node7: all_reduce");  // comes without end where it hangs
}

TEST_CASE("watchdog: calls that return are no one's business", "[unit]") {
  bool told = false;
  {
    Watchdog watchdog(3600, [&](const std::string&) { told = true; });
    for (int i = 0; i < 100; ++i) const Watchdog::Watched call(watchdog, "a call");
  }
  CHECK_FALSE(told);
}
