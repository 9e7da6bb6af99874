// A library of the machine that is loaded when it is first needed, so that one program works where
// there is none.
#pragma once

#include <string>
#include <vector>

namespace lockstep {

// Keeps the library for the life of the process: CUDA and NCCL cannot be unloaded safely.
class SharedLibrary {
 public:
  // Tries `folder`/name for every name first where `folder` is not "", then every name as the
  // loader finds it, then in the further folders. Throws Unavailable, which says `what` is missing
  // ("the CUDA runtime") and what was tried.
  SharedLibrary(const std::string& what, const std::vector<std::string>& names,
                const std::string& folder, const std::vector<std::string>& further_folders = {});

  // Throws Unavailable where the library lacks the function.
  [[nodiscard]] void* function(const char* name) const;
  // Null where the library lacks it.
  [[nodiscard]] void* find(const char* name) const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string what_;
  std::string path_;
  void* handle_ = nullptr;
};

}  // namespace lockstep
