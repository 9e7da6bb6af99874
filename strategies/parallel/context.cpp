#include "strategies/parallel/context.hpp"

namespace lockstep {

namespace {

const ContextExchange& exchange_of(const Plan& plan) {
  for (const ContextExchange& exchange : context_exchanges()) {
    if (exchange.method == plan.context.method) return exchange;
  }
  return context_exchanges().front();
}

}  // namespace

const std::vector<ContextExchange>& context_exchanges() {
  static const std::vector<ContextExchange> table{ring_exchange, all_gather_exchange,
                                                  ulysses_exchange};
  return table;
}

void enter_context(const BlockContext& context, BlockBuilder& building,
                   const ContextWidths& widths) {
  if (context.plan.context.degree > 1) exchange_of(context.plan).enter(context, building, widths);
  building.begin_section();
}

void leave_context(const BlockContext& context, BlockBuilder& building,
                   const ContextWidths& widths) {
  if (context.plan.context.degree > 1) exchange_of(context.plan).leave(context, building, widths);
}

// Causal work of n tokens that stand last of c n: n (c n - n / 2) pairs; the mean is c n^2 / 2.
double busiest_context_rank(const Context& context) {
  if (context.degree == 1 || context.balanced) return 1.0;
  const auto c = static_cast<double>(context.degree);
  return (2 * c - 1) / c;
}

}  // namespace lockstep
