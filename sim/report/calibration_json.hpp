#pragma once

#include <nlohmann/json.hpp>

#include "sim/report/calibration_effect.hpp"

namespace lockstep {

// The object `calibration` of the JSON of simulate and compare.
nlohmann::ordered_json calibration_effect_json(const CalibrationEffect& effect);

}  // namespace lockstep
