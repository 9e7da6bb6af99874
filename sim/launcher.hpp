// Who started this process beside others.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace lockstep {

struct Launcher {
  std::string name;            // "mpirun", "srun"; "" where nobody did
  std::int64_t processes = 0;  // 0: not known
  explicit operator bool() const { return !name.empty(); }
};

// What mpirun, mpiexec or srun left in the environment. `variable` gives a variable's value or
// null.
Launcher find_launcher(const std::function<const char*(const char*)>& variable);

}  // namespace lockstep
