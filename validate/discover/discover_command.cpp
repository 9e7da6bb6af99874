// lockstep-validate discover
#include "validate/command.hpp"
#include "validate/measure/failures.hpp"

namespace lockstep::validation {

Outcome run_discover(const std::vector<std::string>& words, const std::filesystem::path& program,
              std::ostream* progress_to) {
  static_cast<void>(words);
  static_cast<void>(program);
  static_cast<void>(progress_to);
  throw Unavailable("this command is being built");
}

}  // namespace lockstep::validation
