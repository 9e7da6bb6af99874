// `lockstep search` over the ranks of a run: every rank reads the same input, rank 0 reports.
#pragma once

#include <chrono>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "sim/cli/environment.hpp"
#include "sim/search/spread.hpp"

namespace lockstep::cli {

struct SpreadSetup {
  Hello hello;      // of this rank; its program and host
  int threads = 0;  // of this rank, where the command does not say
  std::chrono::duration<double> patience = SpreadOptions{}.patience;
  // Called before the run ends with another code than 0: until then a launcher has read what was
  // written.
  std::function<void()> let_words_arrive;
};

// Runs `lockstep <arguments>` on this rank and returns how the run ends. `out` and `err` are those
// of the run on rank 0; what other ranks have to say goes to rank 0.
RunEnd run_spread(Post& post, const std::vector<std::string>& arguments, std::ostream& out,
                  std::ostream& err, const Environment& environment, const SpreadSetup& setup);

}  // namespace lockstep::cli
