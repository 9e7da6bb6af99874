// lockstep-validate runs
#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <iterator>
#include <ostream>
#include <string>
#include <utility>

#include "sim/report/display.hpp"
#include "validate/command.hpp"
#include "validate/runs.hpp"

namespace lockstep::validation {
namespace {

constexpr std::size_t help_width = 100;

const std::vector<Option>& options() {
  static const std::vector<Option> options{
      {"format",
       "FORMAT",
       "how the result is written (default: text)",
       {"text", "json", "csv", "markdown"},
       false},
      {"by",
       "GROUP",
       "only this grouping in the text (default: all three)",
       {"source", "model", "gpu"},
       false},
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
         wrap(fmt::format("Builds the scenario of every row of the CSV tables, predicts it and compares step time and "
                          "peak memory with what was measured. Rows that cannot be simulated are counted with the "
                          "reason; rows without a measurement are predicted all the same. Required columns: {}. "
                          "Others are optional; unknown ones are ignored.",
                          fmt::join(required_run_columns(), ", ")),
              help_width, "", "") +
         "\n\n" + option_lines(options()) +
         "\nExit codes: 0 ok, 1 internal error, 2 usage, 3 invalid input, 5 out of tolerance.\n\nexamples:\n"
         "  lockstep-validate runs validate/corpus/training_runs.csv\n"
         "  lockstep-validate runs validate/corpus/training_runs.csv --format csv\n";
}

// All errors of all files at once.
std::vector<RunRecord> load_all(const std::vector<std::string>& files) {
  std::vector<RunRecord> records;
  std::vector<Diagnostic> problems;
  for (const std::string& file : files) {
    try {
      std::vector<RunRecord> one = load_run_records(file);
      std::move(one.begin(), one.end(), std::back_inserter(records));
    } catch (const InputError& error) {
      problems.insert(problems.end(), error.diagnostics().begin(), error.diagnostics().end());
    }
  }
  if (!problems.empty()) throw InputError(std::move(problems));
  return records;
}

Outcome check_tolerance(const RunsReport& report, std::optional<double> tolerance, Outcome outcome) {
  if (!tolerance) return outcome;
  if (report.summary.empty()) {
    outcome.code = out_of_tolerance;
    outcome.remark += "lockstep-validate: out of tolerance: nothing was compared\n";
  }
  for (const ErrorSummary& one : report.summary) {
    if (one.group_by != "overall" || one.median_abs_error <= *tolerance) continue;
    outcome.code = out_of_tolerance;
    outcome.remark += fmt::format("lockstep-validate: out of tolerance: the median error of {} is {:.1f} %, above {:g} %\n",
                                  one.metric, 100.0 * one.median_abs_error, 100.0 * *tolerance);
  }
  return outcome;
}

// One line on a terminal that says how many rows are done, once that takes long; gone when it goes.
class Progress {
 public:
  Progress(std::ostream& err, std::size_t rows) : err_(err), rows_(rows) {}
  ~Progress() {
    if (shown_) err_ << "\r" << std::string(width, ' ') << "\r" << std::flush;
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void operator()(std::size_t done) {
    const Clock::time_point now = Clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::milliseconds(200);
    shown_ = true;
    err_ << "\r" << pad_right(cut(fmt::format("{} of {} rows, {} %", done, rows_, 100 * done / rows_), width), width)
         << std::flush;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t width = 60;
  std::ostream& err_;
  std::size_t rows_;
  bool shown_ = false;
  Clock::time_point next_ = Clock::now() + std::chrono::seconds(2);
};

RunsReport evaluate(const std::vector<RunRecord>& records, const Catalog& catalog,
                    const Aliases& aliases, const std::vector<std::string>& calibrations,
                    std::ostream* progress_to) {
  if (progress_to == nullptr) return validate_runs(records, catalog, aliases, {}, calibrations);
  Progress progress(*progress_to, records.size());
  return validate_runs(records, catalog, aliases, std::ref(progress), calibrations);
}

}  // namespace

Outcome run_runs(const std::vector<std::string>& words, const std::filesystem::path& program,
                 std::ostream* progress_to) {
  const Arguments arguments = parse_arguments(words, options());
  if (arguments.help) return {help(), ok, {}};
  if (arguments.files.empty()) throw UsageError("runs needs a file", "lockstep-validate runs FILE.csv");
  const std::string format = arguments.value("format", "text");
  if (format != "text" && !arguments.value("by").empty()) {
    throw UsageError("--by chooses a table of the text; " + format + " holds every grouping");
  }
  const std::optional<double> tolerance = tolerance_of(arguments);
  const std::vector<RunRecord> records = load_all(arguments.files);
  const std::filesystem::path folder = catalog_folder(arguments, program);
  const Catalog catalog(folder, settings_of(arguments, "software.nemo.data_exposed=0.2"));
  check_settings(catalog, {"gpus", "systems", "software"}, "a table of runs has no such value");
  const RunsReport report =
      evaluate(records, catalog, load_aliases(folder / "aliases" / "measured_runs.yaml"),
               calibration_files(arguments), progress_to);
  Outcome outcome;
  if (format == "json") outcome.output = runs_json(report);
  if (format == "csv") outcome.output = runs_csv(report);
  if (format == "markdown") outcome.output = runs_markdown(report);
  if (format == "text") outcome.output = runs_text(report, arguments.value("by"));
  return check_tolerance(report, tolerance, std::move(outcome));
}

}  // namespace lockstep::validation
