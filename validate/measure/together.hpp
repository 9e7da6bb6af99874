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

// Who speaks before the processes end.
struct Streams {
  std::ostream& out;
  std::ostream& err;
};

// Runs a measuring command on every process. The first process's outcome is the run's: the others
// have its exit code and say nothing. What ends with another code than 0 is written here, before
// any of several processes ends: a launcher drops what it had not read by then. An error outside of
// agree() keeps others waiting, so it ends all processes at once. Where the process is alone, its
// outcome is returned and its error thrown on.
Outcome run_together(Processes& processes, const Streams& streams,
                     const std::function<Outcome()>& command);

}  // namespace lockstep::validation
