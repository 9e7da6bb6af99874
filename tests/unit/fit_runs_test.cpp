// Does the fit find what made the runs, listen to robust evidence alone, and leave out what it
// says?
#include "validate/fit_runs.hpp"

#include <cmath>

#include "sim/report/report.hpp"
#include "tests/catch.hpp"
#include "tests/support/measured_row.hpp"
#include "validate/corpus_fit.hpp"

using namespace lockstep;
using lockstep::testing::aliases;
using lockstep::testing::catalog;

namespace {

constexpr double made_with = 1.1;

// Runs of two models on A100, whose step times are what the tool predicts with the tensor cores'
// share at `made_with` times its prior and everything else at its prior.
std::vector<RunRecord> made_runs() {
  std::string table =
      "row_id,model,layers,hidden,heads,seq_len,gpu_key,num_gpus,micro_batch,global_batch,tp,pp,"
      "framework,step_time_s,mode\n";
  int id = 0;
  for (const char* model : {"small,24,2048,16", "large,32,4096,32"}) {
    for (const char* plan :
         {"1,64,1,1", "2,64,1,1", "4,64,1,1", "1,64,2,1", "2,64,2,1", "1,64,1,2"}) {
      const std::string text(plan);
      table += "lab-" + std::to_string(++id) + "," + model + ",2048,a100-sxm-80gb,8," +
               text.substr(0, text.find(',')) + ",64," + text.substr(text.find(',', 2) + 1) +
               ",megatron-lm,1,pretrain\n";
    }
  }
  std::vector<RunRecord> records = read_run_records(parse_csv(table, "lab.csv"));
  FittedParameters truth = catalog().evidence()->fitted;
  for (FittedParameter& parameter : truth.parameters) parameter.factor = 1.0;
  truth.parameters.at(truth.index("tensor_ampere")).factor = made_with;
  RunBuilder builder(catalog(), aliases());
  for (RunRecord& record : records) {
    RunScenario run = builder.build(record);
    REQUIRE(run.skipped.empty());
    set_fitted(run.cluster, run.plan, truth);
    record.step_time_s =
        step_time(run.cluster, run.plan, lower(run.model, run.training, run.plan)).total.value();
  }
  return records;
}

double tensor_ampere(const FittedParameters& fitted) {
  return fitted.parameters.at(fitted.index("tensor_ampere")).factor;
}

}  // namespace

// Twelve runs of weight 12^0.75 / 12 = 0.54, whose times move by nearly -0.7 for 1 of ln(factor),
// carry 12 * 0.54 * (4/3) / 0.035^2 * 0.7^2 = 3,450 against the prior's 1 / 0.1^2 = 100; other
// parameters that these runs cannot tell apart take some of it.
TEST_CASE("fit: it finds the factor that made the runs, and knows better than before",
          "[unit][fit]") {
  const RunFit fit = fit_runs(made_runs(), catalog(), aliases());
  CHECK(fit.rows.size() == 12);
  CHECK(tensor_ampere(fit.fitted) > 1.06);
  CHECK(tensor_ampere(fit.fitted) < 1.11);
  const FittedParameter& found = fit.fitted.parameters.at(fit.fitted.index("tensor_ampere"));
  CHECK(found.spread < 0.7 * found.prior_spread);
  for (const FittedRow& row : fit.rows) CHECK(std::abs(row.error) < 0.01);
  // No run has a Hopper GPU, so nothing was learnt of one.
  const std::size_t hopper = fit.fitted.index("tensor_hopper");
  CHECK(fit.fitted.parameters[hopper].factor == Approx(1.0).epsilon(1e-6));
  CHECK(fit.informed[hopper] == Approx(0.0).margin(1e-6));
  CHECK(fit.fitted.source == "fit to 12 published runs");
}

TEST_CASE("fit: the same records give the same fit", "[unit][fit]") {
  const std::vector<RunRecord> records = made_runs();
  CHECK(fit_runs(records, catalog(), aliases()).fitted.deviation ==
        fit_runs(records, catalog(), aliases()).fitted.deviation);
}

TEST_CASE("fit: one broken run moves it little", "[unit][fit]") {
  std::vector<RunRecord> records = made_runs();
  const double without = tensor_ampere(fit_runs(records, catalog(), aliases()).fitted);
  *records[3].step_time_s *= 3.0;
  const double with = tensor_ampere(fit_runs(records, catalog(), aliases()).fitted);
  CHECK(std::abs(std::log(with / without)) < 0.02);
}

TEST_CASE("fit: a model left out has no say", "[unit][fit]") {
  std::vector<RunRecord> records = made_runs();
  const auto all = refit_without_each(records, catalog(), aliases(), LeaveOut::model);
  REQUIRE(all.size() == 2);
  // Whatever the large model took, the fit without it stays.
  for (RunRecord& record : records) {
    if (record.model == "large") *record.step_time_s *= 1.2;
  }
  const auto moved = refit_without_each(records, catalog(), aliases(), LeaveOut::model);
  CHECK(tensor_ampere(moved.at("large")) == Approx(tensor_ampere(all.at("large"))).epsilon(2e-3));
  CHECK(tensor_ampere(moved.at("small")) < tensor_ampere(all.at("small")) - 0.02);
  const auto one = refit_without_each(records, catalog(), aliases(), LeaveOut::model, {},
                                      {"large", "no such model"});
  CHECK(one.size() == 1);
  CHECK(one.count("large") == 1);
}

TEST_CASE("fit: runs that say nothing are left out with the reason", "[unit][fit]") {
  RunBuilder builder(catalog(), aliases());
  std::vector<RunRecord> records = made_runs();
  const auto reason = [&](RunRecord record) {
    return left_out_of_fit(record, builder.build(record));
  };
  CHECK(reason(records[0]).empty());
  RunRecord untimed = records[0];
  untimed.step_time_s.reset();
  CHECK(reason(untimed) == "no step time");
  RunRecord limited = records[0];
  limited.text["gpu"] = "b200 (power limited)";
  CHECK(reason(limited) == "a power limit that is not stated");
}

TEST_CASE("fit: a table without a run to learn from is an error", "[unit][fit]") {
  std::vector<RunRecord> records = made_runs();
  for (RunRecord& record : records) record.step_time_s.reset();
  try {
    (void)fit_runs(records, catalog(), aliases());
    FAIL("no error");
  } catch (const InputError& error) {
    REQUIRE(error.diagnostics().size() == 1);
    CHECK(error.diagnostics()[0].code == "E620");
    CHECK(error.diagnostics()[0].message == "no run can take part in the fit");
  }
}

TEST_CASE("fit: the evidence holds the errors of models and sources that took no part",
          "[unit][fit]") {
  std::vector<RunRecord> records = made_runs();
  // The large model is 10 % slower than what explains the small one.
  for (RunRecord& record : records) {
    if (record.model == "large") *record.step_time_s *= 1.1;
  }
  std::vector<std::string> stages;
  const CorpusFit fit = fit_corpus(records, catalog(), aliases(),
                                   [&](const std::string& what, std::size_t, std::size_t) {
                                     if (stages.empty() || stages.back() != what)
                                       stages.push_back(what);
                                   });
  CHECK(stages ==
        std::vector<std::string>{"iterations of the fit", "models left out", "sources left out"});
  REQUIRE(fit.evidence.rows.size() == 12);
  for (const EvidenceRow& row : fit.evidence.rows) {
    INFO(row.row_id);
    CHECK(row.step_time_s > 0);
    // Each model is predicted by the other, so the whole difference shows: ln 1.1 = 0.095.
    if (row.model == "large") CHECK(row.step_error > 0.05);
    if (row.model == "small") CHECK(row.step_error < -0.03);
    // There is one source: without it all constants are at their priors, and slower cores than
    // those that made the runs predict longer steps than the small model's.
    if (row.model == "small") CHECK(row.step_error_new_source < 0);
  }
  CHECK(fit.in_sample.back().median_abs_error < fit.left_out.back().median_abs_error);
  CHECK(corpus_fit_text(fit).find("fit to 12 published runs") == 0);
}

TEST_CASE("fit: a run that took no part is no evidence of the step time", "[unit][fit]") {
  std::vector<RunRecord> records = made_runs();
  records[0].text["gpu"] = "a100 (power limited)";
  const CorpusFit fit = fit_corpus(records, catalog(), aliases());
  CHECK(fit.fit.rows.size() == 11);
  CHECK(fit.evidence.rows.size() == 11);
}
