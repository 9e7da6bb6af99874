// How long the passes of a step and its reductions take: run_step's placement without its slices,
// its chains of work and its choice of whose turn it is.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/engine/pass_table.hpp"
#include "sim/engine/pipeline_view.hpp"

namespace lockstep {

// Keeps its buffers from one step to the next.
class PassSweep {
 public:
  // From the start of the step to the end of the last stage's reductions. `table` is of the same
  // schedule, stages and interleave, and of micro-batches that make up the step's with whole
  // rounds.
  //
  // All instants after a round are a max-plus linear map of those before it. Such a map moves no
  // two states further apart (Baccelli et al. 1992, Synchronization and Linearity, section 3), so
  // once some rounds have moved every instant on by between g and g', as many more do too, and
  // skipping n times as many by moving all of them on by n (g + g') / 2 is wrong by at most
  // n (g' - g) / 2. Rounds are skipped once g' - g is nothing but rounding.
  double end_of_reductions(const PipelineView& work, const PassTable& table);

  // That the last step ran, of those that its table left out.
  [[nodiscard]] std::int64_t rounds_run() const { return rounds_run_; }

 private:
  void load(const PipelineView& work, const PassTable& table);
  void load_stage(const PipelineView& work, const PassTable& table, std::size_t stage);
  void load_gathers(const StageWork& stage, std::size_t first_chunk, double& data);
  template <bool slow_sends>
  void run(const PipelineView& work, const PassTable& table);
  template <bool slow_sends>
  void run_round(const PassTable& table);
  template <bool slow_sends>
  void run_rounds(const PassTable& table, std::int64_t rounds);
  template <bool slow_sends>
  void run_part(const PipelineView& work, const PassTable& table,
                const std::vector<PassTask>& tasks, bool with_first, bool with_last);
  template <bool slow_sends>
  void run_tasks(const PassTask* begin, const PassTask* end);
  template <bool slow_sends>
  void place_first(const PipelineView& work, const PassTable& table, const PassTask& task);
  [[nodiscard]] double start_of(const PassTask& task) const;
  template <class Visit>
  void visit_state(const PassTable& table, Visit visit);
  void keep_state(const PassTable& table);
  // By how much all instants have moved since; nothing if not all by the same.
  std::optional<double> moved_as_one(const PassTable& table);
  void place_reductions(const PipelineView& work, const PassTable& table);

  // Instants: when slots' results are there, when stages' compute streams are free, when their
  // send streams are. What is at 0 has not moved yet and holds nobody up.
  std::vector<double> instants_;
  std::size_t stages_at_ = 0;  // index into instants_
  std::size_t senders_at_ = 0;
  std::vector<double> before_;       // the state to compare with
  std::vector<double> length_;       // of ops, with the transfer that blocks after them
  std::vector<double> transfer_;     // of ops
  std::vector<std::size_t> sender_;  // of ops: index into instants_
  std::vector<double> late_end_;     // of chunks: end of their gather's late share
  std::vector<double> data_;         // of stages: when their data streams are free
  std::vector<double> last_start_;   // as table.last
  bool slow_sends_ = false;          // some hidden part is longer than the pass beside it
  bool gathers_ = false;
  bool reduces_ = false;
  std::int64_t rounds_run_ = 0;
};

}  // namespace lockstep
