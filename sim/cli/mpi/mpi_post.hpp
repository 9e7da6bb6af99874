// The ranks of an MPI job.
#pragma once

#include <memory>
#include <string>

#include "sim/search/post.hpp"

namespace lockstep::cli {

// How many of its machine's CPUs a rank may use, beside those that share them.
struct CpuShare {
  int threads = 1;
  int bound = 0;  // CPUs that the ranks of this machine are bound to
  int all = 0;    // of the machine
};

class MpiPost : public Post {
 public:
  // Of one job; MPI has been initialised. Call finish() in the end.
  virtual CpuShare cpu_share() = 0;
  // Called by every rank in the end: finalises MPI, unless a rank is lost.
  virtual void finish(bool lost) = 0;
};

// Initialises MPI; call it once. Throws std::runtime_error.
std::unique_ptr<MpiPost> mpi_post();

}  // namespace lockstep::cli
