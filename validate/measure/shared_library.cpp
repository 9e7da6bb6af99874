#include "validate/measure/shared_library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "validate/measure/failures.hpp"

namespace lockstep {

SharedLibrary::SharedLibrary(const std::string& what, const std::vector<std::string>& names,
                             const std::string& folder,
                             const std::vector<std::string>& further_folders)
    : what_(what) {
  std::vector<std::string> candidates;
  if (!folder.empty()) {
    for (const std::string& name : names) candidates.push_back(folder + '/' + name);
  }
  candidates.insert(candidates.end(), names.begin(), names.end());
  for (const std::string& further : further_folders) {
    for (const std::string& name : names) candidates.push_back(further + '/' + name);
  }
  std::string problem;
  for (const std::string& candidate : candidates) {
    handle_ = ::dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ != nullptr) {
      path_ = candidate;
      return;
    }
    // A file that is there but does not load says more than one that is not there.
    std::error_code unknown;
    const char* said = ::dlerror();
    if (problem.empty() || std::filesystem::exists(candidate, unknown))
      problem = said == nullptr ? "" : said;
  }
  throw Unavailable(fmt::format("{} is not here: {}", what, problem));
}

void* SharedLibrary::find(const char* name) const { return ::dlsym(handle_, name); }

void* SharedLibrary::function(const char* name) const {
  void* found = find(name);
  if (found != nullptr) return found;
  throw Unavailable(fmt::format("{} ({}) is too old or too new: it has no {}", what_, path_, name));
}

}  // namespace lockstep
