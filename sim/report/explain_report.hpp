// Renderings of an Explanation. Pure.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "sim/explain/explanation.hpp"
#include "sim/report/render.hpp"

namespace lockstep {

// The document of `compare --format json` with `explained` and `explanation`.
nlohmann::ordered_json explain_document(const Report& report, const Explanation& why);

// The explained plan's verdict, then why. At most options.width columns.
std::string explain_text(const Report& report, const Explanation& why, const TextOptions& options);

// A row for every scalar, counterfactual and entry of the ledger.
std::string explain_csv(const Report& report, const Explanation& why);

}  // namespace lockstep
