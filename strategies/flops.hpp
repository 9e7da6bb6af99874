// FLOPs of a training step by the conventions that MFU and HFU are quoted in.
#pragma once

#include "strategies/model.hpp"
#include "strategies/training.hpp"

namespace lockstep {

// Per token: 6 FLOPs per matmul parameter that the token meets (of experts: top_k, the shared ones
// and the router), and three times the forward FLOPs of causal, windowed attention in every layer;
// prediction modules included. Chowdhery et al. 2022 (arXiv:2204.02311), appendix B, with causality
// counted. Tokens that a capacity factor pads or drops do not change it. With
// adapters 4 per frozen parameter (no weight gradient); the adapters' own FLOPs, below 1 %, are left
// out.
double model_flops_per_token(const Model& model, const Training& training);

}  // namespace lockstep
