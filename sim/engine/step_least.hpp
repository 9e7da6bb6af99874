// A time that a step cannot go below, found without placing its passes.
#pragma once

#include <vector>

#include "sim/engine/pass_table.hpp"
#include "sim/engine/pipeline_view.hpp"

namespace lockstep {

// Keeps its buffers from one step to the next.
//
// With n for the model's N chunks in order, where stage s has chunk s first and d(s) last; f, b, w
// of a chunk with the transfers that block after them; F and B the same with the longer one of pass
// and hidden part in the pass's place, which is the least that a result takes from the start of its
// pass to its receiver; m micro-batches. Every number below is a lower bound, because every pass
// waits for the pass before it on its stage and for the result of its neighbour:
//   start of the first forward pass of chunk n:  a(n) = a(n-1) + F(n-1), and no less than what is
//     there of its gather demands (end_beside_gather)
//   first backward pass of s, on d(s):
//     X = max(a(s) + work before it, a(N-1) + f(N-1) + sum over n > d(s) of B(n))
//   end of the last forward pass of s, also on d(s):
//     Y = X + work between the two, or a(s) + work before X where that is all forward passes
//   last backward pass of s, on its first chunk, of the last micro-batch: starts at
//     Z = max(X + work between the two, Y + sum over n > d(s) of F(n) + sum over n > s of B(n),
//             Z(s+1) + B(s+1))
//   end of the stage:  E = Z + b(s) + work after it
//   end of its reductions: the pieces of its first chunk, which become ready during the stage's
//     last pass; late shares; after_reduce.
// The step takes the longest of these, and the slowest optimizer and the host's work after it.
// How much a stage does before, between and after is the schedule's own order (PassTable::counts).
// Where that is not of this form, E = max(a(s) + all work, Z(s+1) + B(s+1) + b(s)).
class StepLeast {
 public:
  // Seconds to the end of the last stage's reductions. `table` may be null.
  double end_of_reductions(const PipelineView& work, const PassTable* table);

 private:
  struct Chunk {
    double forward = 0;
    double backward = 0;
    double weight_gradient = 0;
    double forward_through = 0;
    double backward_through = 0;
    double gathered = 0;         // least end of the first forward pass, for its gather
    double start = 0;            // of the first forward pass
    double forward_beyond = 0;   // forward_through of the chunks after it, together
    double backward_beyond = 0;  // backward_through
  };
  // Seconds of work of a stage.
  struct Work {
    double all = 0;
    double lead = 0;
    double trail = 0;
    double after = 0;
    bool forward_leads = false;  // all of it
  };

  void load(const PipelineView& work);
  void load_gathers(const PipelineView& work, std::size_t stage);
  void reach_chunks(const PipelineView& work);
  Chunk& chunk(const PipelineView& work, std::size_t stage, std::size_t own);
  Work work_of(const PipelineView& work, const PassTable* table, std::size_t stage);
  double reductions_after(const PipelineView& work, std::size_t stage, double end,
                          bool ends_on_first_chunk);

  std::vector<Chunk> chunks_;  // in the model's order
  double forward_end_ = 0;     // of the first micro-batch
};

}  // namespace lockstep
