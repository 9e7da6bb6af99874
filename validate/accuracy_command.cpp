// lockstep-validate accuracy
#include <fmt/format.h>

#include <set>

#include <array>
#include <ostream>
#include <utility>

#include "sim/report/display.hpp"
#include "validate/accuracy.hpp"
#include "validate/command.hpp"
#include "validate/left_out_table.hpp"
#include "validate/progress.hpp"

namespace lockstep::validation {
namespace {

constexpr std::size_t help_width = 100;
constexpr std::array run_files{"training_runs.csv", "korthikanti_table5.csv", "oom_runs.csv"};
constexpr const char* models_left_out = "left_out_models.csv";
constexpr const char* sources_left_out = "left_out_sources.csv";

const std::vector<Option>& options() {
  static const std::vector<Option> options{
      {"catalog", "DIR", "the folder with gpus/, systems/, software/ and aliases/", {}, false}};
  return options;
}

std::string help() {
  return "usage: lockstep-validate accuracy FOLDER [options]\n\n" +
         wrap(fmt::format(
                  "Prints the generated part of validate/ACCURACY.md: the runs of {} in the folder "
                  "against "
                  "predictions, with what other tools reach (peers.csv, peer_steps.csv). "
                  "Predictions with a model or a source "
                  "left out of the fit come from {} and {}, where the folder has them; "
                  "`lockstep-validate runs "
                  "FILE... --leave-one-model-out --format predictions` writes them in minutes.",
                  fmt::join(run_files, ", "), models_left_out, sources_left_out),
              help_width, "", "") +
         "\n\n" + option_lines(options()) +
         "\nExit codes: 0 ok, 1 internal error, 2 usage, 3 invalid input.\n\nexamples:\n"
         "  lockstep-validate accuracy validate/corpus\n"
         "  lockstep-validate accuracy validate/corpus --catalog scenarios\n";
}

std::vector<RunRecord> load_runs(const std::filesystem::path& folder) {
  std::vector<RunRecord> records;
  std::vector<Diagnostic> problems;
  for (const char* file : run_files) {
    try {
      for (RunRecord& record : load_run_records((folder / file).string()))
        records.push_back(std::move(record));
    } catch (const InputError& error) {
      problems.insert(problems.end(), error.diagnostics().begin(), error.diagnostics().end());
    }
  }
  if (!problems.empty()) throw InputError(std::move(problems));
  return records;
}

std::optional<RunsReport> left_out(const RunsReport& report, LeaveOut by,
                                   const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  return with_predictions(report, by, load_kept_predictions(file.string()));
}

// The parameters, and every other constant of the catalog that somebody fitted, each once.
std::size_t fitted_constants(const Catalog& catalog) {
  std::set<std::string> others;
  const auto note = [&](const std::string& path, const ConstantBase& constant) {
    if (constant.kind != Provenance::fitted || !constant.fit.empty()) return;
    others.insert(fmt::format("{} {} {}", path, constant.value, constant.source));
  };
  for (const std::string& name : catalog.names("gpus")) {
    Cluster cluster;
    Plan plan;
    cluster.system.gpu = catalog.gpu(name);
    for_each_constant(cluster, plan, note);
  }
  for (const std::string& name : catalog.names("systems")) {
    Cluster cluster;
    Plan plan;
    cluster.system = catalog.system(name);
    for_each_constant(cluster, plan, note);
  }
  for (const std::string& name : catalog.names("software")) {
    Cluster cluster;
    Plan plan;
    plan.software = catalog.software(name);
    for_each_constant(cluster, plan, note);
  }
  return catalog.evidence()->fitted.size() + others.size();
}

}  // namespace

Outcome run_accuracy(const std::vector<std::string>& words, const std::filesystem::path& program,
                     std::ostream* progress_to) {
  const Arguments arguments = parse_arguments(words, options());
  if (arguments.help) return {help(), ok, {}};
  if (arguments.files.size() != 1) {
    throw UsageError("accuracy needs one folder", "lockstep-validate accuracy validate/corpus");
  }
  const std::filesystem::path folder = arguments.files.front();
  const std::vector<RunRecord> records = load_runs(folder);
  const std::filesystem::path catalog_at = catalog_folder(arguments, program);
  const Catalog catalog(catalog_at);
  RunsOptions how;
  how.search = true;
  std::optional<Progress> progress;
  if (progress_to != nullptr) {
    progress.emplace(*progress_to, "rows");
    how.done = [&](std::size_t done) { progress->show(done, records.size()); };
  }
  AccuracyData data;
  data.in_sample = validate_runs(records, catalog,
                                 load_aliases(catalog_at / "aliases" / "measured_runs.yaml"), how);
  data.without_model = left_out(data.in_sample, LeaveOut::model, folder / models_left_out);
  data.without_source = left_out(data.in_sample, LeaveOut::source, folder / sources_left_out);
  if (std::filesystem::exists(folder / "peers.csv"))
    data.peers = load_peers((folder / "peers.csv").string());
  if (std::filesystem::exists(folder / "peer_steps.csv")) {
    data.peer_steps = load_peer_steps((folder / "peer_steps.csv").string());
  }
  data.fitted_constants = fitted_constants(catalog);
  return {accuracy_markdown(data), ok, {}};
}

}  // namespace lockstep::validation
