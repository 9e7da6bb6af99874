// Do parameters.yaml and runs.yaml move the constants that name them, and say what is wrong with
// them?
#include "scenarios/fitted.hpp"

#include <cmath>

#include "scenarios/scenario.hpp"
#include "tests/catch.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using lockstep::testing::TemporaryFolder;

namespace {

constexpr const char* two_parameters =
    "parameters:\n"
    "  - {name: rate, meaning: \"a rate\", prior_spread: 0.2, low: 0.5, high: 2}\n"
    "  - {name: share, meaning: \"a share\", prior_spread: 0.3, low: 0.25, high: 1.5}\n";

constexpr const char* fitted_runs =
    "source: \"fit to 7 published runs\"\n"
    "parameters:\n"
    "  - {name: rate, factor: 1.25, spread: 0.03}\n"
    "  - {name: share, factor: 0.5, spread: 0.05}\n"
    "deviation: |\n"
    "  0.03\n"
    "  0.04 0.03\n";

FittedParameters load(const std::string& parameters, const std::string& runs,
                      std::vector<Diagnostic>& problems) {
  const TemporaryFolder folder;
  if (!parameters.empty()) (void)folder.write("parameters.yaml", parameters);
  if (!runs.empty()) (void)folder.write("runs.yaml", runs);
  return load_fitted_parameters(folder.path(), problems);
}

// Code, message and hint of the only problem.
std::string problem_of(const std::string& parameters, const std::string& runs) {
  std::vector<Diagnostic> problems;
  (void)load(parameters, runs, problems);
  REQUIRE(problems.size() == 1);
  return problems[0].code + ": " + problems[0].message + " (" + problems[0].hint + ")";
}

ConstantBase constant(const std::string& fit) {
  ConstantBase one{0.8, 0.04, Provenance::assumed, "a table", fit, 0.8, 0.04};
  return one;
}

}  // namespace

TEST_CASE("fitted: without a fit a parameter is what was believed", "[unit][fitted]") {
  std::vector<Diagnostic> problems;
  const FittedParameters fitted = load(two_parameters, "", problems);
  CHECK(problems.empty());
  REQUIRE(fitted.size() == 2);
  CHECK(fitted.parameters[0].factor == 1.0);
  CHECK(fitted.parameters[1].spread == 0.3);
  CHECK(fitted.deviation == std::vector<double>{0.2, 0, 0, 0.3});
  CHECK(fitted.source.empty());
}

TEST_CASE("fitted: a folder without the files has no parameters", "[unit][fitted]") {
  std::vector<Diagnostic> problems;
  CHECK(load("", "", problems).size() == 0);
  CHECK(problems.empty());
}

TEST_CASE("fitted: a constant is its prior times the factor, and deviates by both",
          "[unit][fitted]") {
  std::vector<Diagnostic> problems;
  const FittedParameters fitted = load(two_parameters, fitted_runs, problems);
  REQUIRE(problems.empty());
  CHECK(fitted.deviation == std::vector<double>{0.03, 0, 0.04, 0.03});
  CHECK(fitted.index("share") == 1);
  CHECK(fitted.index("nothing") == 2);

  ConstantBase rate = constant("rate");
  set_fitted(rate, fitted);
  CHECK(rate.value == Approx(1.0));    // 0.8 * 1.25
  CHECK(rate.spread == Approx(0.05));  // hypot(0.03, 0.04)
  CHECK(rate.kind == Provenance::fitted);
  set_fitted(rate, fitted);  // from the prior, not from where it is
  CHECK(rate.value == Approx(1.0));

  ConstantBase alone = constant("");
  set_fitted(alone, fitted);
  CHECK(alone.value == 0.8);
  CHECK(alone.kind == Provenance::assumed);
}

TEST_CASE("fitted: the text of a fit reads back", "[unit][fitted]") {
  std::vector<Diagnostic> problems;
  const FittedParameters fitted = load(two_parameters, fitted_runs, problems);
  const FittedParameters again =
      load(two_parameters, fitted_parameters_text(fitted, "# made\n"), problems);
  CHECK(problems.empty());
  CHECK(again.source == "fit to 7 published runs");
  CHECK(again.deviation == fitted.deviation);
  CHECK(again.parameters[1].factor == 0.5);
}

TEST_CASE("fitted: what is wrong with the files", "[unit][fitted]") {
  const std::string twice = std::string(two_parameters) +
                            "  - {name: rate, meaning: x, prior_spread: 0.2, low: 0.5, high: 2}\n";
  CHECK(problem_of(twice, "") == "E610: the parameter 'rate' is there twice (keep one of the two)");
  CHECK(
      problem_of("parameters:\n  - {name: a, meaning: x, prior_spread: 0.2, low: 1.1, high: 2}\n",
                 "") ==
      "E610: the range of 'a' does not hold 1 (a factor of 1 is what was believed before the fit)");
  const std::string again = " (fit again: `lockstep calibrate --corpus runs`)";
  CHECK(problem_of(two_parameters,
                   "source: x\nparameters:\n  - {name: rate, factor: 1, spread: 0.1}\ndeviation: "
                   "\"0.1\"\n") == "E611: 1 parameters, and parameters.yaml has 2" + again);
  CHECK(problem_of(two_parameters,
                   "source: x\nparameters:\n  - {name: rate, factor: 2.5, spread: 0.1}\n"
                   "  - {name: share, factor: 1, spread: 0.1}\ndeviation: \"0.1 0 0.1\"\n") ==
        "E611: the factor 2.5 of 'rate' is outside 0.5 to 2" + again);
  CHECK(problem_of(two_parameters,
                   "source: x\nparameters:\n  - {name: rate, factor: 1, spread: 0.1}\n"
                   "  - {name: other, factor: 1, spread: 0.1}\ndeviation: \"0.1\"\n") ==
        "E611: parameter 2 is 'other', in parameters.yaml it is 'share'" + again);
  CHECK(problem_of(two_parameters,
                   "source: x\nparameters:\n  - {name: rate, factor: 1, spread: 0.1}\n"
                   "  - {name: share, factor: 1, spread: 0.1}\ndeviation: \"0.1 0.2\"\n") ==
        "E611: 'deviation' must hold 3 numbers of at most 3" + again);
}

TEST_CASE("fitted: what a user sets counts as it is written", "[unit][fitted]") {
  const std::string folder = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios";
  const Gpu shipped = Catalog(folder).gpu("h100-sxm-80gb");
  REQUIRE(shipped.gemm_efficiency_half.fit == "tensor_hopper");
  CHECK(shipped.gemm_efficiency_half.value != shipped.gemm_efficiency_half.prior);
  for (const char* path : {"gpus.h100-sxm-80gb.gemm_efficiency_half",
                           "gpus.h100-sxm-80gb.gemm_efficiency_half.value"}) {
    const Gpu set = Catalog(folder, {{path, "0.5"}}).gpu("h100-sxm-80gb");
    CHECK(set.gemm_efficiency_half.value == 0.5);
    CHECK(set.gemm_efficiency_half.fit.empty());
  }
}

TEST_CASE("fitted: every parameter is named by a constant, and at most 80 are fitted",
          "[unit][fitted]") {
  const std::string folder = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios";
  const Catalog catalog(folder);
  const FittedParameters fitted = catalog.evidence()->fitted;
  CHECK(fitted.size() <= 80);
  std::vector<bool> named(fitted.size(), false);
  const auto note = [&](const std::string&, ConstantBase& one) {
    if (!one.fit.empty()) named.at(fitted.index(one.fit)) = true;
  };
  for (const std::string& system : catalog.names("systems")) {
    Cluster cluster;
    cluster.system = catalog.system(system);
    Plan plan;
    for_each_constant(cluster, plan, note);
  }
  for (const std::string& gpu : catalog.names("gpus")) {
    Cluster cluster;
    cluster.system.gpu = catalog.gpu(gpu);
    Plan plan;
    for_each_constant(cluster, plan, note);
  }
  for (const std::string& software : catalog.names("software")) {
    Cluster cluster;
    Plan plan;
    plan.software = catalog.software(software);
    for_each_constant(cluster, plan, note);
  }
  for (std::size_t k = 0; k < fitted.size(); ++k) {
    INFO(fitted.parameters[k].name);
    CHECK(named[k]);
    CHECK(fitted.parameters[k].factor >= fitted.parameters[k].low * (1 - 1e-4));
    CHECK(fitted.parameters[k].factor <= fitted.parameters[k].high * (1 + 1e-4));
  }
}
