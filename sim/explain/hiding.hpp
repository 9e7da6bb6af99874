// From how many tokens per GPU and micro-batch on communication hides behind compute.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/explain/question.hpp"

namespace lockstep {

// Why a kind of communication has a threshold, or none.
enum class HidingRule {
  beside_units,   // its time stays while compute grows with the tokens: gathers of FSDP's units
  after_backward, // the same, beside the last backward pass: gradients of replicated or ZeRO-1/2 data
  not_prefetched, // FSDP whose units are gathered when they are needed: nothing runs beside them
  grows           // it grows with the tokens as compute does: tensor, context, experts, transfers
};

const char* to_string(HidingRule rule);

struct Hiding {
  std::string what;  // "FSDP collectives of the layers"
  HidingRule rule = HidingRule::grows;
  double tokens_now = 0;         // of one rank of the data dimension, in a micro-batch
  std::optional<double> tokens;  // from these on it hides; none: no threshold, or beyond a million
  double exposed_s = 0;          // of the step, now
  double in_all_s = 0;           // of its collectives
  double bandwidth = 0;          // bytes of whole buffers per second, as they run in the step
  [[nodiscard]] bool hidden() const { return tokens && tokens_now >= *tokens; }
};

// Of every kind of communication of the plan that takes time. Thresholds come from predicting again with other
// sequence lengths, the micro-batch as it is: the fewest tokens at which no more is waited for than
// at a million of them, to a thousandth of the collectives' time. Those of FSDP are of the layers:
// embedding and head, whose units find no compute of their own to run beside, are left out.
//   tokens = e P / B
// for layers of linears alone, which do 2 + 4 FLOPs and gather 2 + 2 and reduce 2 bytes per
// parameter and token: e P is what a GPU sustains and B the bandwidth of the collectives. Attention
// lowers it, recompute too (8 FLOPs), reductions in 4 bytes raise it.
std::vector<Hiding> hidings(const Question& question, const PlanReport& report);

// "FSDP collectives … hide from 1 390 tokens per GPU and micro-batch on (here 8 190): at 320 GB/s".
std::string statement_of(const Hiding& one);

}  // namespace lockstep
