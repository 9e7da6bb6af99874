// The methods that the table in nccl_tuning.cpp lists.
#pragma once

#include "topology/collectives/nccl_algorithms.hpp"

namespace lockstep::nccl {

extern const Method ring;
extern const Method tree;
extern const Method collnet_direct;
extern const Method collnet_chain;
extern const Method nvls;
extern const Method nvls_tree;
extern const Method pat;

}  // namespace lockstep::nccl
