// Renderings of a Report. Pure: they return text and know nothing of terminals beyond the options.
#pragma once

#include <string>

#include "sim/report/report.hpp"

namespace lockstep {

struct TextOptions {
  bool color = false;
  int width = 100;
  bool ops = false;  // every op under its roof, not a row for each line of the partition
};

std::string simulate_text(const Report& report, const TextOptions& options);   // one plan
std::string compare_text(const Report& report, const TextOptions& options);    // all plans
std::string report_json(const Report& report, const std::string& command);     // "simulate" | "compare"
std::string report_csv(const Report& report);

}  // namespace lockstep
