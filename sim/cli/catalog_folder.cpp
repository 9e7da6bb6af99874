#include "sim/cli/catalog_folder.hpp"

#include <fmt/format.h>

#include <system_error>

#include "scenarios/utf8.hpp"

namespace lockstep::cli {

namespace {

bool is_catalog(const std::filesystem::path& folder) {
  std::error_code error;
  return std::filesystem::is_directory(folder / "gpus", error);
}

std::filesystem::path own_catalog(const Environment& environment) {
  if (!environment.program.empty()) {
    const std::filesystem::path installed =
        (environment.program.parent_path() / LOCKSTEP_INSTALLED_CATALOG).lexically_normal();
    if (is_catalog(installed)) return installed;
  }
  return LOCKSTEP_SOURCE_CATALOG;
}

}  // namespace

std::vector<Setting> settings_of(const Arguments& arguments) {
  std::vector<Setting> settings;
  for (const std::string& text : arguments.values("set")) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError(fmt::format("--set {} is not of the form path=value", printable(text)),
                       "for example --set training.global_batch=1024");
    }
    settings.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  return settings;
}

Catalog open_catalog(const Arguments& arguments, const Environment& environment, std::vector<Setting> settings) {
  const bool named = arguments.has("catalog");
  const std::filesystem::path folder =
      named ? std::filesystem::path(arguments.value("catalog")) : own_catalog(environment);
  if (!is_catalog(folder)) {
    Diagnostic diagnostic;
    diagnostic.code = "E301";
    diagnostic.file = folder.string();
    diagnostic.message = "this folder is no catalog: it has no folder gpus/ in it";
    diagnostic.hint = named ? "--catalog names a folder with gpus/, systems/, models/ and software/, such as scenarios"
                            : "name the catalog with --catalog DIR";
    throw InputError({diagnostic});
  }
  return Catalog(folder, std::move(settings));
}

}  // namespace lockstep::cli
