// What a step is asked for and what comes back, apart from how it is placed.
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

#include "sim/engine/step_timeline.hpp"

namespace lockstep {

void check(const StepWork& work) {
  const auto refuse = [](const char* what) {
    throw std::logic_error(std::string("step timeline: ") + what);
  };
  if (work.schedule == nullptr || work.stages.empty()) refuse("no schedule or no stages");
  if (work.micro_batches < 1) refuse("no micro-batches");
  if (work.micro_batches > std::numeric_limits<std::int32_t>::max()) {
    refuse("more micro-batches than it can count");
  }
  if (!accepts_interleave(*work.schedule, work.interleave)) refuse("interleave without meaning");
  const auto chunks = static_cast<std::size_t>(work.interleave);
  for (const StageWork& stage : work.stages) {
    if (stage.chunks.size() != chunks)
      refuse("a stage's chunks are not as many as interleave says");
    for (const std::vector<SyncCost>* costs : {&stage.gather, &stage.reduce}) {
      if (!costs->empty() && costs->size() != chunks) refuse("collectives not one per chunk");
      for (const SyncCost& cost : *costs) {
        if (cost.buckets < 1) refuse("a collective without buckets");
      }
    }
  }
}

Seconds CriticalPath::total() const {
  return std::accumulate(by_kind.begin(), by_kind.end(), Seconds{});
}

}  // namespace lockstep
