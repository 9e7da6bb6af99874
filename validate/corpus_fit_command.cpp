#include "validate/corpus_fit_command.hpp"

#include <fmt/format.h>

#include <memory>
#include <system_error>

#include "scenarios/evidence_file.hpp"
#include "scenarios/utf8.hpp"
#include "validate/corpus_fit.hpp"
#include "validate/kernel_calibrate.hpp"
#include "validate/progress.hpp"

namespace lockstep::validation {
namespace {

constexpr const char* heading =
    "# Written by `lockstep calibrate --corpus runs`; not to be edited. The parameters are those "
    "of "
    "parameters.yaml.\n";
constexpr const char* evidence_heading =
    "# Written by `lockstep calibrate --corpus runs`; not to be edited.\n";

// One line on a terminal for each thing that takes long.
class Progresses {
 public:
  explicit Progresses(std::ostream* to) : to_(to) {}
  void operator()(const std::string& what, std::size_t done, std::size_t of) {
    if (to_ == nullptr) return;
    if (what != what_) shown_ = std::make_unique<Progress>(*to_, what);
    what_ = what;
    shown_->show(done, of);
  }

 private:
  std::ostream* to_;
  std::string what_;
  std::unique_ptr<Progress> shown_;
};

}  // namespace

Outcome run_corpus_runs(const Arguments& arguments, const std::filesystem::path& catalog,
                        std::ostream* progress_to) {
  const std::string format = arguments.value("format", "text");
  if (format == "markdown") {
    throw UsageError("--corpus runs has no --format markdown", "text or json");
  }
  const std::filesystem::path folder = arguments.value("output");
  std::error_code error;
  if (!folder.empty() && !std::filesystem::is_directory(folder, error)) {
    throw UsageError(fmt::format("--output {} is no folder", printable(folder.string())),
                     "runs.yaml and evidence.yaml are written there, as in scenarios/calibrations");
  }
  std::vector<std::string> files = arguments.files;
  if (files.empty()) {
    files.push_back((catalog.parent_path() / "validate" / "corpus" / "training_runs.csv")
                        .lexically_normal()
                        .string());
  }
  const std::vector<RunRecord> records = load_run_records(files);
  const Catalog entries(catalog);
  const Aliases aliases = load_aliases(catalog / "aliases" / "measured_runs.yaml");
  Progresses progress(progress_to);
  const CorpusFit fit = fit_corpus(records, entries, aliases, std::ref(progress));
  Outcome outcome;
  outcome.output = format == "json" ? corpus_fit_json(fit) : corpus_fit_text(fit);
  if (folder.empty()) return outcome;
  write_result((folder / "runs.yaml").string(), fitted_parameters_text(fit.fit.fitted, heading),
               "the fit");
  write_result((folder / "evidence.yaml").string(), evidence_text(fit.evidence, evidence_heading),
               "the evidence");
  outcome.remark = fmt::format(
      "lockstep-validate: wrote runs.yaml with {} parameters and "
      "evidence.yaml with {} runs to {}\n",
      fit.fit.fitted.size(), fit.evidence.rows.size(), printable(folder.string()));
  return outcome;
}

}  // namespace lockstep::validation
