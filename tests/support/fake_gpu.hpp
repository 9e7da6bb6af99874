// The fake GPUs of tests/fake_gpu under the names of the real libraries, for --libraries.
#pragma once

#if LOCKSTEP_HAS_CUDA

#include "validate/gpu/cuda_runtime.hpp"
#if LOCKSTEP_HAS_NCCL
#include "validate/nccl/nccl_library.hpp"
#endif

#include <filesystem>
#include <string>

#include "tests/cli/process.hpp"

namespace lockstep::test {

class FakeGpuLibraries {
 public:
  FakeGpuLibraries() {
    const std::string cuda = std::to_string(CUDART_VERSION / 1000);
    link("libcudart.so." + cuda);
    link("libcublasLt.so." + cuda);
    link("libcuda.so.1");
#if LOCKSTEP_HAS_NCCL
    link(nccl_name());
#endif
  }
  [[nodiscard]] std::string path() const {
    return folder_.path().string();
  }

  // Puts another library in place of one of the fakes; "" leaves a file that is no library.
  void replace(const std::string& name, const std::string& target) const {
    std::filesystem::remove(folder_.path() / name);
    if (target.empty()) {
      static_cast<void>(folder_.file(name, "no library\n"));
    } else {
      std::filesystem::create_symlink(target, folder_.path() / name);
    }
  }

#if LOCKSTEP_HAS_NCCL
  static std::string nccl_name() {
    return "libnccl.so." + std::to_string(NCCL_MAJOR);
  }
#endif

 private:
  void link(const std::string& name) const {
    std::filesystem::create_symlink(LOCKSTEP_TEST_FAKE_GPU, folder_.path() / name);
  }

  TemporaryFolder folder_;
};

}  // namespace lockstep::test

#endif
