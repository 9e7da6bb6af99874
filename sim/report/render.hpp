// Renderings of a Report. Pure: they return text and know nothing of terminals beyond the options.
#pragma once

#include <string>

#include "sim/report/report.hpp"

namespace lockstep {

struct CalibrationEffect;

struct TextOptions {
  bool color = false;
  int width = 100;
  bool ops = false;  // every op under its roof, not a row for each line of the partition
};

std::string simulate_text(const Report& report, const TextOptions& options);   // one plan
std::string compare_text(const Report& report, const TextOptions& options);    // all plans
// `command` is "simulate" or "compare"; with an effect the object `calibration` is there too.
std::string report_json(const Report& report, const std::string& command,
                        const CalibrationEffect* calibration = nullptr);
std::string report_csv(const Report& report);

}  // namespace lockstep
