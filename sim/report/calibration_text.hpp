#pragma once

#include <string>

#include "sim/report/calibration_effect.hpp"
#include "sim/report/render.hpp"

namespace lockstep {

// What stands below the report of a calibrated scenario. Names are printed for a terminal.
std::string calibration_effect_text(const CalibrationEffect& effect, const TextOptions& options);

}  // namespace lockstep
