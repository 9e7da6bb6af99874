// The objects of a plan and of a scenario that the JSON of several commands shares.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "sim/report/report.hpp"

namespace lockstep {

struct CalibrationEffect;
struct SearchReport;

// Raised where a key changes its meaning or goes; a new key leaves it.
constexpr int schema_version = 1;

// Everything about a plan of the report.
nlohmann::ordered_json plan_json(const Report& report, const PlanReport& plan);

nlohmann::ordered_json scenario_json(const Report& report);

// What report_json() and search_json() write, as objects.
nlohmann::ordered_json report_document(const Report& report, const std::string& command,
                                       const CalibrationEffect* calibration = nullptr);
nlohmann::ordered_json search_document(const SearchReport& report);

// A document as the commands print it.
std::string json_text(const nlohmann::ordered_json& document);

}  // namespace lockstep
