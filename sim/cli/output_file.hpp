// Files that a command writes beside its result.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

namespace lockstep::cli {

// Writes a file as a whole or not at all: into a temporary file beside it that then takes its
// place. What is no regular file (a device, a pipe) is written as it is. Throws UsageError, which
// names the option, where that fails.
void write_file(const std::string& path, const std::string& option,
                const std::function<void(std::ostream&)>& content);

}  // namespace lockstep::cli
