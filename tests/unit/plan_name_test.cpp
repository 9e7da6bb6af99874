// Names that a search gives its plans.
#include "sim/search/space.hpp"
#include "tests/catch.hpp"

using namespace lockstep;

TEST_CASE("names of offloaded shares are apart, and have no point", "[unit][search]") {
  const auto name_of = [](double optimizer) {
    Plan plan;
    plan.placement = "tp-cp-dp-pp";
    plan.offload.optimizer = optimizer;
    const std::string name = plan_name(plan);
    const std::size_t at = name.find("-host-");
    return at == std::string::npos ? "" : name.substr(at);
  };
  CHECK(name_of(0).substr(0, 5) != "-host");
  CHECK(name_of(1) == "-host-o");
  CHECK(name_of(0.5) == "-host-o50");
  CHECK(name_of(0.07) == "-host-o7");  // 100 x 0.07 is 7.000000000000001
  CHECK(name_of(0.125) == "-host-o0_125");
  CHECK(name_of(1.0 / 3) == "-host-o0_3333333333333333");
  CHECK(name_of(0.333333) == "-host-o0_333333");
}
