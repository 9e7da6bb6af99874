// The tables of `validate runs` in Markdown, for its own output and for the page of the tool's
// accuracy. Each is "" where it would have no row.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "validate/runs.hpp"

namespace lockstep {

// Rows of one grouping and then all together.
std::string error_table(const RunsReport& report, const std::string& metric,
                        const std::string& group_by);
std::string out_of_memory_table(const RunsReport& report);
std::string noise_table(const RunsReport& report);
std::string rank_table(const RunsReport& report);
std::string regret_table(const RunsReport& report);
// What the search picks, by source and space; the words that belong above it; and every group's.
std::string search_regret_table(const RunsReport& report);
std::string search_regret_words();
std::string searched_table(const RunsReport& report);
// Every group of the source.
std::string choices_table(const RunsReport& report, const std::string& source);
std::string worst_table(const RunsReport& report);
std::string suspicion_table(const RunsReport& report);
std::string skipped_table(const RunsReport& report);

// "Sources weighted equally …": one sentence per metric.
std::string over_sources_sentence(const SourceMean& one);

// The sources that stay apart.
std::vector<std::string> apart_of(const RunsReport& report);

// How many rows were skipped for each reason, the most frequent first.
std::vector<std::pair<std::string, std::size_t>> skip_reasons(const RunsReport& report);
std::size_t simulated_rows(const RunsReport& report);

}  // namespace lockstep
