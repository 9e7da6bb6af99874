#include "validate/calibrate_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "scenarios/utf8.hpp"
#include "scenarios/yaml_reader.hpp"
#include "validate/sweep_tables.hpp"

namespace lockstep {
namespace {

// The words of the first line that is not empty.
std::set<std::string> header_of(const std::string& text) {
  std::size_t begin = text.find_first_not_of("\r\n \t");
  if (begin == std::string::npos) return {};
  const std::string line = text.substr(begin, text.find_first_of("\r\n", begin) - begin);
  std::set<std::string> words;
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t end = std::min(line.find(',', at), line.size());
    words.insert(line.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

// Which file stated a word first.
using Stated = std::map<std::string, std::string>;

class Merger {
 public:
  void add(const Measurement& measurement, const std::string& file) {
    const MachineFacts& facts = measurement.machine;
    state(drivers_, facts.driver, file);
    state(cudas_, facts.cuda, file);
    state(nccls_, facts.nccl, file);
    state(systems_, facts.system, file);
    newest(facts.date);
    hosts_.insert(facts.hosts.begin(), facts.hosts.end());
    std::map<std::string, std::int64_t> names;
    for (const MeasuredGpu& gpu : facts.gpus) {
      ++names[gpu.name];
      if (!gpu.host.empty()) hosts_.insert(gpu.host);
    }
    count(names, file);
  }

  void add(const MeasuredTable& table) {
    const bool version =
        !table.nccl_version.empty() && table.nccl_version[0] >= '0' && table.nccl_version[0] <= '9';
    if (version) state(nccls_, table.nccl_version, table.file);
    newest(table.date);
    if (!complete(table.table.devices)) return;
    std::map<std::string, std::int64_t> names;
    for (const NcclDevice& device : table.table.devices) {
      if (!device.name.empty()) ++names[device.name];
      if (!device.host.empty()) hosts_.insert(device.host);
    }
    count(names, table.file);
  }

  [[nodiscard]] MergedMachine merged() const {
    MergedMachine result;
    CalibratedMachine& machine = result.machine;
    machine.date = date_;
    machine.driver = said(drivers_, "driver versions", result);
    machine.cuda = said(cudas_, "CUDA versions", result);
    machine.nccl = said(nccls_, "NCCL versions", result);
    (void)said(systems_, "systems", result);
    machine.hosts.assign(hosts_.begin(), hosts_.end());
    for (const auto& [name, number] : gpus_)
      machine.gpus.push_back(fmt::format("{} x {}", number, name));
    (void)said(kinds_, "kinds of GPU", result);
    return result;
  }

 private:
  static void state(Stated& stated, const std::string& word, const std::string& file) {
    if (!word.empty()) stated.emplace(word, file);
  }
  // Dates that do not begin with a year say nothing to a comparison.
  void newest(const std::string& date) {
    if (!date.empty() && date[0] >= '0' && date[0] <= '9') date_ = std::max(date_, date);
  }
  // Files may be of one machine: the most that one of them names.
  void count(const std::map<std::string, std::int64_t>& names, const std::string& file) {
    for (const auto& [name, number] : names) {
      gpus_[name] = std::max(gpus_[name], number);
      state(kinds_, name, file);
    }
  }
  static std::string said(const Stated& stated, const char* what, MergedMachine& result) {
    std::string words;
    std::string with_files;
    for (const auto& [word, file] : stated) {
      words += (words.empty() ? "" : ", ") + word;
      with_files += (with_files.empty() ? "" : " and ") + fmt::format("{} ({})", word, file);
    }
    if (stated.size() > 1) {
      const std::string number = stated.size() == 2 ? "two" : std::to_string(stated.size());
      result.contradictions.push_back(fmt::format("{} {}: {}", number, what, with_files));
    }
    return words;
  }

  std::string date_;
  Stated drivers_, cudas_, nccls_, systems_, kinds_;
  std::set<std::string> hosts_;
  std::map<std::string, std::int64_t> gpus_;
};

class FilesReader {
 public:
  FilesReader(const Catalog& catalog, const Aliases& aliases, const ClusterChoice& choice)
      : catalog_(catalog), aliases_(aliases), choice_(choice) {}

  void read(const std::string& file) {
    std::vector<Diagnostic> unreadable;
    const std::optional<std::string> text = read_text_file(file, Origin::scenario, unreadable);
    const FileKind kind = text ? kind_of(*text) : FileKind::nccl_log;
    try {
      if (kind == FileKind::nccl_log) return log(file);
      if (kind == FileKind::measurement) return measurement(*text, file);
      KernelCorpus corpus;
      add_kernel_table(*text, file, corpus);
      add_kernel_corpus(corpus, file, catalog_, aliases_, samples_);
    } catch (const InputError& error) {
      problems_.insert(problems_.end(), error.diagnostics().begin(), error.diagnostics().end());
    }
  }

  FilesCalibration result() {
    FilesCalibration out;
    tables_.problems = std::move(problems_);
    out.collectives = calibrate_tables(std::move(tables_));
    out.constants = fit_constants(samples_, catalog_);
    out.merged = merger_.merged();
    return out;
  }

 private:
  void log(const std::string& file) {
    MeasuredTables read = read_tables({file}, catalog_, aliases_, choice_);
    for (MeasuredTable& table : read.tables) {
      merger_.add(table);
      tables_.tables.push_back(std::move(table));
    }
    problems_.insert(problems_.end(), read.problems.begin(), read.problems.end());
  }

  void measurement(const std::string& text, const std::string& file) {
    const Measurement measured = parse_measurement(text, file);
    if (!measured.functional_only.empty()) {
      samples_.refusals.push_back(
          {file, "all of it", "a functional test: " + measured.functional_only, true});
      return;
    }
    merger_.add(measured, file);
    SweepTables sweeps = sweep_tables(measured, file, catalog_, aliases_, choice_);
    for (MeasuredTable& table : sweeps.tables) tables_.tables.push_back(std::move(table));
    const std::string system = choice_.cluster ? choice_.cluster->system.name : std::string{};
    add_measured_kernels(measured, file, system, catalog_, aliases_, samples_);
  }

  const Catalog& catalog_;
  const Aliases& aliases_;
  const ClusterChoice& choice_;
  MeasuredTables tables_;
  KernelSamples samples_;
  Merger merger_;
  std::vector<Diagnostic> problems_;
};

}  // namespace

FileKind kind_of(const std::string& text) {
  if (looks_like_measurement(text)) return FileKind::measurement;
  const std::set<std::string> header = header_of(text);
  const auto has = [&](const std::vector<std::string>& columns) {
    return std::all_of(columns.begin(), columns.end(),
                       [&](const std::string& column) { return header.count(column) > 0; });
  };
  const bool kernels = has({"time_us", "M", "N", "K"}) || has({"impl", "head_dim", "seq", "eff"}) ||
                       has({"traffic_MB_lo", "median_us", "peak_GBps"});
  return kernels ? FileKind::kernel_table : FileKind::nccl_log;
}

CalibrationContents FilesCalibration::contents() const {
  CalibrationContents result;
  result.machine = merged.machine;
  result.collectives = collectives.calibrations();
  result.constants = constants.constants;
  return result;
}

bool FilesCalibration::empty() const {
  return constants.constants.empty() && collectives.calibrations().empty();
}

bool FilesCalibration::any_refused() const {
  return !collectives.problems.empty() ||
         std::any_of(collectives.logs.begin(), collectives.logs.end(),
                     [](const CalibratedLog& log) { return log.refused(); }) ||
         std::any_of(constants.refusals.begin(), constants.refusals.end(),
                     [](const Refusal& refusal) { return refusal.broken; });
}

FilesCalibration calibrate_files(const std::vector<std::string>& files, const Catalog& catalog,
                                 const Aliases& aliases, const ClusterChoice& choice) {
  FilesReader reader(catalog, aliases, choice);
  for (const std::string& file : files) reader.read(file);
  return reader.result();
}

}  // namespace lockstep
