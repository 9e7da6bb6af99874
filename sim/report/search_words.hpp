// Sentences of a search's report.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/report/search_report.hpp"

namespace lockstep::search_words {

// 3214567 -> "3.21 million", 62123 -> "62.1 thousand", 1234 -> "1 234".
std::string compact(std::uint64_t count);

// "the shortest step", "fewest GPUs for a run of at most 30 days".
std::string objective(const SearchRequest& request);

// "peak_memory <= 70 GiB", "tensor 2 to 8", "without offload", "4.00 GiB of each GPU kept free".
std::vector<std::string> limits(const SearchRequest& request);

// What was looked at and what became of it.
std::string verdict(const SearchReport& report);
std::string counts(const SearchReport& report);

// "Plans 1 to 7 are a tie (P = 0.50 to 0.62 for the first)."; "" for a plan by itself.
std::string tie(const TieGroup& group, Objective objective);

// What "+ 5 alike" in a list means; "" where no plan has any.
std::string alike(const SearchReport& report);

// "With 4.24 GiB more per GPU: 6.0 % faster, tp4-pp2 (13.1 s, 83.4 GiB)."
std::string relaxation(const FoundRelaxation& relaxation, const SearchReport& report);

// Where nothing fits: the plan that needs the least memory.
std::string nearest(const SearchReport& report);

}  // namespace lockstep::search_words
