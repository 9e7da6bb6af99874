#include "validate/command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <ostream>
#include <system_error>

#include "lockstep_build_info.hpp"
#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "validate/arguments.hpp"
#include "validate/runs.hpp"

namespace lockstep::validation {
namespace {

enum ExitCode : int { ok = 0, internal_error = 1, usage = 2, invalid_input = 3, out_of_tolerance = 5, broken_pipe = 141 };

constexpr std::size_t help_width = 100;

struct Outcome {
  std::string output;
  int code = ok;
  std::string remark;   // for stderr
};

const std::vector<Option>& runs_options() {
  static const std::vector<Option> options{
      {"format", "FORMAT", "how the result is written (default: text)", {"text", "json", "csv", "markdown"}, false},
      {"by", "GROUP", "only this grouping in the text (default: all three)", {"source", "model", "gpu"}, false},
      {"tolerance",
       "X",
       "exit code 5 where the overall median error of step time or peak memory is above X (0.1 or 10%), or where "
       "nothing was compared",
       {},
       false},
      {"set", "PATH=VALUE", "another value in the catalog: software.nemo.data_exposed=0.2 (repeatable)", {}, true},
      {"catalog", "DIR", "the folder with gpus/, systems/, software/ and aliases/", {}, false},
  };
  return options;
}

std::string overview() {
  return "usage: lockstep-validate <command> [arguments]\n\n"
         "  runs FILE...  predictions against the measured runs of CSV tables, with error summaries\n\n"
         "  --help, -h    this text; lockstep-validate runs --help (or: help runs) says more\n"
         "  --version     the version\n\n"
         "`lockstep validate runs FILE` is the same command.\n\n"
         "  lockstep-validate runs validate/corpus/training_runs.csv\n"
         "  lockstep-validate runs validate/corpus/training_runs.csv --by gpu --tolerance 20%\n";
}

std::string runs_help() {
  std::string out =
      "usage: lockstep-validate runs FILE... [options]\n\n" +
      wrap(fmt::format("Builds the scenario of every row of the CSV tables, predicts it and compares step time and "
                       "peak memory with what was measured. Rows that cannot be simulated are counted with the "
                       "reason; rows without a measurement are predicted all the same. Required columns: {}. Others "
                       "are optional; unknown ones are ignored.",
                       fmt::join(required_run_columns(), ", ")),
           help_width, "", "") +
      "\n\n";
  std::size_t column = 0;
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Option& option : runs_options()) {
    const std::string values =
        option.choices.empty() ? option.value_name : fmt::format("{}", fmt::join(option.choices, "|"));
    rows.emplace_back(fmt::format("--{} {}", option.name, values), option.doc);
    column = std::max(column, display_width(rows.back().first));
  }
  for (const auto& [name, doc] : rows) {
    out += wrap(doc, help_width, "  " + pad_right(name, column + 2), std::string(column + 4, ' ')) + '\n';
  }
  return out +
         "\nExit codes: 0 ok, 1 internal error, 2 usage, 3 invalid input, 5 out of tolerance.\n\nexamples:\n"
         "  lockstep-validate runs validate/corpus/training_runs.csv\n"
         "  lockstep-validate runs validate/corpus/training_runs.csv --format csv\n";
}

std::optional<double> tolerance_of(const Arguments& arguments) {
  const std::string text = arguments.value("tolerance");
  if (text.empty()) return std::nullopt;
  const bool percent = text.back() == '%';
  double value = 0;
  const char* end = text.data() + text.size() - (percent ? 1 : 0);
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || !(value >= 0.0) || value > 1e6) {
    throw UsageError(fmt::format("--tolerance is '{}'", printable(text)), "a share such as 0.1 or 10%");
  }
  return percent ? value / 100.0 : value;
}

// The settings, which must name entries of the catalog that rows can use.
std::vector<Setting> settings_of(const Arguments& arguments) {
  std::vector<Setting> settings;
  const auto found = arguments.values.find("set");
  if (found == arguments.values.end()) return settings;
  for (const std::string& text : found->second) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError(fmt::format("--set {} is not of the form path=value", printable(text)),
                       "for example --set software.nemo.data_exposed=0.2");
    }
    settings.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  return settings;
}

// A setting of an entry that no row uses would never be read: each is read once here.
void check_settings(const Catalog& catalog) {
  for (const Setting& setting : catalog.settings()) {
    const std::size_t dot = setting.path.find('.');
    const std::string kind = setting.path.substr(0, dot);
    const std::size_t second = dot == std::string::npos ? dot : setting.path.find('.', dot + 1);
    const std::string name = second == std::string::npos ? std::string{} : setting.path.substr(dot + 1, second - dot - 1);
    if (name.empty() || (kind != "gpus" && kind != "systems" && kind != "software")) {
      throw UsageError(fmt::format("--set {}: a table of runs has no such value", printable(setting.path)),
                       "gpus.NAME.KEY, systems.NAME.KEY or software.NAME.KEY; the rest is in the rows");
    }
    if (kind == "gpus") static_cast<void>(catalog.gpu(name));
    if (kind == "systems") static_cast<void>(catalog.system(name));
    if (kind == "software") static_cast<void>(catalog.software(name));
  }
}

bool is_catalog(const std::filesystem::path& folder) {
  std::error_code error;
  return std::filesystem::is_directory(folder / "gpus", error);
}

std::filesystem::path catalog_folder(const Arguments& arguments, const std::filesystem::path& program) {
  const std::string named = arguments.value("catalog");
  std::filesystem::path folder = named;
  if (named.empty()) {
    folder = LOCKSTEP_SOURCE_CATALOG;
    const std::filesystem::path installed = (program.parent_path() / LOCKSTEP_INSTALLED_CATALOG).lexically_normal();
    if (!program.empty() && is_catalog(installed)) folder = installed;
  }
  if (is_catalog(folder)) return folder;
  Diagnostic diagnostic;
  diagnostic.code = "E301";
  diagnostic.file = folder.string();
  diagnostic.message = "this folder is no catalog: it has no folder gpus/ in it";
  diagnostic.hint = "--catalog names a folder with gpus/, systems/, software/ and aliases/, such as scenarios";
  throw InputError({std::move(diagnostic)});
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

RunsReport evaluate(const std::vector<RunRecord>& records, const Catalog& catalog, const Aliases& aliases,
                    std::ostream* progress_to) {
  if (progress_to == nullptr) return validate_runs(records, catalog, aliases);
  Progress progress(*progress_to, records.size());
  return validate_runs(records, catalog, aliases, std::ref(progress));
}

Outcome run_runs(const std::vector<std::string>& words, const std::filesystem::path& program,
                 std::ostream* progress_to) {
  const Arguments arguments = parse_arguments(words, runs_options());
  if (arguments.help) return {runs_help(), ok, {}};
  if (arguments.files.empty()) throw UsageError("runs needs a file", "lockstep-validate runs FILE.csv");
  const std::string format = arguments.value("format", "text");
  if (format != "text" && !arguments.value("by").empty()) {
    throw UsageError("--by chooses a table of the text; " + format + " holds every grouping");
  }
  const std::optional<double> tolerance = tolerance_of(arguments);
  const std::vector<RunRecord> records = load_all(arguments.files);
  const std::filesystem::path folder = catalog_folder(arguments, program);
  const Catalog catalog(folder, settings_of(arguments));
  check_settings(catalog);
  const RunsReport report =
      evaluate(records, catalog, load_aliases(folder / "aliases" / "measured_runs.yaml"), progress_to);
  Outcome outcome;
  if (format == "json") outcome.output = runs_json(report);
  if (format == "csv") outcome.output = runs_csv(report);
  if (format == "markdown") outcome.output = runs_markdown(report);
  if (format == "text") outcome.output = runs_text(report, arguments.value("by"));
  return check_tolerance(report, tolerance, std::move(outcome));
}

Outcome dispatch(const std::vector<std::string>& arguments, const std::filesystem::path& program,
                 std::ostream* progress_to) {
  if (arguments.empty()) return {{}, usage, overview()};
  const std::string& first = arguments.front();
  if (first == "help" && arguments.size() == 1) return {overview(), ok, {}};
  if (first == "help" && arguments.size() == 2 && arguments[1] == "runs") return {runs_help(), ok, {}};
  if (first == "--help" || first == "-h") return {overview(), ok, {}};
  if (first == "--version") return {fmt::format("lockstep-validate {}\n", build_info::version), ok, {}};
  if (first == "runs") return run_runs({arguments.begin() + 1, arguments.end()}, program, progress_to);
  throw UsageError(fmt::format("unknown command '{}'", printable(first)), "the commands of lockstep-validate: runs");
}

}  // namespace

int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err,
        const std::filesystem::path& program, bool show_progress) {
  try {
    const Outcome outcome = dispatch(arguments, program, show_progress ? &err : nullptr);
    err << outcome.remark;
    errno = 0;
    out.write(outcome.output.data(), static_cast<std::streamsize>(outcome.output.size()));
    out.flush();
    if (out.good()) return outcome.code;
    if (errno == EPIPE) return broken_pipe;
    err << "lockstep-validate: the result could not be written to standard output (closed, or the disk is full)\n";
  } catch (const UsageError& error) {
    err << "lockstep-validate: " << error.what() << '\n';
    if (!error.hint().empty()) err << "  = hint: " << error.hint() << '\n';
    err << "  = help: lockstep-validate --help\n";
    return usage;
  } catch (const InputError& error) {
    err << error.what();
    return invalid_input;
  } catch (const std::exception& error) {
    err << "lockstep-validate: internal error: " << error.what() << '\n';
  }
  return internal_error;
}

}  // namespace lockstep::validation
