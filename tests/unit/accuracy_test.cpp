// The page of the tool's accuracy: peers, targets, kept predictions.
#include "tests/catch.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/run_rows.hpp"
#include "validate/accuracy.hpp"
#include "validate/left_out_table.hpp"

using namespace lockstep;
using lockstep::testing::run_row;

namespace {

class TemporaryFile {
 public:
  TemporaryFile(const std::string& name, const std::string& content)
      : path_(std::filesystem::temp_directory_path() / name) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

RunsReport report_of(std::vector<RunResult> rows) {
  RunsReport report;
  for (std::size_t i = 0; i < rows.size(); ++i)
    rows[i].row_id = rows[i].source + "-" + std::to_string(i);
  report.rows = std::move(rows);
  analyse(report);
  return report;
}

RunResult model_row(const std::string& model, double ideal, double measured) {
  RunResult row = run_row("a", measured, measured);
  row.model = model;
  row.facts.ideal_step_s = ideal;
  return row;
}

const Target& target_of(const std::vector<Target>& all, const std::string& begin) {
  for (const Target& one : all) {
    if (one.what.rfind(begin, 0) == 0) return one;
  }
  FAIL("no target begins with " << begin);
  return all.front();
}

const std::string kept_header =
    "row_id,left_out,predicted_step_time_s,predicted_step_time_s_low,predicted_step_time_s_high,"
    "predicted_peak_memory_bytes,predicted_peak_memory_bytes_low,predicted_peak_memory_bytes_high,"
    "predicted_to_fit\n";

}  // namespace

TEST_CASE("Peers: one MFU for all, fitted and with the row's model left out", "[unit]") {
  // Utilisations 0.5, 0.4 (model x) and 0.2 (model y); the median is 0.4: predicted 1/0.4 = 2.5 s
  // against 2 s, 2.5 s against 2.5 s, and 2.5 s against 5 s: errors 25 %, 0, 50 %.
  const std::vector<RunResult> rows{model_row("x", 1, 2), model_row("x", 1, 2.5),
                                    model_row("y", 1, 5)};
  const std::vector<double> fitted = constant_mfu_errors(rows, "a", false);
  REQUIRE(fitted.size() == 3);
  CHECK(fitted[0] == Approx(0.25));
  CHECK(fitted[1] == Approx(0.0).margin(1e-12));
  CHECK(fitted[2] == Approx(0.5));
  // Without x only 0.2 is left: 5 s against 2 s and 2.5 s; without y the median of 0.5 and 0.4 is
  // 0.45: 2.22 s
  const std::vector<double> others = constant_mfu_errors(rows, "a", true);
  REQUIRE(others.size() == 3);
  CHECK(others[0] == Approx(1.5));
  CHECK(others[1] == Approx(1.0));
  CHECK(others[2] == Approx(1 - 1 / 0.45 / 5));
  CHECK(constant_mfu_errors({model_row("x", 1, 2)}, "a", true).empty());  // nothing to fit to
  CHECK(constant_mfu_errors(rows, "b", false).empty());
}

TEST_CASE("Peers: statistics of absolute errors of one source and metric", "[unit]") {
  const std::vector<RunResult> rows{run_row("a", 0.9, 1), run_row("a", 1.5, 1), run_row("b", 9, 1)};
  const std::vector<double> errors = absolute_errors(rows, "step_time", "a");
  CHECK(statistic_of(errors, "mean") == Approx(0.3));
  CHECK(statistic_of(errors, "median") == Approx(0.3));
  CHECK(statistic_of(errors, "max") == Approx(0.5));
  CHECK(absolute_errors(rows, "peak_memory", "a").empty());
  CHECK(absolute_errors(rows, "step_time", "").size() == 3);
  CHECK(statistic_of({}, "max") == 0.0);
}

TEST_CASE("Peers: the table of the corpus is read, and what is broken is said", "[unit]") {
  const std::vector<PeerResult> peers =
      load_peers(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/validate/corpus/peers.csv");
  REQUIRE_FALSE(peers.empty());
  CHECK(peers[0].tool == "calculon");
  CHECK(peers[0].error == Approx(0.0365));
  CHECK(peers[0].rows == 8);
  const TemporaryFile broken(
      "lockstep_peers_broken.csv",
      "runs,selection,metric,statistic,tool,error_percent,published_rows,reference\n"
      "r,a,speed,mean,t,x,1,f\n");
  try {
    static_cast<void>(load_peers(broken.path()));
    FAIL("a broken table was read");
  } catch (const InputError& error) {
    REQUIRE(error.diagnostics().size() == 2);
    CHECK(error.diagnostics()[0].message == "'speed' is none of step_time, peak_memory");
    CHECK(error.diagnostics()[1].message == "'x' is not a number");
  }
}

TEST_CASE(
    "Targets: the worst dense source is judged by whether other models share its surroundings",
    "[unit]") {
  std::vector<RunResult> rows;
  for (const char* model : {"x", "y", "z"}) {
    rows.push_back(run_row("shared", 1.1, 1));
    rows.back().model = model;
  }
  rows.push_back(run_row("alone", 1.3, 1));
  rows.back().software = "other";
  rows.push_back(run_row("apart", 9, 1));
  rows.push_back(run_row("experts", 5, 1));
  rows.back().facts.experts = true;
  rows.push_back(run_row("grade b", 5, 1));
  rows.back().facts.grade_a = false;
  const WorstSource informed = worst_dense_source(rows, {"apart"}, true);
  CHECK(informed.source == "shared");
  CHECK(informed.median_abs_error == Approx(0.1));
  const WorstSource other = worst_dense_source(rows, {"apart"}, false);
  CHECK(other.source == "alone");
  CHECK(other.median_abs_error == Approx(0.3));
}

TEST_CASE("Targets: kept, missed, and not measured", "[unit]") {
  AccuracyData data;
  data.in_sample =
      report_of({run_row("vtrain_multi", 1.05, 1), run_row("korthikanti_mtnlg", 1.05, 1)});
  data.fitted_constants = 81;
  const std::vector<Target> all = targets(data);
  const Target& multi = target_of(all, "vTrain, several nodes, mean");
  CHECK(multi.asked == "at most 9 %");
  CHECK(multi.reached == "5.0 %");
  CHECK(multi.kept);
  CHECK_FALSE(
      target_of(all, "Korthikanti et al., eight step times, mean").kept);  // 5 % against 3 %
  CHECK(target_of(all, "vTrain, one node").reached == "-");
  CHECK_FALSE(target_of(all, "vTrain, one node").kept);
  CHECK_FALSE(target_of(all, "fitted constants").kept);
  // Intervals of a fifth hold both rows; their half-width is 20 %.
  CHECK(target_of(all, "inside the 90 % interval").reached == "100.0 %");
  CHECK_FALSE(target_of(all, "inside the 90 % interval").kept);
  CHECK(target_of(all, "median half-width").reached == "20.0 %");
}

TEST_CASE("Targets: regret of the measured plans that are predicted to fit", "[unit]") {
  AccuracyData data;
  CHECK(target_of(targets(data), "regret of the fastest of the measured").reached == "-");
  SearchRegret plans;
  plans.source = "all";
  plans.space = SearchSpace::plans;
  plans.found = 15;
  plans.measured = 15;
  plans.median_regret = 0.01;
  plans.mean_regret = 0.031;
  SearchRegret features = plans;
  features.space = SearchSpace::features;
  features.median_regret = 0.5;
  data.in_sample.search_regret = {features, plans};
  const std::vector<Target> all = targets(data);
  const Target& median = target_of(all, "regret of the fastest of the measured");
  CHECK(median.reached == "1.0 %");
  CHECK(median.asked == "at most 1 %");
  CHECK(median.kept);
  CHECK_FALSE(target_of(all, "the same of the search, mean").kept);  // 3.1 % against 3 %
}

TEST_CASE("Targets: predictions with the model left out count where they are there", "[unit]") {
  AccuracyData data;
  data.in_sample = report_of({run_row("vtrain_multi", 1.01, 1)});
  data.without_model = report_of({run_row("vtrain_multi", 1.2, 1)});
  CHECK(target_of(targets(data), "vTrain, several nodes").reached == "20.0 %");
}

TEST_CASE("Kept predictions: what is written is read back, and takes the place of the report's own",
          "[unit]") {
  RunsReport report = report_of({run_row("a", 2, 1), run_row("a", 3, 1)});
  report.rows[0].left_out = "model, \"m\"";
  report.rows[1].predicted_to_fit = false;
  const TemporaryFile file("lockstep_kept.csv", runs_predictions(report));
  const KeptPredictions kept = load_kept_predictions(file.path());
  REQUIRE(kept.size() == 2);
  CHECK(kept.at("a-0").left_out == "model, \"m\"");
  CHECK(kept.at("a-0").step_time.value == 2.0);
  CHECK(kept.at("a-0").step_time.low == 1.6);
  CHECK_FALSE(kept.at("a-1").fits);

  const RunsReport shown =
      with_predictions(report_of({run_row("a", 1, 1), run_row("b", 1, 1)}), LeaveOut::source, kept);
  CHECK(shown.left_out == LeaveOut::source);
  CHECK(shown.rows[0].step_time.predicted.value == 2.0);
  CHECK(shown.rows[0].step_time.measured == 1.0);
  CHECK(shown.summary.front().median_abs_error == Approx(1.0));
  CHECK(shown.rows[1].status == "no prediction of it was kept");
}

TEST_CASE("Kept predictions: broken tables are refused", "[unit]") {
  const TemporaryFile twice("lockstep_kept_twice.csv",
                            kept_header + "a,m,1,1,1,1,1,1,true\na,m,1,1,1,1,1,1,true\n");
  const TemporaryFile text("lockstep_kept_text.csv", kept_header + "a,m,fast,1,1,1,1,1,true\n");
  const TemporaryFile columns("lockstep_kept_columns.csv", "row_id,left_out\na,m\n");
  const auto message = [](const TemporaryFile& file) {
    try {
      static_cast<void>(load_kept_predictions(file.path()));
    } catch (const InputError& error) {
      return error.diagnostics().front().message;
    }
    return std::string("read");
  };
  CHECK(message(twice) == "the row 'a' stands twice");
  CHECK(message(text) == "'predicted_step_time_s' is 'fast', not a number");
  CHECK(message(columns) == "the required column 'predicted_step_time_s' is missing");
  CHECK_THROWS_AS(load_kept_predictions("/nowhere/at/all.csv"), InputError);
}

TEST_CASE("Accuracy: the page begins with the targets and holds a table of every kind", "[unit]") {
  AccuracyData data;
  std::vector<RunResult> rows;
  for (int i = 0; i < 5; ++i)
    rows.push_back(run_row("a", 1 + i, 2 + i, "plan" + std::to_string(i)));
  rows.push_back(run_row("a", 1, 0));
  rows.back().ran_out_of_memory = true;
  rows.push_back(run_row("a", 1, 1));
  rows.back().status = "an adapter";
  data.in_sample = report_of(rows);
  data.without_model = data.in_sample;
  data.peers = {{"runs of a", "a", "step_time", "mean", "tool", 0.5, 9, "somewhere"}};
  const std::string page = accuracy_markdown(data);
  CHECK(page.rfind("7 published runs of the corpus: 6 predicted, 1 skipped. Where a table does not "
                   "say otherwise, each run "
                   "is predicted with constants that were fitted without any run of its model.\n\n"
                   "- **Step time** of a model that the fit has not seen: off by 25.0 % (median of "
                   "1 sources). The 90 % interval "
                   "is 20 % wide to either side and holds 20 % of the measurements.\n"
                   "- **The plan** predicted to be fastest is slower than the fastest by 0.0 % "
                   "(median of 1 groups of plans), by "
                   "0.0 % on average; 0.0 % where plans that are wrongly predicted not to fit are "
                   "left aside.\n\n## Targets\n",
                   0) == 0);
  std::size_t at = 0;
  for (const char* title : {"## Targets", "## Step time", "## Does it fit?", "## The best plan",
                            "## Other tools on the same runs", "## Order and envelope",
                            "## Farthest off", "## Skipped"}) {
    INFO(title);
    const std::size_t found = page.find(title, at);
    CHECK(found != std::string::npos);
    at = found;
  }
  // |1/2 - 1|, 1/3, 1/4, 1/5, 1/6: mean (30 + 20 + 15 + 12 + 10)/60/5 = 29 %
  CHECK(page.find(
            "| runs of a | time, mean | tool | 50.0 % | 9 | 29.0 % | 29.0 % | 5 | somewhere |") !=
        std::string::npos);
}

TEST_CASE("Peers: single steps of other tools are read, an empty number is not said", "[unit]") {
  const std::string folder = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/validate/corpus";
  const std::vector<PeerStep> steps = load_peer_steps(folder + "/peer_steps.csv");
  REQUIRE(steps.size() == 7);
  CHECK(steps[0].step_time_s == Approx(18.03));
  CHECK(steps[0].memory_gib == Approx(48.1));
  CHECK(steps[2].tool == "Megatron's own formula");
  CHECK(steps[2].step_time_s == 0.0);
  const TemporaryFile columns("lockstep_steps_columns.csv", "selection,model\na,m\n");
  try {
    static_cast<void>(load_peer_steps(columns.path()));
    FAIL("a table without its columns was read");
  } catch (const InputError& error) {
    CHECK(error.diagnostics().size() == 5);
    CHECK(error.diagnostics().front().message == "the required column 'recompute' is missing");
  }
}

TEST_CASE("Accuracy: single steps stand beside those of other tools", "[unit]") {
  AccuracyData data;
  RunResult row = run_row("a", 2, 1);  // interval 1.6 to 2.4
  row.facts.recompute = "full";
  row.facts.gpus = 64;
  row.peak_memory.predicted.value = 50 * 0x1p30;
  data.in_sample = report_of({row});
  data.peer_steps = {{"a", "m", "full", "tool", 1.5, 48.1, "r"},
                     {"a", "m", "none", "other", 9, 0, "r"}};
  const std::string wanted =
      "| m | 64 | full | 1 s | 2 s [1.6 … 2.4] (+100.0 %) | 2 s [1.6 … 2.4] (+100.0 %) | 50.0 GiB "
      "| tool 1.5 s, 48.1 GiB |";
  CHECK(accuracy_markdown(data).find(wanted) != std::string::npos);
}
