// One search over the ranks of a run: rank 0 leads, the others help.
//
// Rank 0 deals out shares of the items as ranks come back for more, works through items itself, and
// hands on what was found, so that all prune by it. Each share counts once, when its result has
// come; the share of a rank that falls silent is dealt out again. The result is that of one
// process.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "sim/search/post.hpp"
#include "sim/search/rank_letters.hpp"
#include "sim/search/search_work.hpp"

namespace lockstep {

struct SpreadOptions {
  int threads = 0;  // of this rank; 0: as many as the process may use
  Hello hello;      // of this rank
  std::function<void(std::uint64_t done, std::uint64_t all)> progress;  // may be empty
  const std::atomic<bool>* stop = nullptr;                              // of the leader
  std::function<void(const std::string&)> note;                         // a line for the user
  // A rank counts as lost once it has said nothing for so long. Ranks say something every second,
  // and once they have read their input.
  std::chrono::duration<double> patience = std::chrono::minutes(1);
};

// A rank cannot go on; no std::exception, so that nobody takes it for an error of this process.
struct RankFailure {
  int rank = 0;
  int code = 1;       // exit code
  std::string words;  // whole lines
};

// The state after all items, or, once `stop` is true, after those that were done. Throws
// RankFailure where a rank cannot begin, differs from this one or fails.
SearchState lead(const SearchWork& work, Post& post, const SpreadOptions& options);

// How the run ends.
struct RunEnd {
  int code = 0;
  bool lost = false;  // a rank is lost: whoever waits for all ranks waits for ever
};

// Until the leader ends the run. Throws RankFailure where the leader is lost.
RunEnd help(const SearchWork& work, Post& post, const SpreadOptions& options);

// Instead of help() for a rank that cannot begin: says why, and waits for the end.
RunEnd decline(Post& post, const Hello& hello);

// Of the leader, in the end: all helpers end like this.
void end_run(Post& post, const RunEnd& end);

}  // namespace lockstep
