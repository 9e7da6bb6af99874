// Pieces that the text reports share.
#pragma once

#include <string>
#include <vector>

#include "scenarios/constant_table.hpp"
#include "sim/report/display.hpp"
#include "sim/report/render.hpp"

namespace lockstep::text {

// One line per paragraph of prose, wrapped to the width of the options.
std::string paragraph(const std::string& words, const TextOptions& options, std::string_view indent = "  ");

// Title, model, cluster, tokens and precision.
std::string heading(const Report& report, const TextOptions& options);

// "0.736 ± 2.4 %, fitted".
std::string constant_with_spread(const Sensitivity& s, const ConstantTable& table);

// "not modelled: …".
std::string not_modelled_text(const Report& report, const TextOptions& options);

// "Nearest measured runs: llama3-70b on 256 × h100-sxm-80gb, torchtitan (predicted −6 %); …", of them
// `shown`; says first where no run has the software on this generation of GPUs. "" without evidence.
std::string nearest_evidence(const PlanReport& plan, std::size_t shown);

// "fits", "too big".
Cell verdict(const PlanReport& plan);

}  // namespace lockstep::text
