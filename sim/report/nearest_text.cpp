// The measured runs near a plan, in words.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scenarios/utf8.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/text.hpp"

namespace lockstep::text {

namespace {

std::string signed_percent(double share) {
  return unbroken((share < 0 ? "−" : "+") + percent(std::abs(share)));
}

std::string one_run(const NearestRun& near) {
  return fmt::format("{} on {}, {} (predicted {})", printable(near.run.model),
                     unbroken(fmt::format("{} × {}", near.run.gpus, printable(near.run.gpu))),
                     printable(near.run.software), signed_percent(near.error));
}

}  // namespace

std::string nearest_evidence(const PlanReport& plan, std::size_t shown) {
  if (plan.nearest.empty()) {
    return "no measured runs are at hand (calibrations/evidence.yaml), so the interval is a guess.";
  }
  const std::size_t count = std::min(shown, plan.nearest.size());
  std::string words;
  if (plan.known_setting) {
    words = count == 1 ? "nearest measured run: " : "nearest measured runs: ";
  } else {
    words = fmt::format("no measured run has {} on {} GPUs, so the interval is wider; nearest: ",
                        printable(plan.plan.software.name),
                        printable(plan.cluster.system.gpu.architecture));
  }
  for (std::size_t i = 0; i < count; ++i) {
    words += (i > 0 ? "; " : "") + one_run(plan.nearest[i]);
  }
  return words + ".";
}

}  // namespace lockstep::text
