// Context parallelism: how the attention core meets keys and values of the whole sequence. One .cpp
// file each.
#pragma once

#include <vector>

#include "strategies/layer/blocks.hpp"

namespace lockstep {

// Elements per token on one rank that the exchange moves.
struct ContextWidths {
  double query = 0;      // into the core
  double output = 0;     // out of the core
  double key_value = 0;  // keys and values together
};

// A method by the name that plans use.
struct ContextExchange {
  ContextMethod method;
  const char* name;
  const char* description;
  const char* source;
  // Before the core is added, outside any section of it; after it, in its section.
  void (*enter)(const BlockContext&, BlockBuilder&, const ContextWidths&);
  void (*leave)(const BlockContext&, BlockBuilder&, const ContextWidths&);
};
const std::vector<ContextExchange>& context_exchanges();

// Around the attention core, which the caller adds between them. enter_context opens the core's
// section in any case; both do nothing else where the sequence is whole.
void enter_context(const BlockContext& context, BlockBuilder& building,
                   const ContextWidths& widths);
void leave_context(const BlockContext& context, BlockBuilder& building,
                   const ContextWidths& widths);

// The methods; context.cpp lists them.
extern const ContextExchange ring_exchange;        // context_ring.cpp
extern const ContextExchange all_gather_exchange;  // context_all_gather.cpp
extern const ContextExchange ulysses_exchange;     // context_ulysses.cpp

// Attention that is not split evenly: the last of c ranks has tokens that attend to everything
// before them, (2 c - 1) / c of the mean work. 1 where every rank has a piece from each end.
double busiest_context_rank(const Context& context);

}  // namespace lockstep
