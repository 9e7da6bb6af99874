// How far a plan is from a run that was measured.
#pragma once

#include "scenarios/evidence.hpp"
#include "scenarios/scenario.hpp"

namespace lockstep {

// What distance() looks at; nothing measured.
EvidenceRow described(const Model& model, const Training& training, const Cluster& cluster,
                      const Plan& plan);

// Sum over what differs; 1 is about as much as decides whether an error carries over. Judgement:
//   software        1.5; 0.8 in one family (the name up to the first '-')
//   GPU             1; 0.3 in one generation
//   precision       1; 0.1 between fp16 and bf16
//   experts         2 between a model with and one without
//   context         1 between a plan with context parallelism and one without
//   |log2| of parameters, GPUs, tensor, pipeline, expert degree and sequence: 1/4 a doubling
//   micro-batch     1/6 a doubling
//   sharding 0.2, recompute 0.3
double distance(const EvidenceRow& a, const EvidenceRow& b);

// Linears of 8 or 4 bit.
bool is_narrow(const std::string& precision);

// The software was measured on this generation of GPUs.
bool same_setting(const EvidenceRow& a, const EvidenceRow& b);

}  // namespace lockstep
