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

// "  STEP   ", in the colour of what counts.
std::string label(const char* name, const TextOptions& options);

// "├─ " before a row of a list, "└─ " before its last one.
const char* branch(std::size_t i, std::size_t count);

// "+3.4 %", "−12 %".
std::string signed_percent(double share);

// Where the step goes, line by line; the lines sum to the step. "" where nothing was predicted.
std::string partition(const PlanReport& plan, const TextOptions& options);

// What fills the memory at the peak, class by class; the lines sum to the peak. "" without a prediction.
std::string memory_classes(const PlanReport& plan, const TextOptions& options);

// What each kind of collective takes and how much of it is exposed; "" where there are none.
std::string collectives(const PlanReport& plan, const TextOptions& options);

// The lines STEP, PEAK, BOUND, RUN and NOTE of a plan.
std::string headline(const Report& report, const PlanReport& plan, const TextOptions& options);

// Percentages of parts of `total`, rounded so that they sum to 100: "43 %".
std::vector<std::string> shares(const std::vector<double>& parts, double total);

// "2.46 M USD", and "at 2.5 USD a GPU-hour, 2026-11-01".
std::string money(double amount, const Price& price);
std::string price_text(const Price& price);

// What the whole run takes with each of the plans, under the names that are given; "" where neither its
// length nor a price is stated.
struct RunRow {
  std::string name;
  const PlanReport* plan = nullptr;
};
std::string run_table(const Scenario& scenario, const std::vector<RunRow>& rows,
                      const TextOptions& options);

// "fits", "too big".
Cell verdict(const PlanReport& plan);

}  // namespace lockstep::text
