// The unit parser ends every text with a finite number or a message, never with both or neither.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "topology/quantity_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using lockstep::Dimension;
  const std::string text(data, data + size);
  for (const Dimension dimension :
       {Dimension::none, Dimension::bytes, Dimension::seconds, Dimension::bytes_per_second,
        Dimension::flops, Dimension::flops_per_second, Dimension::watts}) {
    const lockstep::ParsedQuantity parsed = lockstep::parse_quantity(text, dimension);
    if (parsed.value.has_value() != parsed.message.empty()) std::abort();
    if (parsed.value && !std::isfinite(*parsed.value)) std::abort();
  }
  return 0;
}
