// lockstep-validate runs
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "validate/command.hpp"
#include "validate/progress.hpp"
#include "validate/runs.hpp"

namespace lockstep::validation {
namespace {

constexpr std::size_t help_width = 100;

const std::vector<Option>& options() {
  static const std::vector<Option> options{
      {"format",
       "FORMAT",
       "how the result is written (default: text)",
       {"text", "json", "csv", "markdown", "predictions"},
       false},
      {"by",
       "GROUP",
       "only this grouping in the text (default: all)",
       {"source", "model", "gpu", "parallelism", "software"},
       false},
      {"leave-one-model-out",
       "",
       "predict each row with constants fitted without any run of its model; minutes for a large "
       "table",
       {},
       false},
      {"leave-one-source-out", "", "the same, without any run of its source", {}, false},
      {"only",
       "NAME",
       "leave out only this model or source, and show only its rows (repeatable)",
       {},
       true},
      {"tolerance",
       "X",
       "exit code 5 where the overall median error of step time or peak memory is above X (0.1 or "
       "10%), or where "
       "nothing was compared",
       {},
       false},
      {"set",
       "PATH=VALUE",
       "another value in the catalog: software.nemo.data_exposed=0.2 (repeatable)",
       {},
       true},
      {"search",
       "",
       "search for the best plan too, where at least five runs differ only in theirs",
       {},
       false},
      {"calibration",
       "FILE",
       "measured collectives, as `lockstep calibrate` writes them (repeatable)",
       {},
       true},
      {"catalog", "DIR", "the folder with gpus/, systems/, software/ and aliases/", {}, false},
  };
  return options;
}

std::string help() {
  return "usage: lockstep-validate runs FILE... [options]\n\n" +
         wrap(fmt::format("Builds the scenario of every row of the CSV tables, predicts it and "
                          "compares step time and "
                          "peak memory with what was measured. Rows that cannot be simulated are "
                          "counted with the "
                          "reason; rows without a measurement are predicted all the same. Required "
                          "columns: {}. "
                          "Others are optional; unknown ones are ignored.",
                          fmt::join(required_run_columns(), ", ")),
              help_width, "", "") +
         "\n\n" + option_lines(options()) +
         "\nExit codes: 0 ok, 1 internal error, 2 usage, 3 invalid input, 5 out of "
         "tolerance.\n\nexamples:\n"
         "  lockstep-validate runs validate/corpus/training_runs.csv\n"
         "  lockstep-validate runs validate/corpus/training_runs.csv --leave-one-model-out --only "
         "gpt-22B\n";
}

Outcome check_tolerance(const RunsReport& report, std::optional<double> tolerance,
                        Outcome outcome) {
  if (!tolerance) return outcome;
  if (report.summary.empty()) {
    outcome.code = out_of_tolerance;
    outcome.remark += "lockstep-validate: out of tolerance: nothing was compared\n";
  }
  for (const ErrorSummary& one : report.summary) {
    if (one.group_by != "overall" || one.median_abs_error <= *tolerance) continue;
    outcome.code = out_of_tolerance;
    outcome.remark += fmt::format(
        "lockstep-validate: out of tolerance: the median error of {} is {:.1f} %, above {:g} %\n",
        one.metric, 100.0 * one.median_abs_error, 100.0 * *tolerance);
  }
  return outcome;
}

std::optional<LeaveOut> left_out_of(const Arguments& arguments) {
  const bool model = arguments.values.count("leave-one-model-out") > 0;
  const bool source = arguments.values.count("leave-one-source-out") > 0;
  if (model && source) {
    throw UsageError("--leave-one-model-out and --leave-one-source-out exclude each other",
                     "run it once with each");
  }
  if (model) return LeaveOut::model;
  if (source) return LeaveOut::source;
  if (arguments.values.count("only") > 0) {
    throw UsageError("--only names groups to leave out",
                     "use it with --leave-one-model-out or --leave-one-source-out");
  }
  return std::nullopt;
}

// The groups that --only names. Throws UsageError for one that no row belongs to.
std::vector<std::string> groups_of(const Arguments& arguments, LeaveOut by,
                                   const std::vector<RunRecord>& records) {
  const auto named = arguments.values.find("only");
  if (named == arguments.values.end()) return {};
  std::vector<std::string> present;
  for (const RunRecord& record : records) {
    const std::string& group = group_of(record, by);
    if (std::find(present.begin(), present.end(), group) == present.end()) present.push_back(group);
  }
  for (const std::string& one : named->second) {
    if (std::find(present.begin(), present.end(), one) != present.end()) continue;
    const std::string near = nearest_name(one, present);
    throw UsageError(
        fmt::format("--only {}: no row has this {}", printable(one),
                    by == LeaveOut::model ? "model" : "source"),
        near.empty() ? std::string{} : fmt::format("did you mean {}?", printable(near)));
  }
  return named->second;
}

struct Evaluation {
  const std::vector<RunRecord>& records;
  const Catalog& catalog;
  const Aliases& aliases;
  std::ostream* progress_to;
};

LeftOutFits refit(const Evaluation& of, LeaveOut by, const std::vector<std::string>& only) {
  LeftOutFits out;
  out.by = by;
  FitProgress heard;
  std::optional<Progress> progress;
  if (of.progress_to != nullptr) {
    progress.emplace(*of.progress_to,
                     by == LeaveOut::model ? "models left out" : "sources left out");
    heard = [&](std::size_t done, std::size_t all) { progress->show(done, all); };
  }
  out.fits = refit_without_each(of.records, of.catalog, of.aliases, by, heard, only);
  return out;
}

RunsReport predict_all(const Evaluation& of, const std::vector<RunRecord>& records,
                       const Arguments& arguments, const LeftOutFits* left_out) {
  RunsOptions how;
  how.calibrations = calibration_files(arguments);
  how.left_out = left_out;
  how.search = arguments.values.count("search") > 0;
  std::optional<Progress> progress;
  if (of.progress_to != nullptr) {
    progress.emplace(*of.progress_to, "rows");
    how.done = [&](std::size_t done) { progress->show(done, records.size()); };
  }
  return validate_runs(records, of.catalog, of.aliases, how);
}

RunsReport evaluate(const Evaluation& of, const Arguments& arguments) {
  const std::optional<LeaveOut> by = left_out_of(arguments);
  if (!by) return predict_all(of, of.records, arguments, nullptr);
  const std::vector<std::string> only = groups_of(arguments, *by, of.records);
  const LeftOutFits fits = refit(of, *by, only);
  std::vector<RunRecord> shown;
  for (const RunRecord& record : of.records) {
    const bool wanted =
        only.empty() || std::find(only.begin(), only.end(), group_of(record, *by)) != only.end();
    if (wanted) shown.push_back(record);
  }
  return predict_all(of, shown, arguments, &fits);
}

std::string rendered(const RunsReport& report, const std::string& format, const std::string& by) {
  if (format == "json") return runs_json(report);
  if (format == "csv") return runs_csv(report);
  if (format == "markdown") return runs_markdown(report);
  if (format == "predictions") return runs_predictions(report);
  return runs_text(report, by);
}

}  // namespace

Outcome run_runs(const std::vector<std::string>& words, const std::filesystem::path& program,
                 std::ostream* progress_to) {
  const Arguments arguments = parse_arguments(words, options());
  if (arguments.help) return {help(), ok, {}};
  if (arguments.files.empty())
    throw UsageError("runs needs a file", "lockstep-validate runs FILE.csv");
  const std::string format = arguments.value("format", "text");
  if (arguments.values.count("search") > 0 && (format == "csv" || format == "predictions")) {
    throw UsageError("--search adds tables; " + format + " holds only rows",
                     "use it with --format text, json or markdown");
  }
  if (format != "text" && !arguments.value("by").empty()) {
    throw UsageError("--by chooses a table of the text; " + format + " holds every grouping");
  }
  const std::optional<double> tolerance = tolerance_of(arguments);
  static_cast<void>(left_out_of(arguments));  // before anything is read
  const std::vector<RunRecord> records = load_run_records(arguments.files);
  const std::filesystem::path folder = catalog_folder(arguments, program);
  const Catalog catalog(folder, settings_of(arguments, "software.nemo.data_exposed=0.2"));
  check_settings(catalog, {"gpus", "systems", "software"}, "a table of runs has no such value");
  const Aliases aliases = load_aliases(folder / "aliases" / "measured_runs.yaml");
  const RunsReport report = evaluate({records, catalog, aliases, progress_to}, arguments);
  Outcome outcome;
  outcome.output = rendered(report, format, arguments.value("by"));
  return check_tolerance(report, tolerance, std::move(outcome));
}

}  // namespace lockstep::validation
