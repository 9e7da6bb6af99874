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

// What the search for a threshold came to.
enum class Threshold {
  from,            // it hides from so many tokens on
  always,          // at the shortest sequence already
  beyond,          // not within a million tokens
  nothing_beside,  // there is nothing that it could run beside: all of it is waited for at any length
  none             // by its rule, or no other sequence length is legal
};
const char* to_string(Threshold threshold);

struct Hiding {
  std::string what;  // "FSDP collectives of the layers"
  HidingRule rule = HidingRule::grows;
  Threshold threshold = Threshold::none;
  double tokens_now = 0;         // of one rank of the data dimension, in a micro-batch
  std::optional<double> tokens;  // of Threshold::from
  // The same with the units of embedding and head, where FSDP has a threshold; none: beyond.
  std::optional<double> tokens_with_ends;
  double always_exposed = 0;     // of the collectives' time, what is waited for at a million tokens too
  double exposed_s = 0;          // of the step, now
  double in_all_s = 0;           // of its collectives
  double bandwidth = 0;          // bytes of whole buffers per second, as they run in the step
  // Whether all that can hide does, and that is nearly all.
  [[nodiscard]] bool hidden() const;
};

// Of every kind of communication of the plan that takes time. Thresholds come from predicting again
// with other sequence lengths, the micro-batch as it is: the fewest tokens at which no larger share
// is waited for than at a million of them, to a thousandth of the collectives' time. Those of FSDP
// are of the layers: embedding and head, whose units find no compute of their own to run beside,
// are left out. Longer sequences have more attention, which helps.
//   tokens = e P / B
// for layers of linears alone, which do 2 FLOPs forward and 4 backward and gather 2 bytes forward,
// and gather 2 and reduce 2 backward, per parameter and token: e P is what a GPU sustains and B the
// bandwidth of the collectives. Both passes bind alike there: reductions in 4 bytes make the
// backward pass bind, at 1.5 e P / B, unless recompute adds to its compute.
std::vector<Hiding> hidings(const Question& question, const PlanReport& report);

// "FSDP collectives … hidden from 1 390 tokens per GPU and micro-batch on (here 8192 …), at 320 GB/s".
std::string statement_of(const Hiding& one);

}  // namespace lockstep
