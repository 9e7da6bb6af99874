// How the processes of a measuring run end alike, with one message.
#pragma once

#include <functional>

#include "validate/command.hpp"
#include "validate/measure/processes.hpp"

namespace lockstep::validation {

// Runs `local` on every process: what each does by itself, such as reading options and files.
// Where it throws on some, their first process throws that error, the others something that
// run_together() understands; so none goes on alone. Called by all processes.
void agree(Processes& processes, const std::function<void()>& local);

// Runs a measuring command on every process. The first process's outcome is the run's: the others
// have its exit code and say nothing. An error outside of agree() keeps others waiting, so it is
// written to `err` and ends all processes at once; where the process is alone it is thrown on.
Outcome run_together(Processes& processes, std::ostream& err,
                     const std::function<Outcome()>& command);

}  // namespace lockstep::validation
