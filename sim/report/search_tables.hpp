// Tables of the plans that a search found. Every name is whole: over several rows where the width
// leaves no other way.
#pragma once

#include <string>

#include "sim/report/search_report.hpp"

namespace lockstep::search_tables {

// The best plans by place, with "=" at those that tie with the one above.
std::string best(const SearchReport& report, const TextOptions& options);

// Of each of the best by place: the parts of its step, what it does otherwise than the first, and
// how many variants are as good.
std::string otherwise(const SearchReport& report, const TextOptions& options);

// Of a front the plans at these places.
std::string front(const SearchReport& report, const SearchFront& front,
                  const std::vector<std::size_t>& places, const TextOptions& options);

}  // namespace lockstep::search_tables
