// The command line of lockstep-validate.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

namespace lockstep::validation {

// Runs `lockstep-validate <arguments>` (without argv[0]). `program` is the running executable, beside which an
// installed catalog lies; empty: unknown. The result goes to `out` in one write, everything else to `err`.
// Returns the exit code: 0, 1 internal error, 2 usage, 3 invalid input, 5 out of tolerance. Never throws.
int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err,
        const std::filesystem::path& program);

}  // namespace lockstep::validation
