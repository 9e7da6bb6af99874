// Interleaved 1F1B: the schedule 1f1b where a stage holds several model chunks.
#pragma once

#include "strategies/pipeline/schedule.hpp"

namespace lockstep {

std::unique_ptr<PassOrder> interleaved_order(const PipelinePosition& at);
double interleaved_in_flight(const PipelinePosition& at);
std::optional<Seconds> interleaved_bubble(const PipelinePosition& at, const PassCost& chunk);

}  // namespace lockstep
