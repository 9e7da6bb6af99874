// What is set where one question is changed into another: the words that --set takes.
#pragma once

#include <string>
#include <vector>

#include "scenarios/constant_table.hpp"
#include "scenarios/scenario.hpp"
#include "sim/explain/question.hpp"

namespace lockstep {

// Every key of plan, software, training and cluster that differs, with its value in the changed
// question; applied to the scenario of the first, they give the second.
std::vector<Setting> changed_settings(const Question& question, const Question& changed);

// "plans.a.tensor=4, plans.a.sequence_parallel=false".
std::string settings_text(const std::vector<Setting>& settings);

// A value of a constant that reads back as the same number: "900 GB/s" where that is it, else all
// digits.
std::string exact_text(double value, Dimension dimension);

}  // namespace lockstep
