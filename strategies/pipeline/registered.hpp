// The schedules that the table in schedule.cpp lists.
#pragma once

#include "strategies/pipeline/schedule.hpp"

namespace lockstep {

extern const Schedule one_f_one_b;
extern const Schedule gpipe;
extern const Schedule zb_h1;
extern const Schedule zb_v;

}  // namespace lockstep
