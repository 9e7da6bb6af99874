// What a step is asked for and what comes back, apart from how it is placed.
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

#include "sim/engine/pipeline_work.hpp"
#include "sim/engine/step_timeline.hpp"

namespace lockstep {

namespace {

[[noreturn]] void refuse(const char* what) {
  throw std::logic_error(std::string("step timeline: ") + what);
}

template <class Work>
void check_counts(const Work& work, bool any_stages) {
  if (work.schedule == nullptr || !any_stages) refuse("no schedule or no stages");
  if (work.micro_batches < 1) refuse("no micro-batches");
  if (work.micro_batches > std::numeric_limits<std::int32_t>::max()) {
    refuse("more micro-batches than it can count");
  }
  if (!accepts_interleave(*work.schedule, work.interleave)) refuse("interleave without meaning");
}

void check_stage(const StageWork& stage, std::size_t chunks) {
  if (stage.chunks.size() != chunks) refuse("a stage's chunks are not as many as interleave says");
  for (const std::vector<SyncCost>* costs : {&stage.gather, &stage.reduce}) {
    if (!costs->empty() && costs->size() != chunks) refuse("collectives not one per chunk");
    for (const SyncCost& cost : *costs) {
      if (cost.buckets < 1) refuse("a collective without buckets");
    }
  }
}

}  // namespace

void check(const StepWork& work) {
  check_counts(work, !work.stages.empty());
  for (const StageWork& stage : work.stages) {
    check_stage(stage, static_cast<std::size_t>(work.interleave));
  }
}

void check(const PipelineWork& work) {
  check_counts(work, !work.kind_of.empty());
  for (const StageWork& kind : work.kinds) {
    check_stage(kind, static_cast<std::size_t>(work.interleave));
  }
  for (const std::uint16_t kind : work.kind_of) {
    if (kind >= work.kinds.size()) refuse("a stage of no kind");
  }
  if (work.sends.size() != work.kind_of.size()) refuse("transfers not one per stage");
}

Seconds CriticalPath::total() const {
  return std::accumulate(by_kind.begin(), by_kind.end(), Seconds{});
}

}  // namespace lockstep
