// The command line of lockstep-validate.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

namespace lockstep::validation {

// Runs `lockstep-validate <arguments>` (without argv[0]). `program` is the running executable, beside which an
// installed catalog lies; empty: unknown. The result goes to `out` in one write, everything else to `err`: also
// how far a long run is, where `show_progress`.
// Returns the exit code: 0, 1 internal error, 2 usage, 3 invalid input, 5 out of tolerance, 141 nobody reads the
// result any more (as if SIGPIPE had ended the program). Never throws.
int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err,
        const std::filesystem::path& program, bool show_progress = false);

}  // namespace lockstep::validation
