// Ctrl-C as a wish to end early with what there is.
#pragma once

#include <atomic>

namespace lockstep::cli {

// From the first call on, the first SIGINT sets the flag; the next one ends the process as it did
// before.
const std::atomic<bool>* catch_interrupts();

}  // namespace lockstep::cli
