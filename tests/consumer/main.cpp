// consumer CATALOG SCENARIO: what another project does with the installed library.
#include <cstdio>
#include <exception>

#include "scenarios/scenario.hpp"
#include "sim/report/report.hpp"
#include "topology/quantity.hpp"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    using namespace lockstep::literals;
    if ((1_GB / 1_GBps).value() != 1.0) return 1;  // 1 GB over 1 GB/s is 1 s

    const lockstep::Catalog catalog(argv[1]);
    const lockstep::Report report = lockstep::simulate(lockstep::load_scenario(argv[2], catalog));
    for (const lockstep::PlanReport& plan : report.plans) {
      std::printf("%s: %.3g s\n", plan.plan.name.c_str(), plan.step_time_s.value);
    }
    return report.plans.empty() ? 1 : 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
