#include "validate/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "validate/nccl_log_line.hpp"

namespace lockstep::validation {
namespace {

constexpr std::size_t help_width = 100;
constexpr std::int64_t most_nodes = 1'000'000;

constexpr std::array<Command, 9> table{
    {{"runs", "FILE...",
      "predictions against the measured runs of CSV tables, with error summaries",
      "runs validate/corpus/training_runs.csv --by gpu --tolerance 20%", &run_runs},
     {"collectives", "LOG...", "predictions against what nccl-tests printed, size by size",
      "collectives validate/corpus/nccl_logs/dgxc_dgxh100x8_all_reduce.txt", &run_collectives},
     {"accuracy", "FOLDER", "the page of the tool's accuracy, from a folder of measured runs",
      "accuracy validate/corpus", &run_accuracy},
     {"nccl", "[options]", "measures NCCL's collectives on the GPUs of this node, or of a job's nodes",
      "nccl -c all_reduce --largest 256M -o nccl.json", &run_nccl},
     {"mpi", "[options]", "the same with MPI on the CPUs, on any machine",
      "mpi -c all_reduce --largest 1M", &run_mpi},
     {"kernels", "[SCENARIO]", "measures matrix products, memory-bound kernels, copies and launches of a GPU",
      "kernels scenarios/llama3-70b-64xh100.yaml -o kernels.json", &run_kernels},
     {"step", "SCENARIO", "runs a short step of a plan's kernels and collectives beside its prediction",
      "step scenarios/llama3-70b-64xh100.yaml --plan fsdp-recompute", &run_step},
     {"discover", "", "this node as a system of the catalog",
      "discover", &run_discover},
     {"calibrate", "FILE...", "fits what nccl-tests printed, for --calibration",
      "calibrate validate/corpus/nccl_logs/dgxc_dgxh100x8_all_reduce.txt", &run_calibrate}}};

bool is_catalog(const std::filesystem::path& folder) {
  std::error_code error;
  return std::filesystem::is_directory(folder / "gpus", error);
}

}  // namespace

std::span<const Command> commands() { return table; }

std::string option_lines(const std::vector<Option>& options) {
  std::size_t column = 0;
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Option& option : options) {
    const std::string values =
        option.choices.empty() ? option.value_name : fmt::format("{}", fmt::join(option.choices, "|"));
    const std::string letter =
        option.letter == 0 ? std::string{} : fmt::format("-{}, ", option.letter);
    rows.emplace_back(
        fmt::format("{}--{}{}{}", letter, option.name, values.empty() ? "" : " ", values),
        option.doc);
    column = std::max(column, display_width(rows.back().first));
  }
  std::string out;
  for (const auto& [name, doc] : rows) {
    out += wrap(doc, help_width, "  " + pad_right(name, column + 2), std::string(column + 4, ' ')) + '\n';
  }
  return out;
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

std::vector<std::string> calibration_files(const Arguments& arguments) {
  const auto found = arguments.values.find("calibration");
  return found == arguments.values.end() ? std::vector<std::string>{} : found->second;
}

std::optional<std::int64_t> nodes_of(const Arguments& arguments) {
  const std::string text = arguments.value("nodes");
  if (text.empty()) return std::nullopt;
  const std::optional<std::int64_t> nodes = whole_number(text);
  if (nodes && *nodes >= 1 && *nodes <= most_nodes) return nodes;
  throw UsageError(fmt::format("--nodes is '{}'", printable(text)), "a whole number from 1 on");
}

std::vector<Setting> settings_of(const Arguments& arguments, const std::string& example) {
  std::vector<Setting> settings;
  const auto found = arguments.values.find("set");
  if (found == arguments.values.end()) return settings;
  for (const std::string& text : found->second) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError(fmt::format("--set {} is not of the form path=value", printable(text)),
                       "for example --set " + example);
    }
    settings.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  return settings;
}

void check_settings(const Catalog& catalog, const std::vector<std::string>& folders, const std::string& otherwise) {
  for (const Setting& setting : catalog.settings()) {
    const std::size_t dot = setting.path.find('.');
    const std::string kind = setting.path.substr(0, dot);
    const std::size_t second = dot == std::string::npos ? dot : setting.path.find('.', dot + 1);
    const std::string name = second == std::string::npos ? std::string{} : setting.path.substr(dot + 1, second - dot - 1);
    if (name.empty() || std::find(folders.begin(), folders.end(), kind) == folders.end()) {
      throw UsageError(fmt::format("--set {}: {}", printable(setting.path), otherwise),
                       fmt::format("{}.NAME.KEY; the rest is in the files", fmt::join(folders, ".NAME.KEY or ")));
    }
    if (kind == "gpus") static_cast<void>(catalog.gpu(name));
    if (kind == "systems") static_cast<void>(catalog.system(name));
    if (kind == "software") static_cast<void>(catalog.software(name));
  }
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

}  // namespace lockstep::validation
