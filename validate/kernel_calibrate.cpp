#include "validate/kernel_calibrate.hpp"

#include <fmt/format.h>

#include <fstream>

#include "scenarios/utf8.hpp"
#include "scenarios/yaml_reader.hpp"
#include "validate/kernel_corpus.hpp"
#include "validate/kernel_fit.hpp"
#include "validate/kernel_report.hpp"

namespace lockstep::validation {
namespace {

std::vector<std::string> default_tables(const std::filesystem::path& catalog) {
  const std::filesystem::path folder = catalog.parent_path() / "validate" / "corpus" / "kernels";
  std::vector<std::string> files;
  for (const char* name : {"gemm_efficiency.csv", "flash_attention.csv", "membound_ops.csv"}) {
    files.push_back((folder / name).lexically_normal().string());
  }
  return files;
}

KernelCorpus read_tables(const std::vector<std::string>& files) {
  KernelCorpus corpus;
  std::vector<Diagnostic> problems;
  for (const std::string& file : files) {
    const std::optional<std::string> text = read_text_file(file, Origin::scenario, problems);
    if (text) add_kernel_table(*text, file, corpus);
  }
  if (!problems.empty()) throw InputError(std::move(problems));
  return corpus;
}

}  // namespace

void write_result(const std::string& path, const std::string& text, const std::string& what) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (file) return;
  Diagnostic diagnostic;
  diagnostic.code = "E530";
  diagnostic.file = path;
  diagnostic.message = what + " could not be written";
  diagnostic.hint = "is the folder there, may it be written, is the disk full?";
  throw InputError({std::move(diagnostic)});
}

Outcome run_corpus_kernels(const Arguments& arguments, const std::filesystem::path& catalog) {
  const KernelFit fit =
      fit_kernels(read_tables(arguments.files.empty() ? default_tables(catalog) : arguments.files));
  const std::string format = arguments.value("format", "text");
  if (format == "markdown") {
    throw UsageError("--corpus kernels has no --format markdown", "text or json");
  }
  Outcome outcome;
  outcome.output = format == "json" ? kernel_fit_json(fit) : kernel_fit_text(fit);
  const std::string file = arguments.value("output");
  if (file.empty()) return outcome;
  write_result(file, kernel_fit_yaml(fit), "the fit of the kernels");
  outcome.remark = fmt::format("lockstep-validate: wrote {} with {} constants\n", printable(file),
                               fit.constants.size());
  return outcome;
}

}  // namespace lockstep::validation
